import jax
import jax.numpy as jnp
import numpy as np
import pytest

from neuraxis.errors import InputError
from neuraxis.functions.initializers import he_normal, scaled_normal

KEY = jax.random.key(3)


@pytest.mark.parametrize("shape", [(5, 3), (3, 3, 2, 4), (300, 400)])
def test_numbers_are_those_of_jax(shape):
    close = {"rtol": 1e-5, "atol": 1e-7}  # a program of its own may round otherwise, and does so on GPUs
    np.testing.assert_allclose(he_normal(KEY, shape), jax.nn.initializers.he_normal()(KEY, shape), **close)
    normal = jax.nn.initializers.variance_scaling(0.3, "fan_in", "normal")
    np.testing.assert_allclose(scaled_normal(0.3)(KEY, shape), normal(KEY, shape), **close)


def test_inside_of_compiled_programs_and_in_double_precision():
    np.testing.assert_allclose(jax.jit(lambda key: he_normal(key, (5, 3)))(KEY), he_normal(KEY, (5, 3)), rtol=1e-6)
    many = jax.vmap(lambda key: he_normal(key, (5, 3)))(jax.random.split(KEY, 2))
    np.testing.assert_allclose(many[1], he_normal(jax.random.split(KEY, 2)[1], (5, 3)), rtol=1e-6)
    with jax.enable_x64(True):
        double = he_normal(KEY, (5, 3))
        assert double.dtype == jnp.float64
        np.testing.assert_allclose(double, jax.nn.initializers.he_normal(dtype=jnp.float64)(KEY, (5, 3)))


def test_keeps_the_size_of_relu_activations():
    h = jax.random.normal(KEY, (256, 1000))
    for key in jax.random.split(KEY, 4):
        h = jax.nn.relu(h @ he_normal(key, (1000, 1000)))
    assert np.mean(np.square(h)) == pytest.approx(1.0, rel=0.2)


def test_empty_and_small_weights():
    for initializer in (he_normal, scaled_normal(1.0)):
        for shape in ((0, 3), (3, 0), (1, 1), (4,)):
            assert initializer(KEY, shape).shape == shape
    np.testing.assert_array_equal(scaled_normal(0)(KEY, (2, 3)), np.zeros((2, 3)))


@pytest.mark.usefixtures("as_user")
def test_bad_input_is_refused():
    for wrong in (-1, np.nan, np.inf, [1.0, 2.0], "text", None, 1j):
        with pytest.raises(InputError, match="variance must"):
            scaled_normal(wrong)
    for initializer in (he_normal, scaled_normal(1.0)):
        for wrong in (0, "text", None, jax.random.split(KEY)):
            with pytest.raises(InputError, match="key must be one random key"):
                initializer(wrong, (2, 3))
        for wrong in (3, None, "text", (2, -1), (2.5, 1)):
            with pytest.raises(InputError, match=r"shape(\[\d\])? must"):
                initializer(KEY, wrong)
        with pytest.raises(InputError, match=r"drawing weights of shape \(10000000, 10000000\) would take"):
            initializer(KEY, (10_000_000, 10_000_000))
