import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from neuraxis.autodiff import backprop as by_hand
from neuraxis.errors import InputError
from neuraxis.experiment import Session
from neuraxis.experiments import backprop
from neuraxis.functions.activations import relu
from neuraxis.functions.losses import categorical_cross_entropy_with_logits, one_hot

# The digits are always at hand; on them the bounds of the default run hold for the quick one too.
SETTINGS = dataclasses.replace(backprop.QUICK, networks=3)


@pytest.fixture(scope="module")
def result():
    return backprop.run(SETTINGS, Session(progress=False))


def test_all_claims_hold(result):
    assert [claim for claim in result.claims if not claim.of_quick().holds(result.metrics)] == []
    assert {"max_deviation_depth_1", "max_deviation_depth_2", "max_deviation_depth_3"} < set(result.metrics)


def test_every_kind_of_network_was_compared(result):
    for kinds in result.arrays["deviations"].values():
        assert [len(values) for values in kinds.values()] == [3, 3, 3]


def test_training_uses_the_gradient_by_hand_for_any_weights_of_the_examples():
    random = np.random.default_rng(0)
    layers = backprop._random_layers((4, 6, 3), random)
    x = jnp.asarray(random.normal(size=(5, 4)), jnp.float32)
    labels, weights = jnp.array([0, 2, 1, 1, 0]), jnp.array([1.0, 0.5, 0.0, 2.0, 1.0])

    def plain(layers):
        z, _ = by_hand.forward(layers, x, relu)
        return jnp.sum(weights * categorical_cross_entropy_with_logits(z[-1], one_hot(labels, 3)))

    found = jax.jit(jax.grad(lambda layers: jnp.sum(weights * backprop._loss(layers, x, labels))))(layers)
    expected = jax.jit(jax.grad(plain))(layers)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6), found, expected)


def test_figures(result):
    figures = backprop.plot(result)
    assert list(figures) == ["deviations", "learning"]
    assert len(figures["learning"].axes) == 2


@pytest.mark.parametrize(
    "wrong",
    [
        {"networks": 0},
        {"depths": ()},
        {"depths": (0,)},
        {"steps": 0},
        {"hidden_sizes": (0,)},
        {"learning_rate": -1.0},
        {"beta": 1.0},
    ],
)
def test_bad_settings_are_refused(wrong):
    with pytest.raises(InputError, match=next(iter(wrong))):
        dataclasses.replace(SETTINGS, **wrong)
