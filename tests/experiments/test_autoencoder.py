import dataclasses

import numpy as np
import pytest

from neuraxis.errors import InputError
from neuraxis.experiment import Session
from neuraxis.experiments import autoencoder
from neuraxis.experiments.autoencoder.linear import error, network_of
from neuraxis.functions.principal_components import principal_components

# The digits are always at hand; on them the bounds of the default run hold for the quick one too.
SETTINGS = autoencoder.QUICK


@pytest.fixture(scope="module")
def result():
    return autoencoder.run(SETTINGS, Session(progress=False))


def test_claims_hold_in_the_quick_run(result):
    assert [claim.metric for claim in result.claims if not claim.of_quick().holds(result.metrics)] == []
    assert "digits" in result.data


def test_the_model_is_the_one_that_was_measured(result):
    shown = 1 / (1 + np.exp(-np.asarray(result.model(result.arrays["originals"]))))
    np.testing.assert_allclose(shown, result.arrays["deep"], atol=1e-5)


def test_figures(result):
    figures = autoencoder.plot(result)
    assert list(figures) == ["subspace", "reconstructions", "denoising", "map"]
    labels = [text.get_text() for text in figures["map"].legends[0].texts]
    assert labels == list(result.arrays["classes"])


def test_the_network_of_the_components_leaves_what_they_do_not_explain():
    x = np.random.default_rng(0).normal(size=(50, 6)).astype(np.float32) + 3
    unexplained = np.linalg.svd(x - x.mean(0), compute_uv=False)[2:]
    found = error(np.asarray(network_of(principal_components(x, 4), 2)(x)), x)
    assert found == pytest.approx(np.sum(unexplained**2) / x.size, rel=1e-4)


@pytest.mark.parametrize(
    "wrong",
    [
        {"code_size": 0},
        {"code_size": 65},
        {"steps": 0},
        {"linear_steps": 0},
        {"batch_size": -1},
        {"hidden_sizes": (8, 0)},
        {"learning_rate": 0.0},
        {"noise": -0.1},
        {"hidden_pixels": 1.0},
        {"training_images": 10},
    ],
)
def test_bad_settings_are_refused(wrong):
    with pytest.raises(InputError, match=next(iter(wrong))):
        dataclasses.replace(SETTINGS, **wrong)
