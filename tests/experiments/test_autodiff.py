import dataclasses

import jax
import numpy as np
import pytest

from neuraxis.autodiff import RULES, Network, cross_entropy
from neuraxis.engine.feed import Order
from neuraxis.errors import InputError
from neuraxis.experiment import Session
from neuraxis.experiments import autodiff

# The digits are always at hand; on them the bounds of the default run hold for the quick one too.
SETTINGS = autodiff.QUICK


@pytest.fixture(scope="module")
def result():
    return autodiff.run(SETTINGS, Session(progress=False))


def test_all_claims_hold(result):
    assert [claim for claim in result.claims if not claim.of_quick().holds(result.metrics)] == []
    assert result.metrics["rules"] >= len(RULES)
    assert "digits" in result.data


def test_it_learns_and_keeps_what_it_learned(result):
    losses = result.arrays["losses"]
    assert losses[-1] < 0.1 * losses[0]
    assert [W.shape for W, _ in result.model] == [(64, 64), (64, 10)]


def test_figures(result):
    figures = autodiff.plot(result)
    assert list(figures) == ["graph", "rules", "learning"]
    texts = [text.get_text() for text in figures["graph"].axes[0].texts]
    assert {"x₁", "w₂", "y = logistic", "E = ×"} <= set(texts)


def test_it_learns_as_the_classic_loop_does():
    """Two epochs of it in NumPy: y = net(x); E = loss(y, t); zero_grad; backward; θ ← θ − κ ∂E/∂θ."""
    random = np.random.default_rng(0)
    x = random.normal(size=(50, 5)).astype(np.float32)
    t = np.eye(3, dtype=np.float32)[random.integers(0, 3, 50)]
    settings = dataclasses.replace(
        SETTINGS, steps=8, batch_size=16
    )  # of which the fourth of each epoch has two examples
    fitted = autodiff._train((5, 7, 3), x, t, settings, Session(progress=False))
    net, key = Network((5, 7, 3), key=jax.random.key(0)), jax.random.key(0)
    for epoch in range(2):
        order = Order(50, 16, None, True).of_epoch(epoch, jax.random.fold_in(key, epoch))
        for batch in np.split(order, [16, 32, 48]):
            loss = cross_entropy(net(x[batch]), t[batch])
            net.zero_grad()
            loss.backward()
            for parameter in net.parameters:
                parameter.val = parameter.val - settings.learning_rate * parameter.grad
    for (W, b), (V, c) in zip(fitted.model, net.layers, strict=True):
        np.testing.assert_allclose(W, V.val, rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(b, c.val, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    "wrong",
    [
        {"steps": 0},
        {"batch_size": -1},
        {"hidden_sizes": (8, 0)},
        {"learning_rate": 0.0},
        {"timed_steps": 0},
        {"seed": -1},
    ],
)
def test_bad_settings_are_refused(wrong):
    with pytest.raises(InputError, match=next(iter(wrong))):
        dataclasses.replace(SETTINGS, **wrong)
