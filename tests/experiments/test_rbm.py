import dataclasses

import numpy as np
import pytest

from neuraxis.errors import InputError
from neuraxis.experiment import Session
from neuraxis.experiments import rbm
from neuraxis.experiments.rbm import binary

# The digits are always at hand; on them the claims of the default run hold for the quick one too.
SETTINGS = rbm.QUICK


@pytest.fixture(scope="module")
def result():
    return rbm.run(SETTINGS, Session(progress=False))


def test_claims_hold_in_the_quick_run(result):
    assert [claim.metric for claim in result.claims if not claim.of_quick().holds(result.metrics)] == []
    assert "digits" in result.data
    assert "binarised at 0.5" in result.data


def test_the_likelihood_is_that_of_the_model(result):
    images = binary.load("digits", SETTINGS.training_images, SETTINGS.seed)
    log_partition = result.arrays["large"]["forward"][0]
    expected = np.mean(-np.asarray(result.model.free_energy(images.test[0]))) - log_partition
    assert result.metrics["log_likelihood_forward"] == pytest.approx(expected, abs=1e-3)


def test_completions_keep_what_is_known(result):
    completed = result.arrays["completed"]
    for name in ("sample", "mean"):
        np.testing.assert_array_equal(completed[name][:, :32], completed["original"][:, :32])


def test_figures(result):
    figures = rbm.plot(result)
    assert list(figures) == ["likelihood", "annealing", "filters", "samples", "completion", "scores"]
    labels = [text.get_text() for text in figures["annealing"].axes[0].get_legend().get_texts()]
    assert [label.split(":")[0] for label in labels] == ["forward", "reverse", "exact"]


def test_images_are_binary():
    images = binary.load("digits", 1000, 0)
    parts = images.train, images.validation, images.test
    assert all(x.dtype == np.uint8 and set(np.unique(x)) == {0, 1} for x, _ in parts)
    assert [len(x) for x, _ in parts] == [917, 83, 355]


@pytest.mark.parametrize(
    "wrong",
    [
        {"hidden_size": 0},
        {"steps": 0},
        {"small_steps": -1},
        {"small_size": 21},
        {"sweeps": 0},
        {"chains": 0},
        {"batch_size": 0},
        {"learning_rate": 0.0},
        {"small_learning_rate": -1.0},
        {"centring": 1.0},
        {"annealing_steps": 0},
        {"small_annealing_steps": 0},
        {"annealing_chains": 1},
        {"samples": 11},
        {"sample_sweeps": 10},
        {"training_images": 10},
    ],
)
def test_bad_settings_are_refused(wrong):
    with pytest.raises(InputError, match=next(iter(wrong))):
        dataclasses.replace(SETTINGS, **wrong)
