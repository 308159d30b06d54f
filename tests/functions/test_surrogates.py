from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import quad

from neuraxis.errors import InputError
from neuraxis.functions.surrogates import Arctan, FastSigmoid, Triangular

ALL = [FastSigmoid(), FastSigmoid(4), Arctan(), Arctan(5.0), Triangular(), Triangular(0.3)]
u = jnp.asarray([-2.0, -0.7, -0.1, -1e-6, 1e-6, 0.2, 0.9, 3.0])

# What each surrogate is the derivative of, from 0.
SMOOTH = [
    (FastSigmoid(7.0), lambda x: x / (1 + 7 * np.abs(x))),
    (Arctan(3.0), lambda x: np.arctan(np.pi * 3 * x / 2) / np.pi),
    (Triangular(2.0), lambda x: np.sign(x) * np.where(np.abs(x) < 2, np.abs(x) - x * x / 4, 1.0)),
]


@pytest.mark.parametrize("surrogate", ALL, ids=repr)
def test_fires_above_the_threshold_only(surrogate):
    np.testing.assert_array_equal(surrogate(u), np.asarray(u) > 0)
    assert surrogate(0.0) == 0


@pytest.mark.parametrize("surrogate", ALL, ids=repr)
def test_is_differentiated_as_the_surrogate(surrogate):
    expected = surrogate.derivative(u)
    close = partial(np.testing.assert_allclose, rtol=1e-6)
    close(jax.grad(lambda u: jnp.sum(surrogate(u)))(u), expected)
    close(jax.jvp(surrogate, (u,), (jnp.ones_like(u),))[1], expected)
    close(jax.jit(jax.vmap(jax.grad(surrogate)))(u), expected)
    np.testing.assert_allclose(jax.grad(lambda u: 3 * surrogate(u))(0.1), 3 * surrogate.derivative(jnp.asarray(0.1)))


@pytest.mark.parametrize(("surrogate", "function"), SMOOTH, ids=lambda case: repr(case)[:9])
def test_is_the_derivative_of_its_smooth_function(surrogate, function):
    for x in (-2.5, -0.4, 0.05, 1.3):
        integral, _ = quad(lambda u: float(surrogate.derivative(jnp.asarray(u))), 0, x, epsabs=1e-7, epsrel=1e-6)
        np.testing.assert_allclose(integral, function(x), rtol=1e-5)


@pytest.mark.parametrize("surrogate", ALL, ids=repr)
def test_is_finite_far_away(surrogate):
    far = jnp.asarray([-1e30, -1e4, 1e4, 1e30])
    np.testing.assert_allclose(jax.grad(lambda u: jnp.sum(surrogate(u)))(far), 0, atol=1e-6)


def test_compares_by_value():
    assert Arctan(2.0) == Arctan(2.0) != Arctan(3.0)
    assert hash(FastSigmoid(5)) == hash(FastSigmoid(5))


def test_keeps_double_precision():
    with jax.enable_x64(True):
        x = jnp.asarray(0.3, jnp.float64)
        assert Arctan()(x).dtype == jax.grad(Arctan())(x).dtype == jnp.float64


@pytest.mark.usefixtures("as_user")
@pytest.mark.parametrize("value", [0, -1.0, np.nan, np.inf, "text", None, 1j, 1e-46, np.ones(2), True])
def test_bad_parameters_are_refused(value):
    for surrogate, name in ((FastSigmoid, "slope"), (Arctan, "slope"), (Triangular, "width")):
        with pytest.raises(InputError, match=f"{name} must"):
            surrogate(value)


@pytest.mark.usefixtures("as_user")
def test_numbers_of_every_kind_are_parameters():
    for number in (3, np.float32(3), np.int64(3), np.array(3.0)):
        assert FastSigmoid(number) == FastSigmoid(3.0)
        assert hash(FastSigmoid(number)) == hash(FastSigmoid(3.0))


@pytest.mark.usefixtures("as_user")
@pytest.mark.parametrize("surrogate", ALL, ids=repr)
def test_integers_half_precision_and_empty_arrays(surrogate):
    whole = np.array([-3, 0, 200], np.int16)
    np.testing.assert_array_equal(surrogate(whole), [0, 0, 1])
    np.testing.assert_array_equal(surrogate.derivative(whole), surrogate.derivative(whole.astype(np.float32)))
    half = jnp.asarray([-300.0, 0.5, 300.0], jnp.float16)  # whose squares are none in half precision
    slope = jax.grad(lambda u: jnp.sum(surrogate(u)))(half)
    assert surrogate(half).dtype == slope.dtype == jnp.float16
    np.testing.assert_array_equal(slope, surrogate.derivative(half.astype(jnp.float32)).astype(jnp.float16))
    assert surrogate(np.zeros((0, 3))).shape == (0, 3)


@pytest.mark.usefixtures("as_user")
def test_what_holds_no_real_numbers_is_refused():
    with pytest.raises(InputError, match="u must contain real numbers, but has dtype complex64"):
        Arctan()(jnp.asarray(1j))
    for wrong in ("text", None):
        for function in (Arctan(), Arctan().derivative):
            with pytest.raises(InputError, match="u must be an array of numbers"):
                function(wrong)
