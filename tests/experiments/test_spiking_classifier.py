import dataclasses

import numpy as np
import pytest

from neuraxis import data
from neuraxis.engine import evaluate
from neuraxis.errors import InputError
from neuraxis.experiment import Session
from neuraxis.experiments import spiking_classifier
from neuraxis.feedforward.classification import correct

# The digits are always at hand; on them the bound of the default run holds for the quick one too.
SETTINGS = dataclasses.replace(spiking_classifier.QUICK, variants=("rate-code", "latency-code"))


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    result = spiking_classifier.run(SETTINGS, Session(folder, progress=False))
    return result, folder


def test_reads_digits(result):
    result, _ = result
    assert [claim.metric for claim in result.claims if not claim.of_quick().holds(result.metrics)] == []
    assert "digits" in result.data
    assert result.metrics["rate_code_accuracy"] > 0.8
    assert result.metrics["latency_code_accuracy"] > 0.6
    images = data.load("digits").scaled().flat()
    assert evaluate(result.model, correct, (images.test_x, images.test_y)) == result.metrics["test_accuracy"]


def test_the_spikes_are_those_of_the_image(result):
    arrays = result[0].arrays
    logits = result[0].model(arrays["image"])
    np.testing.assert_array_equal(arrays["output_spikes"].sum(0), logits)
    assert set(np.unique(arrays["hidden_spikes"])) == {0, 1}
    assert arrays["accuracy_in_time"][-1] == pytest.approx(result[0].metrics["test_accuracy"])


def test_goes_on_from_its_checkpoints(result):
    first, folder = result
    again = spiking_classifier.run(SETTINGS, Session(folder, resume=True, progress=False))
    assert again.metrics == first.metrics


def test_figures(result):
    figures = spiking_classifier.plot(result[0])
    assert list(figures) == ["spikes", "learning", "surrogates", "comparison"]
    raster = figures["spikes"].axes[0].collections[0].get_offsets()
    assert len(raster) == result[0].arrays["hidden_spikes"].sum()
    assert [text.get_text() for text in figures["comparison"].axes[0].get_yticklabels()] == [
        "rate code",
        "latency code",
    ]


@pytest.mark.parametrize(
    "wrong",
    [
        {"steps": 0},
        {"batch_size": -1},
        {"hidden_sizes": (8, 0)},
        {"hidden_sizes": ()},
        {"learning_rate": 0.0},
        {"tau_m": -20.0},
        {"dt": 0.0},
        {"time_steps": 0},
        {"comparison_steps": 0},
        {"comparison_images": 0},
    ],
)
def test_bad_settings_are_refused(wrong):
    with pytest.raises(InputError, match=next(iter(wrong))):
        dataclasses.replace(SETTINGS, **wrong)
