import dataclasses

import pytest

from neuraxis.errors import InputError
from neuraxis.experiment import Session
from neuraxis.experiments import permuted_mnist

SETTINGS = permuted_mnist.QUICK


@pytest.fixture(scope="module")
def result():
    return permuted_mnist.run(SETTINGS, Session(progress=False))


def test_reads_more_than_by_chance(result):
    assert result.metrics["test_accuracy"] > 0.35 > 3 * result.arrays["chance"]
    assert "digits" in result.data


def test_figures(result):
    assert list(permuted_mnist.plot(result)) == ["learning", "sequences"]


@pytest.mark.slow
@pytest.mark.parametrize("layer", ["gru", "rnn", "lmu"])
def test_other_layers(layer):
    settings = dataclasses.replace(SETTINGS, layer=layer, steps=2, width=4, training_images=100)
    assert 0 <= permuted_mnist.run(settings, Session(progress=False)).metrics["test_accuracy"] <= 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"layer": "lstm"},
        {"layers": 0},
        {"order": 0},
        {"width": 0},
        {"steps": 0},
        {"batch_size": -1},
        {"learning_rate": -1.0},
        {"training_images": 0},
        {"test_images": 0},
    ],
)
def test_bad_settings_are_refused(as_user, wrong):
    with pytest.raises(InputError, match=next(iter(wrong))):
        dataclasses.replace(SETTINGS, **wrong)
