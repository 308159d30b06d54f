from itertools import pairwise

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from neuraxis.engine import descent, fit
from neuraxis.errors import InputError
from neuraxis.feedforward.classification import measuring_loss
from neuraxis.layers import Convolution, Linear, MaxPool, Sequential, SpectralNorm
from tests.trees import equal

KEY = jax.random.key(0)
X = np.random.default_rng(0).normal(size=(7, 6)).astype(np.float32)


def largest(matrix):
    return np.linalg.svd(np.asarray(matrix, float), compute_uv=False)[0]


def test_a_linear_layer_is_divided_by_its_largest_singular_value():
    layer = Linear(6, 4, key=KEY)
    layer = eqx.tree_at(lambda m: m.bias, layer, jnp.arange(4.0))
    expected = X @ np.asarray(layer.weight) / largest(layer.weight) + np.arange(4.0)
    for inference in (False, True):
        np.testing.assert_allclose(SpectralNorm(layer, inference=inference)(X), expected, rtol=1e-4, atol=1e-5)


def test_a_kernel_counts_as_a_matrix():
    layer = Convolution(2, 3, 3, key=KEY, padding="same", stride=2, bias=False)
    x = np.random.default_rng(0).normal(size=(2, 5, 6, 2)).astype(np.float32)
    expected = np.asarray(layer(x)) / largest(np.reshape(layer.kernel, (18, 3)))
    np.testing.assert_allclose(SpectralNorm(layer)(x), expected, rtol=1e-4, atol=1e-5)


def test_power_iteration_follows_a_weight_that_has_changed():
    normal = SpectralNorm(Linear(6, 4, key=KEY))
    other = Linear(6, 4, key=jax.random.key(1))
    normal = eqx.tree_at(lambda m: m.layer, normal, other)
    measure = eqx.filter_jit(lambda model: model.measure(X)[1])
    values = []
    for _ in range(60):
        normal = measure(normal)
        values.append(float(normal.vectors.left @ np.asarray(other.weight) @ normal.vectors.right))
    assert all(b >= a - 1e-6 for a, b in pairwise(values))  # it never falls
    left, deviations, right = np.linalg.svd(np.asarray(other.weight, float))
    assert values[-1] == pytest.approx(deviations[0], rel=1e-5)
    assert abs(np.dot(normal.vectors.left, left[:, 0])) == pytest.approx(1, abs=1e-4)
    assert abs(np.dot(normal.vectors.right, right[0])) == pytest.approx(1, abs=1e-4)


def test_several_iterations_come_nearer():
    other = Linear(6, 4, key=jax.random.key(1)).weight
    missing = []
    for iterations in (1, 5):
        normal = SpectralNorm(Linear(6, 4, key=KEY), iterations=iterations)
        normal = eqx.tree_at(lambda m: m.layer.weight, normal, other).measure(X)[1]
        missing.append(largest(other) - float(normal.vectors.left @ other @ normal.vectors.right))
    assert 0 <= missing[1] < missing[0]


def test_the_gradient_is_that_by_hand():
    """Of E(W/σ) it is (G − ⟨G, W/σ⟩ uvᵀ)/σ with G = ∂E/∂(W/σ): Miyato et al. (2018), equation 12."""
    layer = Linear(6, 4, key=KEY, bias=False)
    normal = SpectralNorm(layer)
    found = eqx.filter_grad(lambda model: jnp.sum(jnp.sin(model(X))))(normal)
    weight = np.asarray(layer.weight, float)
    left, deviations, right = np.linalg.svd(weight)
    slope = X.T @ np.cos(X @ weight / deviations[0])
    inner = np.sum(slope * weight) / deviations[0]
    by_hand = (slope - inner * np.outer(left[:, 0], right[0])) / deviations[0]
    np.testing.assert_allclose(found.layer.weight, by_hand, rtol=1e-3, atol=1e-4)
    assert not np.any(found.vectors.left)
    assert not np.any(found.vectors.right)


def test_in_inference_the_vectors_stay():
    normal = SpectralNorm(Linear(6, 4, key=KEY), inference=True)
    normal = eqx.tree_at(lambda m: m.layer, normal, Linear(6, 4, key=jax.random.key(1)))
    assert equal(normal.measure(X)[1], normal)


def test_fit_keeps_the_vectors_with_the_weights():
    model = Sequential([SpectralNorm(Linear(6, 8, key=KEY)), jax.nn.relu, Linear(8, 2, key=KEY)])
    rule = descent(measuring_loss, optax.adam(3e-3))
    labels = (X[:, 0] > 0).astype(np.int32)
    fitted = fit(model, rule, (X, labels), epochs=30, batch_size=7, key=KEY, progress=None).model.layers[0]
    assert not np.allclose(fitted.layer.weight, model.layers[0].layer.weight)
    followed = fitted.vectors.left @ fitted.layer.weight @ fitted.vectors.right
    assert float(followed) == pytest.approx(largest(fitted.layer.weight), rel=0.01)
    assert not np.allclose(fitted.vectors.left, model.layers[0].vectors.left, atol=1e-3)


def test_a_weight_of_zeros_gives_zeros():
    normal = SpectralNorm(jax.tree.map(jnp.zeros_like, Linear(3, 2, key=KEY)))
    value, slope = eqx.filter_value_and_grad(lambda model: jnp.sum(model(np.ones((2, 3)))))(normal)
    assert value == 0
    assert all(np.all(np.isfinite(leaf)) for leaf in jax.tree.leaves(slope))


@pytest.mark.usefixtures("as_user")
def test_bad_arguments_are_refused():
    for call, words in (
        (lambda: SpectralNorm(MaxPool(2)), "layer must have a weight"),
        (lambda: SpectralNorm(jnp.tanh), "layer must have a weight"),
        (lambda: SpectralNorm(Linear), "layer must be an object"),
        (lambda: SpectralNorm(Linear(2, 2, key=KEY), iterations=0), "iterations must be an integer"),
        (lambda: SpectralNorm(Linear(2, 2, key=KEY), inference="yes"), "inference must be True or False"),
        (lambda: SpectralNorm(Linear(2, 2, key=KEY))(np.ones((2, 3))), r"x must have shape \(…, 2\)"),
    ):
        with pytest.raises(InputError, match=words):
            call()
