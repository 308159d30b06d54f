import jax
import jax.numpy as jnp
import numpy as np
import pytest

from neuraxis.errors import InputError
from neuraxis.layers import Linear


def test_is_an_affine_map_of_the_last_axis():
    layer = Linear(3, 2, key=jax.random.key(0))
    x = np.random.default_rng(0).normal(size=(4, 5, 3)).astype(np.float32)
    expected = np.einsum("abi,io->abo", x, layer.weight) + np.asarray(layer.bias)
    np.testing.assert_allclose(layer(jnp.asarray(x)), expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(layer(jnp.asarray(x[0, 0])), expected[0, 0], rtol=1e-5, atol=1e-6)


def test_he_initialisation_keeps_the_size_of_relu_activations():
    x = jax.random.normal(jax.random.key(0), (500, 400))
    for i in range(5):
        x = jax.nn.relu(Linear(400, 400, key=jax.random.key(i))(x))
    np.testing.assert_allclose(jnp.mean(x * x), 1.0, rtol=0.2)


def test_without_bias():
    layer = Linear(3, 2, key=jax.random.key(0), bias=False)
    assert layer.bias is None
    np.testing.assert_allclose(layer(np.eye(3, dtype=np.float32)), layer.weight)
    assert [leaf.shape for leaf in jax.tree.leaves(layer)] == [(3, 2)]


def test_integers_no_example_and_one_neuron():
    layer = Linear(3, 2, key=jax.random.key(0))
    raw = np.array([[255, 0, 1]], np.uint8)
    np.testing.assert_array_equal(layer(raw), layer(raw.astype(np.float32)))
    assert layer(np.zeros((0, 3))).shape == (0, 2)
    assert Linear(1, 1, key=jax.random.key(0))(np.ones(1)).shape == (1,)


@pytest.mark.usefixtures("as_user")
def test_bad_input_is_refused():
    layer = Linear(3, 2, key=jax.random.key(0))
    np.testing.assert_array_equal(layer([[True, False, True]]), layer(np.array([[1.0, 0.0, 1.0]])))
    for wrong in ({"key": 0}, {"key": None}, {"initializer": "he"}, {"bias": None}, {"bias": 1}):
        with pytest.raises(InputError, match=f"{next(iter(wrong))} must"):
            Linear(3, 2, **{"key": jax.random.key(0), **wrong})
    for wrong in (np.ones((2, 3)) * 1j, "text", None):
        with pytest.raises(InputError, match="x must"):
            Linear(3, 2, key=jax.random.key(0))(wrong)
    with pytest.raises(InputError, match="out_size must be an integer of at least 1, but is 0"):
        Linear(3, 0, key=jax.random.key(0))
    with pytest.raises(InputError, match=r"x must have shape \(…, 3\), but has shape \(3, 2\)"):
        Linear(3, 2, key=jax.random.key(0))(jnp.ones((3, 2)))


def test_weights_that_no_memory_holds_are_refused():
    with pytest.raises(InputError, match="in_size and out_size must be smaller"):
        Linear(10**7, 10**6, key=jax.random.key(0))
