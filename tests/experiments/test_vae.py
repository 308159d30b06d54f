import dataclasses

import jax
import numpy as np
import pytest

from neuraxis.errors import InputError
from neuraxis.experiment import Session
from neuraxis.experiments import vae
from neuraxis.experiments.shared.images import load
from neuraxis.experiments.vae.codes import between, plane
from neuraxis.experiments.vae.likelihood import _independent
from neuraxis.generative import dense_vae

# The digits are always at hand; on them the bounds of the default run hold for the quick one too.
SETTINGS = vae.QUICK


@pytest.fixture(scope="module")
def result():
    return vae.run(SETTINGS, Session(progress=False))


def test_claims_hold_in_the_quick_run(result):
    assert [claim.metric for claim in result.claims if not claim.of_quick().holds(result.metrics)] == []
    assert "digits" in result.data
    assert result.metrics["negative_log_likelihood"] < result.metrics["negative_elbo"]
    assert result.metrics["negative_elbo"] < result.metrics["plane_negative_elbo"]
    assert result.metrics["plane_negative_elbo"] < result.metrics["independent_pixels"]


def test_the_model_is_the_one_that_was_measured(result):
    shown = result.model(result.arrays["binary"])
    np.testing.assert_allclose(shown, result.arrays["reconstructed"], atol=1e-5)


@pytest.mark.slow
def test_convolutional_networks_are_measured_like_dense_ones():
    small = dataclasses.replace(SETTINGS, channels=(16,), hidden_sizes=(64,), steps=600, importance_samples=20)
    found = vae.run(small, Session(progress=False))
    m = found.metrics
    assert found.model.shape == (8, 8, 1)
    assert m["negative_log_likelihood"] < m["negative_elbo"] < m["independent_pixels"]
    shown = found.model(found.arrays["binary"].reshape(-1, 8, 8, 1))
    np.testing.assert_allclose(shown.reshape(-1, 64), found.arrays["reconstructed"], atol=1e-5)
    assert found.arrays["between"].shape == (5, 11, 64)
    assert list(vae.plot(found)) == ["learning", "samples", "reconstructions", "interpolation", "plane", "scores"]


def test_images_that_cannot_be_halved_so_often_are_refused_before_anything_is_trained():
    with pytest.raises(InputError, match="channels must name so few layers that images of 8×8"):
        vae.run(dataclasses.replace(SETTINGS, channels=(4, 4, 4, 4)), Session(progress=False))


def test_figures(result):
    figures = vae.plot(result)
    assert list(figures) == ["learning", "samples", "reconstructions", "interpolation", "plane", "scores"]
    labels = [text.get_text() for text in figures["plane"].legends[0].texts]
    assert labels == list(result.arrays["classes"])


@pytest.mark.slow
def test_lines_begin_and_end_at_the_images_and_the_plane_rises_upwards():
    model = dense_vae((64, 8, 2), key=jax.random.key(0))
    x, labels = load("digits", 200, 0).test
    lines = between(model, x, labels)
    assert lines.shape == (5, 11, 64)
    first = [int(np.flatnonzero(labels == c)[1]) for c in (2, 3)]
    np.testing.assert_allclose(lines[1, [0, -1]], model(x[first]), rtol=1e-5)
    grid, step = plane(model), 1.9599639  # of the normal distribution, 2.5 % lie above it
    assert grid.shape == (20, 20, 64)
    lower_left = model.likelihood.mean(model.decode(np.float32([-step, -step])))
    np.testing.assert_allclose(grid[-1, 0], lower_left, rtol=1e-4)


def test_independent_pixels_by_hand():
    train, test = np.array([[0.25, 0.5], [0.25, 0.5]]), np.array([[1.0, 0.0], [0.0, 1.0]])
    expected = -np.mean([np.log(0.25) + np.log(0.5), np.log(0.75) + np.log(0.5)])
    assert _independent(train, test) == pytest.approx(expected)


@pytest.mark.parametrize(
    "wrong",
    [
        {"latent_size": 0},
        {"steps": 0},
        {"plane_steps": -1},
        {"patience": 0},
        {"batch_size": 0},
        {"hidden_sizes": (8, 0)},
        {"channels": (4, -1)},
        {"learning_rate": 0.0},
        {"warmup": 1.0},
        {"importance_samples": 1},
        {"training_images": 10},
    ],
)
def test_bad_settings_are_refused(wrong):
    with pytest.raises(InputError, match=next(iter(wrong))):
        dataclasses.replace(SETTINGS, **wrong)
