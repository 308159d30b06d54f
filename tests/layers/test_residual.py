import jax
import jax.numpy as jnp
import numpy as np
import pytest

from neuraxis.errors import InputError
from neuraxis.functions.activations import relu
from neuraxis.kinds import MeasuringMap
from neuraxis.layers import BatchNorm, Dropout, Linear, Residual, Sequential
from tests.trees import equal

KEY = jax.random.key(0)
x = np.random.default_rng(0).normal(size=(6, 4)).astype(np.float32)


def test_adds_what_is_inside():
    inner = Linear(4, 4, key=KEY)
    block = Residual(inner)
    np.testing.assert_allclose(block(x), x + x @ inner.weight, rtol=1e-5)
    jacobian = jax.jacobian(block)(x[0])
    np.testing.assert_allclose(jacobian, np.eye(4) + inner.weight.T, rtol=1e-5, atol=1e-6)


def test_passes_the_key_on():
    block = Residual(Sequential([Dropout(0.5)]))
    assert set(np.unique(block(jnp.ones(100), key=KEY))) == {1.0, 3.0}


def test_measures_what_is_inside():
    block = Residual(Sequential([BatchNorm(4), relu]))
    assert isinstance(block, MeasuringMap)
    y, measured = block.measure(x)
    np.testing.assert_allclose(y, block(x), atol=1e-6)
    np.testing.assert_allclose(measured.inner.layers[0].running.mean, 0.1 * x.mean(0), rtol=1e-4, atol=1e-6)
    plain = Residual(Linear(4, 4, key=KEY))
    y, same = plain.measure(x)
    np.testing.assert_array_equal(y, plain(x))
    assert equal(same, plain)


@pytest.mark.usefixtures("as_user")
def test_bad_input():
    with pytest.raises(InputError, match="inner must be a function, but is 3"):
        Residual(3)
    with pytest.raises(InputError, match=r"must keep the shape of its input, \(6, 4\), but returned \(6, 2\)"):
        Residual(Linear(4, 2, key=KEY))(x)


def test_holds_a_plain_function():
    y, measured = Residual(jnp.tanh).measure(jnp.arange(3.0))
    np.testing.assert_allclose(y, np.arange(3) + np.tanh(np.arange(3)), rtol=1e-6)
    assert measured.inner is jnp.tanh
