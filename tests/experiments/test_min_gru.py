import dataclasses

import numpy as np
import pytest

from neuraxis.engine import evaluate
from neuraxis.errors import InputError
from neuraxis.experiment import Session
from neuraxis.experiments import min_gru
from neuraxis.experiments.min_gru import copying


@pytest.fixture(scope="module")
def result():
    return min_gru.run(min_gru.QUICK, Session(progress=False))


def test_all_ways_agree(result):
    assert max(result.metrics["largest_difference_sequential"], result.metrics["largest_difference_parallel"]) <= 1e-5
    assert result.arrays["lengths"] == [16, 64, 256, 1024]
    assert all(len(took) == 4 and min(took) > 0 for took in result.arrays["seconds"].values())


def test_several_layers_copy_what_one_does_not(result):
    assert result.metrics["accuracy_of_3"] > 0.9
    assert result.metrics["guessing"] + 0.1 < result.metrics["accuracy_of_1"] < 0.85


def test_the_model_is_the_one_that_was_measured(result):
    x, labels = result.arrays["example"][None], np.zeros((1, 3), np.int32)
    assert evaluate(result.model, copying.named, (x, labels)) == 0  # the blank is never the answer
    assert result.arrays["gates"].shape == (3, 27)


def test_figures(result):
    figures = min_gru.plot(result)
    assert list(figures) == ["time", "copying", "gates"]
    assert "ms" in figures["time"].axes[0].get_ylabel()


@pytest.mark.parametrize(
    "wrong",
    [
        {"longest": 15},
        {"rounds": 0},
        {"width": -1},
        {"layers": ()},
        {"layers": (1, 0)},
        {"memorized": 25},
        {"tokens": 0},
        {"steps": 0},
        {"batch_size": 0},
        {"learning_rate": 0.0},
        {"training_sequences": 0},
    ],
)
def test_bad_settings_are_refused(as_user, wrong):
    with pytest.raises(InputError, match=next(iter(wrong))):
        dataclasses.replace(min_gru.QUICK, **wrong)
