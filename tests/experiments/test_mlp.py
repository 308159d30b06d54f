import dataclasses

import numpy as np
import pytest

from neuraxis.engine import evaluate
from neuraxis.errors import InputError
from neuraxis.experiment import Session
from neuraxis.experiments import mlp
from neuraxis.feedforward.classification import correct

# The digits are always at hand; on them the bound of the default run holds for the quick one too.
SETTINGS = mlp.QUICK


@pytest.fixture(scope="module")
def result():
    return mlp.run(SETTINGS, Session(progress=False))


def test_reads_digits(result):
    assert [claim.metric for claim in result.claims if not claim.of_quick().holds(result.metrics)] == []
    assert result.metrics["test_errors"] == round((1 - result.metrics["test_accuracy"]) * len(result.arrays["labels"]))
    assert "digits" in result.data


def test_the_model_is_the_one_that_was_measured(result):
    data = (result.arrays["images"], result.arrays["labels"])
    assert evaluate(result.model, correct, data) == result.metrics["test_accuracy"]


def test_figures(result):
    figures = mlp.plot(result)
    assert list(figures) == ["learning", "confusion", "mistakes"]
    counts = [int(text.get_text()) for text in figures["confusion"].axes[0].texts]
    assert sum(counts) == len(result.arrays["labels"])


@pytest.mark.slow
def test_the_same_seed_gives_the_same_numbers():
    short = dataclasses.replace(SETTINGS, steps=30)
    first, second = (mlp.run(short, Session(progress=False)) for _ in range(2))
    assert first.metrics == second.metrics
    np.testing.assert_array_equal(first.arrays["predicted"], second.arrays["predicted"])


@pytest.mark.parametrize("wrong", [{"steps": 0}, {"batch_size": -1}, {"hidden_sizes": (8, 0)}, {"learning_rate": 0.0}])
def test_bad_settings_are_refused(wrong):
    with pytest.raises(InputError, match=next(iter(wrong))):
        dataclasses.replace(SETTINGS, **wrong)
