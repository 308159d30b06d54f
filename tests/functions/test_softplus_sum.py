import jax
import jax.numpy as jnp
import numpy as np
import pytest

from neuraxis.functions.softplus_sum import softplus_sum


@pytest.mark.parametrize("size", [1, 7, 100])
def test_value_and_derivative(size):
    """Against NumPy in double precision, with large numbers of both signs among them."""
    z = np.random.default_rng(size).normal(size=(3, size)) * (1.0, 10.0, 1e4)[size % 3]
    single = jnp.asarray(z, jnp.float32)
    np.testing.assert_allclose(softplus_sum(single), np.logaddexp(0, z).sum(-1), rtol=1e-5)
    slope = jax.grad(lambda z: jnp.sum(softplus_sum(z)))(single)
    with np.errstate(over="ignore"):
        np.testing.assert_allclose(slope, 1 / (1 + np.exp(-z)), rtol=1e-4, atol=1e-6)


def test_of_no_numbers_it_is_0():
    np.testing.assert_array_equal(softplus_sum(jnp.zeros((2, 0))), np.zeros(2))
