import dataclasses

import numpy as np
import pytest

from neuraxis.energy import Clamped, ErrorRelaxation
from neuraxis.errors import InputError
from neuraxis.experiment import Session
from neuraxis.experiments import predictive_coding
from neuraxis.experiments.predictive_coding import learning
from neuraxis.experiments.shared.images import load

SETTINGS = dataclasses.replace(predictive_coding.QUICK, data="digits")


@pytest.fixture(scope="module")
def result():
    return predictive_coding.run(SETTINGS, Session(progress=False))


def test_claims_hold_in_the_quick_run(result):
    assert [claim.metric for claim in result.claims if not claim.holds(result.metrics)] == []
    assert "digits" in result.data


def test_metrics_are_those_of_the_models(result):
    images = load("digits", SETTINGS.training_images, SETTINGS.seed)
    x, labels = images.test
    predicted = np.argmax(np.asarray(result.model["classifier"](x)), axis=-1)
    assert result.metrics["accuracy"] == pytest.approx(np.mean(predicted == labels), abs=1e-6)
    known = np.arange(64) < 32
    x = x[: SETTINGS.completed]
    settled = ErrorRelaxation(300, 0.05)(Clamped(result.model["generator"], x, known=known))
    error = np.mean((np.asarray(settled.values[0]) - x)[:, ~known] ** 2)
    assert result.metrics["completion_error"] == pytest.approx(error, rel=1e-3)


def test_figures(result):
    figures = predictive_coding.plot(result)
    assert list(figures) == ["relaxation", "cosine", "learning", "depth", "prototypes", "completion"]
    labels = [text.get_text() for text in figures["learning"].axes[0].get_legend().get_texts()]
    assert len(labels) == 5
    assert f"({result.metrics['accuracy']:.2%})" in labels[3]


def test_labels_are_one_hot():
    images = load("digits", 200, 0)
    x, t = learning.pairs(images, images.train)
    assert (x.shape, t.shape) == ((184, 64), (184, 10))
    np.testing.assert_array_equal(np.argmax(t, axis=-1), images.train[1])


@pytest.mark.parametrize(
    "wrong",
    [
        {"hidden_sizes": ()},
        {"steps": 0},
        {"batch_size": 0},
        {"learning_rate": 0.0},
        {"momentum_rate": -1.0},
        {"clamp_variance": 0.0},
        {"state_steps": 0},
        {"state_step_size": -0.1},
        {"layers": 1},
        {"deep_size": 0},
        {"deep_steps": 0},
        {"deep_learning_rate": 0.0},
        {"generator_steps": 0},
        {"generator_learning_rate": 0.0},
        {"generator_decay": -1.0},
        {"pixel_variance": 0.0},
        {"completed": 5},
        {"training_images": 10},
    ],
)
def test_bad_settings_are_refused(wrong):
    with pytest.raises(InputError, match=next(iter(wrong))):
        dataclasses.replace(SETTINGS, **wrong)
