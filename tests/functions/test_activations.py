import copy
import pickle
from functools import partial

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.special
from hypothesis import given, settings
from hypothesis import strategies as st

from neuraxis.errors import InputError
from neuraxis.functions import activations as a

REFERENCES = {
    a.identity: lambda z: z,
    a.logistic: scipy.special.expit,
    a.arctan: np.arctan,
    a.tanh: np.tanh,
    a.threshold: lambda z: np.heaviside(z, 1.0),
    a.relu: lambda z: np.maximum(z, 0),
    a.softplus: lambda z: np.logaddexp(z, 0),
    a.squared_relu: lambda z: np.maximum(z, 0) ** 2,
    a.leaky_relu: lambda z: np.where(z > 0, z, z / 100),
    a.elu: lambda z: np.where(z > 0, z, np.expm1(np.minimum(z, 0))),
    a.silu: lambda z: z * scipy.special.expit(z),
    a.gelu: lambda z: z * scipy.special.ndtr(z),
}
OF_EACH_ENTRY = pytest.mark.parametrize("activation", REFERENCES, ids=repr)
ALL = pytest.mark.parametrize("activation", [*REFERENCES, a.softmax, a.argmax], ids=repr)
VECTORS = st.lists(st.floats(-50, 50, width=32, allow_subnormal=False), min_size=8, max_size=8)


@OF_EACH_ENTRY
@settings(deadline=None, max_examples=10)
@given(z=VECTORS)
def test_value_equals_numpys(activation, z):
    z = np.array(z, np.float32)
    # The error of erfc in single precision grows with z². Where it is subnormal, and may count as 0, z times it is not.
    digits, least = (2e-5, 2e-37) if activation is a.gelu else (2e-6, 1e-38)
    np.testing.assert_allclose(activation(z), REFERENCES[activation](z.astype(float)), rtol=digits, atol=least)


@OF_EACH_ENTRY
@settings(deadline=None, max_examples=10)
@given(z=VECTORS)
def test_derivative_equals_automatic_differentiation(activation, z):
    z = np.array(z, np.float32)
    np.testing.assert_allclose(activation.derivative(z), slopes(activation, z), atol=1e-6)


@partial(jax.jit, static_argnums=0)
def slopes(activation, z):
    return jax.vmap(jax.grad(activation))(z)


@OF_EACH_ENTRY
def test_derivative_equals_finite_differences(activation):
    z = np.array([-30, -7.3, -2.1, -0.4, 0.3, 1.7, 6.2, 30])  # away from the jump and the kink
    h = 1e-5
    slope = (REFERENCES[activation](z + h) - REFERENCES[activation](z - h)) / (2 * h)
    with jax.enable_x64(True):
        derivative = activation.derivative(z)
        assert derivative.dtype == activation(z).dtype == jnp.float64
        np.testing.assert_allclose(derivative, slope, atol=1e-9)


@ALL
@pytest.mark.parametrize("size", [1e4, 1e30])
def test_everything_is_finite_for_large_inputs(activation, size):
    size = size**0.5 if activation is a.squared_relu else size  # its square is what must be finite
    z = jnp.array([-size, 0, size], jnp.float32)
    for numbers in values_and_derivatives(activation, z):
        assert np.all(np.isfinite(numbers))


@partial(jax.jit, static_argnums=0)
def values_and_derivatives(activation, z):
    return activation(z), activation.derivative(z), jax.jacrev(activation)(z), jax.jacfwd(activation)(z)


def test_limits_for_large_inputs():
    z = jnp.array([-1e4, 1e4])
    np.testing.assert_array_equal(a.logistic(z), [0, 1])
    np.testing.assert_array_equal(a.softplus(z), [0, 1e4])
    np.testing.assert_array_equal(a.tanh(z), [-1, 1])
    np.testing.assert_array_equal(a.softmax(z), [0, 1])


def test_limits_at_infinity():
    z = jnp.array([-jnp.inf, jnp.inf])
    for activation, below in ((a.relu, 0), (a.softplus, 0), (a.silu, 0), (a.gelu, 0), (a.elu, -1)):
        np.testing.assert_array_equal(activation(z), [below, jnp.inf])
        np.testing.assert_array_equal(activation.derivative(z), [0, 1])


def test_derivatives_keep_their_digits_in_the_tails():
    z = np.array([-40, -20, 20, 40], np.float32)
    exact = scipy.special.expit(z.astype(float)) * scipy.special.expit(-z.astype(float))
    np.testing.assert_allclose(a.logistic.derivative(z), exact, rtol=1e-5)
    np.testing.assert_allclose(a.tanh.derivative(z), 1 / np.cosh(z.astype(float)) ** 2, rtol=1e-5)


def test_the_steepest_logistic_slope_is_a_quarter():
    z = jnp.linspace(-3, 3, 601)
    assert a.logistic.derivative(0.0) == 0.25
    assert float(a.logistic.derivative(z).max()) <= 0.25


@settings(deadline=None, max_examples=10)
@given(z=st.lists(st.lists(st.floats(-30, 30, width=32), min_size=4, max_size=4), min_size=2, max_size=2))
def test_softmax_and_its_jacobian(z):
    z = np.array(z, np.float32)
    np.testing.assert_allclose(a.softmax(z), scipy.special.softmax(z.astype(float), axis=-1), rtol=5e-6, atol=1e-30)
    np.testing.assert_allclose(a.softmax.derivative(z), jax.vmap(jax.jacfwd(a.softmax))(z), atol=1e-6)


def test_argmax_keeps_the_largest_and_its_jacobian():
    z = jnp.array([[-3.0, -1.0, -2.0], [0.5, 4.0, 2.0]])
    np.testing.assert_array_equal(a.argmax(z), [[0, -1, 0], [0, 4, 0]])
    np.testing.assert_array_equal(a.argmax.derivative(z), jax.vmap(jax.jacfwd(a.argmax))(z))


def test_of_equal_entries_argmax_keeps_the_first():
    np.testing.assert_array_equal(a.argmax(jnp.array([1.0, 2.0, 2.0, 2.0])), [0, 2, 0, 0])


def test_jump_and_kink_at_zero():
    assert a.threshold(0.0) == 1
    assert a.threshold(-1e-30) == 0
    assert a.relu.derivative(0.0) == jax.grad(a.relu)(0.0) == 0
    assert a.leaky_relu.derivative(0.0) == jax.grad(a.leaky_relu)(0.0) == jnp.float32(0.01)
    assert a.elu.derivative(0.0) == jax.grad(a.elu)(0.0) == 1


@ALL
def test_leading_axes_are_free(activation):
    z = np.random.default_rng(0).standard_normal((2, 3, 4), np.float32)
    both = activation, activation.derivative
    values, derivatives = jax.jit(lambda z: [(f(z), jax.vmap(jax.vmap(f))(z)) for f in both])(z)
    np.testing.assert_array_equal(*values)
    np.testing.assert_allclose(*derivatives, rtol=1e-6)


def test_a_module_can_hold_one_as_a_static_field():
    traces = []

    class Layer(eqx.Module):
        gain: jax.Array
        activation: a.Activation = eqx.field(static=True)

        def __call__(self, x):
            return self.activation(self.gain * x)

    @jax.jit
    def apply(layer, x):
        traces.append(layer)
        return layer(x)

    assert apply(Layer(jnp.array(2.0), a.relu), 3.0) == 6
    assert apply(Layer(jnp.array(3.0), a.relu), 3.0) == 9
    assert apply(Layer(jnp.array(2.0), a.identity), -3.0) == -6
    assert len(traces) == 2  # one for each function, none for a new gain


@ALL
def test_half_precision_is_that_of_single_rounded(activation):
    z = np.float16([-300, -8, -0.3, 0.4, 20, 300])
    for function in (activation, activation.derivative):
        value = function(z)
        assert value.dtype == jnp.float16
        np.testing.assert_array_equal(value, function(z.astype(np.float32)).astype(np.float16))


def test_half_precision_does_not_overflow_inside():
    assert a.arctan.derivative(jnp.float16(300)) == jnp.float16(1 / 90001)
    np.testing.assert_allclose(a.softmax(jnp.zeros(70_000, jnp.float16)).astype(float), 1 / 70_000, rtol=0.01)


@ALL
def test_empty_arrays_pass(activation):
    assert activation(np.zeros((0, 3))).shape == (0, 3)
    assert activation.derivative(np.zeros((0, 3))).shape[:2] == (0, 3)


def double(z):
    return 2 * z


def test_pickles_and_copies_as_the_same_constant():
    for activation in (*REFERENCES, a.softmax, a.argmax):
        assert pickle.loads(pickle.dumps(activation)) is activation
        assert copy.deepcopy(activation) is activation
    for own in (a.Activation("own", double, jnp.ones_like), a.Activation("relu", double, double)):
        read = pickle.loads(pickle.dumps(own))
        assert read == own
        assert read(1.5) == 3


def test_integers_are_taken_as_floats():
    assert a.logistic(0) == 0.5
    assert a.identity.derivative(np.array([1, 2])).dtype == jnp.float32


@pytest.mark.usefixtures("as_user")
def test_bad_input_is_refused():
    with pytest.raises(InputError, match="z must contain real numbers, but has dtype complex64"):
        a.tanh(jnp.array(1j))
    for wrong in ("text", None, jax.random.key(0), [[1.0], [1.0, 2.0]]):
        with pytest.raises(InputError, match="z must be an array of numbers, but is"):
            a.relu(wrong)
    np.testing.assert_array_equal(a.relu([-1, 2]), [0, 2])
    with pytest.raises(InputError, match="slope must be a function, but is 1"):
        a.Activation("own", double, 1)
    for activation in (a.softmax, a.argmax):
        for wrong, shape in ((jnp.array(1.0), r"\(\)"), (jnp.zeros((2, 0)), r"\(2, 0\)")):
            with pytest.raises(InputError, match=f"but has shape {shape}"):
                activation(wrong)
            with pytest.raises(InputError, match=f"but has shape {shape}"):
                activation.derivative(wrong)
