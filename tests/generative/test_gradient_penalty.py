import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from neuraxis.feedforward import MLP
from neuraxis.functions.activations import tanh
from neuraxis.generative import convolutional_gan
from neuraxis.generative.gradient_penalty import judge, judge_with_slope
from neuraxis.layers import Linear, Sequential, SpectralNorm
from tests.trees import equal

KEY = jax.random.key(0)
X = jnp.asarray(np.random.default_rng(0).normal(size=(4, 3)), jnp.float32)
NETWORK = MLP((3, 8, 8, 1), key=KEY, activation=tanh)


def squared_slope(network, x, step=1e-3):
    """Return ‖∂D/∂x‖² of each example by central differences, in double precision."""
    with jax.enable_x64(True):
        doubled = jax.tree.map(lambda leaf: leaf.astype(float) if eqx.is_array(leaf) else leaf, network)
        x, slope = np.asarray(x, float), np.zeros(x.shape)
        for place in np.ndindex(x.shape[1:]):
            shift = np.zeros(x.shape)
            shift[(slice(None), *place)] = step
            slope[(slice(None), *place)] = (doubled(x + shift) - doubled(x - shift))[:, 0] / (2 * step)
        return np.sum(slope**2, axis=tuple(range(1, x.ndim)))


def test_the_slope_is_that_of_finite_differences():
    logits, slopes, same = judge_with_slope(NETWORK, X)
    np.testing.assert_allclose(logits, NETWORK(X)[:, 0], rtol=1e-5)
    np.testing.assert_allclose(slopes, squared_slope(NETWORK, X), rtol=1e-4)
    assert equal(same, NETWORK)


def test_of_a_linear_discriminator_it_is_its_weight():
    layer = Linear(3, 1, key=KEY)
    np.testing.assert_allclose(judge_with_slope(layer, X)[1], np.sum(np.square(layer.weight)), rtol=1e-5)


def test_its_gradient_is_that_of_finite_differences():
    """What the penalty adds to the gradient of a weight: a second derivative."""
    mean = lambda network: jnp.mean(judge_with_slope(network, X)[1])
    weight = NETWORK.layers[0].weight
    direction = np.random.default_rng(1).normal(size=weight.shape).astype(np.float32)
    along = np.vdot(eqx.filter_grad(mean)(NETWORK).layers[0].weight, direction)
    moved = [eqx.tree_at(lambda n: n.layers[0].weight, NETWORK, weight + s * direction) for s in (1e-3, -1e-3)]
    ahead, behind = (np.mean(squared_slope(network, X)) for network in moved)
    np.testing.assert_allclose(along, (ahead - behind) / 2e-3, rtol=1e-2)


def test_images_count_with_all_their_pixels():
    discriminator = convolutional_gan((4, 4, 1), (3,), 2, key=KEY, activation=tanh).discriminator
    x = jnp.asarray(np.random.default_rng(0).random((2, 4, 4, 1), np.float32))
    logits, slopes, _ = judge_with_slope(discriminator, x)
    assert logits.shape == slopes.shape == (2,)
    np.testing.assert_allclose(slopes, squared_slope(discriminator, x), rtol=1e-3)


def test_statistics_come_out():
    network = Sequential([SpectralNorm(Linear(3, 4, key=KEY)), tanh, Linear(4, 1, key=KEY)])
    for new in (judge(network, X)[1], judge_with_slope(network, X)[2]):
        assert new.layers[0].vectors is not network.layers[0].vectors
