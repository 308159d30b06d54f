import jax
import jax.numpy as jnp
import numpy as np
import pytest

from neuraxis.errors import InputError
from neuraxis.feedforward import MLP
from neuraxis.functions.activations import tanh


def test_is_the_equation():
    model = MLP((3, 4, 5, 2), key=jax.random.key(0), activation=tanh)
    x = np.random.default_rng(0).normal(size=(6, 3))
    h = x
    for layer in model.layers[:-1]:
        h = np.tanh(h @ np.asarray(layer.weight) + np.asarray(layer.bias))
    expected = h @ np.asarray(model.layers[-1].weight)
    np.testing.assert_allclose(model(jnp.asarray(x, jnp.float32)), expected, rtol=1e-4, atol=1e-5)


def test_layers_begin_differently():
    first, second = MLP((4, 4, 4), key=jax.random.key(0)).layers
    assert not np.allclose(first.weight, second.weight)


@pytest.mark.usefixtures("as_user")
@pytest.mark.parametrize("sizes", [(3,), (), None, 3, "text"])
def test_too_few_sizes_are_refused(sizes):
    with pytest.raises(InputError, match="sizes must name at least input and output"):
        MLP(sizes, key=jax.random.key(0))


@pytest.mark.usefixtures("as_user")
def test_bad_arguments_are_refused():
    key = jax.random.key(0)
    for sizes, words in (((3, 0), r"sizes\[1\] must be an integer"), ((3, 2.5, 1), r"sizes\[1\] must be an integer")):
        with pytest.raises(InputError, match=words):
            MLP(sizes, key=key)
    with pytest.raises(InputError, match="key must be one random key"):
        MLP((3, 2), key=0)
    with pytest.raises(InputError, match="activation must be a function, but is 'relu'"):
        MLP((3, 2), key=key, activation="relu")
    assert MLP(np.array([3, 2]), key=key)(np.zeros((0, 3), np.uint8)).shape == (0, 2)


@pytest.mark.usefixtures("as_user")
def test_a_wrong_shape_is_refused():
    with pytest.raises(InputError, match=r"x must have shape \(…, 3\), but has shape \(2, 4\)"):
        MLP((3, 2), key=jax.random.key(0))(jnp.ones((2, 4)))
