import dataclasses

import numpy as np
import pytest

from neuraxis.errors import InputError
from neuraxis.experiment import Session
from neuraxis.experiments import batch_norm

SETTINGS = batch_norm.QUICK


@pytest.fixture(scope="module")
def result():
    return batch_norm.run(SETTINGS, Session(progress=False))


@pytest.mark.slow
def test_the_deep_network_needs_batch_normalisation(result):
    assert [claim.metric for claim in result.claims if not claim.of_quick().holds(result.metrics)] == []


@pytest.mark.slow
def test_percentiles_are_in_order(result):
    history = result.arrays["histories"]["shallow_with"]
    low, median, high = (history[f"percentile_{p}"] for p in (15, 50, 85))
    assert np.all(low < median)
    assert np.all(median < high)


def test_epochs_to_a_goal():
    accuracy = np.array([0.2, 0.5, 0.4, 0.6])
    assert batch_norm._epochs_to(0.5, accuracy) == 2
    assert batch_norm._epochs_to(0.7, accuracy) == 5


@pytest.mark.slow
def test_figures(result):
    figures = batch_norm.plot(result)
    assert list(figures) == ["accuracy", "neuron-input"]
    assert len(figures["accuracy"].axes[0].lines) == 2


@pytest.mark.parametrize(
    "wrong", [{"deep": 0}, {"hidden_size": 0}, {"batch_size": 1}, {"deep_steps": 0}, {"learning_rate": -1.0}]
)
def test_bad_settings_are_refused(wrong):
    with pytest.raises(InputError, match=next(iter(wrong))):
        dataclasses.replace(SETTINGS, **wrong)
