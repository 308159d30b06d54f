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


@pytest.mark.usefixtures("as_user")
def test_bad_input_is_refused():
    with pytest.raises(InputError, match="out_size must be a whole number of at least 1, but is 0"):
        Linear(3, 0, key=jax.random.key(0))
    with pytest.raises(InputError, match=r"x must have shape \(…, 3\), but has shape \(3, 2\)"):
        Linear(3, 2, key=jax.random.key(0))(jnp.ones((3, 2)))
