import dataclasses

import pytest

from neuraxis.errors import InputError
from neuraxis.experiment import Session
from neuraxis.experiments import rnn


@pytest.fixture(scope="module")
def result():
    return rnn.run(rnn.QUICK, Session(progress=False))


def test_claims_hold_in_the_quick_run(result):
    assert [claim.metric for claim in result.claims if not claim.of_quick().holds(result.metrics)] == []


def test_recall_and_gradient_fall_with_the_delay(result):
    recall = result.arrays["recall"]
    assert recall["accuracy"][5] > 0.9 > 0.5 > recall["accuracy"][40]
    norms = recall["norms_before"][40]
    assert norms.shape == (42,)
    assert norms[1] < 0.1 * norms[-1]


def test_figures(result):
    figures = rnn.plot(result)
    assert list(figures) == ["recall", "text", "deviations"]
    assert all(figure.axes for figure in figures.values())


@pytest.mark.parametrize(
    "wrong",
    [
        {"lengths": ()},
        {"lengths": (0,)},
        {"networks": 0},
        {"delays": (-1,)},
        {"noise": -0.1},
        {"windows": (0,)},
        {"recall_hidden_size": 0},
        {"recall_steps": 0},
        {"recall_learning_rate": 0.0},
        {"characters": 10},
        {"streams": 0},
        {"streams": 100_000},
        {"text_hidden_size": 0},
        {"text_epochs": 0},
        {"text_learning_rate": -1.0},
        {"seed": -1},
    ],
)
def test_bad_settings_are_refused(wrong):
    with pytest.raises(InputError, match="characters" if wrong == {"streams": 100_000} else next(iter(wrong))):
        dataclasses.replace(rnn.QUICK, **wrong)


def test_larger_settings_need_more_memory():
    more = dataclasses.replace(rnn.Settings(), delays=(50_000,), windows=(5000,))
    assert 0 < rnn.QUICK.memory() < more.memory()
