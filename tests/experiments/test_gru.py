import dataclasses

import pytest

from neuraxis.errors import InputError
from neuraxis.experiment import Session
from neuraxis.experiments import gru


@pytest.fixture(scope="module")
def result():
    return gru.run(gru.QUICK, Session(progress=False))


def test_the_gated_network_learns_what_the_plain_one_does_not(result):
    assert [claim.metric for claim in result.claims if not claim.of_quick().holds(result.metrics)] == []


def test_learning_opens_the_way_for_the_gradient(result):
    norms = result.arrays["norms"]
    assert norms["gru"]["before"].shape == (gru.QUICK.length,)
    assert result.metrics["gru_gradient_after_learning_reaching_the_first_step"] > 0.1
    assert result.metrics["gru_gradient_before_learning_reaching_the_first_step"] < 1e-3


def test_figures(result):
    figures = gru.plot(result)
    assert list(figures) == ["adding", "gradient"]
    assert all(figure.axes for figure in figures.values())


@pytest.mark.parametrize(
    "wrong",
    [
        {"length": 1},
        {"hidden_size": 0},
        {"sequences": 10},
        {"steps": 0},
        {"batch_size": 0},
        {"learning_rate": 0.0},
        {"rnn_learning_rate": -1.0},
        {"seed": -1},
    ],
)
def test_bad_settings_are_refused(wrong):
    with pytest.raises(InputError, match=next(iter(wrong))):
        dataclasses.replace(gru.QUICK, **wrong)


def test_larger_settings_need_more_memory():
    assert 0 < gru.QUICK.memory() < gru.Settings().memory()
