import dataclasses

import jax
import numpy as np
import pytest

from neuraxis import plots
from neuraxis.errors import InputError
from neuraxis.experiment import Session
from neuraxis.experiments import trades
from neuraxis.experiments.trades import networks
from neuraxis.experiments.trades.training import share_of

KEY = jax.random.key(0)


@pytest.fixture(scope="module")
def result():
    return trades.run(trades.QUICK, Session(progress=False))


def test_claims(result):
    assert [claim.metric for claim in result.claims if not claim.of_quick().holds(result.metrics)] == []
    assert "digits" in result.data


def test_what_is_robust_is_so_by_training(result):
    metrics = result.metrics
    assert min(metrics["usual_accuracy"], metrics["trades_accuracy"]) > 0.9
    assert min(metrics["trades_pgd"], metrics["adversarial_pgd"]) > metrics["usual_pgd"] + 0.3
    assert result.model(np.zeros((2, 8, 8, 1), np.float32)).shape == (2, 10)


def test_curves_begin_at_what_is_not_attacked(result):
    curves = result.arrays["curves"]
    assert curves["epsilons"][0] == 0
    for name, accuracy in curves["accuracy"].items():
        assert abs(accuracy[0] - result.metrics[f"{name.lower()}_accuracy"]) < 0.1
        assert accuracy[0] > accuracy[-1]
    assert list(result.arrays["betas"]) == [0.5, 6.0]
    np.testing.assert_array_equal(result.arrays["betas"][6.0], result.arrays["seeds"][0])


def test_figures(result):
    with plots.style():
        figures = trades.plot(result)
    assert list(figures) == ["curves", "trade-off", "learning", "seeds", "images"]
    assert "β" in figures["trade-off"].axes[0].get_xlabel()


def test_networks():
    paper = trades.Settings(network="paper")
    for settings in (trades.Settings(), paper):
        net = networks.make(settings, (28, 28, 1), 10, KEY)
        x = jax.ShapeDtypeStruct((2, 28, 28, 1), np.float32)
        assert jax.eval_shape(lambda x, net=net: net(x, key=KEY), x).shape == (2, 10)
    with pytest.raises(InputError, match="28×28 pixels, but these have 8×8"):
        networks.make(paper, (8, 8, 1), 10, KEY)


def test_the_share_of_epsilon_grows_evenly_and_stays():
    share = share_of(trades.Settings(ramp=0.5), 100)
    np.testing.assert_allclose([share(0), share(24), share(49), share(99)], [0.02, 0.5, 1, 1], rtol=1e-6)


@pytest.mark.parametrize(
    "settings", [{"beta": -1.0}, {"betas": ()}, {"betas": (-1.0,)}, {"epsilon": 0.0}, {"channels": (8,)}, {"ramp": 2.0}]
)
def test_settings_out_of_range(settings):
    with pytest.raises(InputError, match=next(iter(settings))):
        dataclasses.replace(trades.QUICK, **settings)
