import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jax import lax

from neuraxis.autodiff import Var, convolution, max_pool, ops, value_and_grad
from neuraxis.errors import InputError

random = np.random.default_rng(0)


@settings(max_examples=5, deadline=None)
@given(
    height=st.integers(3, 7),
    kernel=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    stride=st.integers(1, 3),
    padding=st.integers(0, 2),
)
def test_it_is_what_lax_calculates(height, kernel, stride, padding):
    x = random.normal(size=(2, height, 5, 2))
    W = random.normal(size=(*kernel, 2, 3))
    a, b = Var(x), Var(W)
    y = convolution(a, b, stride=stride, padding=padding)
    r = random.normal(size=y.shape)
    y.backward(r)
    with jax.enable_x64(True):
        window = ((stride, stride), [(padding, padding)] * 2)
        expected, back = jax.vjp(
            lambda x, W: lax.conv_general_dilated(x, W, *window, dimension_numbers=("NHWC", "HWIO", "NHWC")), x, W
        )
        dx, dW = back(jnp.asarray(r))
    for found, reference in ((y.val, expected), (a.grad, dx), (b.grad, dW)):
        np.testing.assert_allclose(found, reference, rtol=1e-9, atol=1e-10)


def test_leading_axes_are_free():
    x, W = random.normal(size=(3, 2, 6, 5, 1)), random.normal(size=(3, 3, 1, 2))
    whole = convolution(x, W, padding=1)
    one = convolution(x[2, 1], W, padding=1)
    assert whole.shape == (3, 2, 6, 5, 2)
    np.testing.assert_allclose(whole[2, 1], one)


def test_a_small_convolutional_network_learns_under_jit():
    bars = np.zeros((8, 8, 8, 1), np.float32)  # four horizontal, four vertical
    for i in range(4):
        bars[i, i + 2, 1:7], bars[4 + i, 1:7, i + 2] = 1, 1
    t = np.repeat(np.eye(2, dtype=np.float32), 4, axis=0)

    def loss(parameters, x, t):
        kernel, b, W, c = parameters
        h = max_pool(ops.relu(convolution(x, kernel, padding=1) + b), 4)
        z = ops.reshape(h, (len(x), -1)) @ W + c
        return -ops.sum(ops.log_softmax(z) * t) / len(x)

    draw = np.random.default_rng(1).normal
    parameters = [
        jnp.asarray(p, jnp.float32)
        for p in (0.3 * draw(size=(3, 3, 1, 4)), np.zeros(4), 0.3 * draw(size=(16, 2)), np.zeros(2))
    ]
    step = jax.jit(value_and_grad(loss))
    first, _ = step(parameters, bars, t)
    for _ in range(150):
        value, gradients = step(parameters, bars, t)
        parameters = [p - 0.3 * g for p, g in zip(parameters, gradients, strict=True)]
    assert value < 0.05 < 0.4 < first


@pytest.mark.usefixtures("as_user")
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"stride": 0}, "stride must be an integer of at least 1"),
        ({"padding": -1}, "padding must be an integer of at least 0"),
        ({"kernel": np.ones((6, 3, 2, 1))}, r"kernel \(6, 3\) is larger than the padded image \(5, 5\)"),
        ({"kernel": np.ones((3, 3, 1, 1))}, "shapes are"),
        ({"kernel": np.ones((3, 3))}, "shapes are"),
        ({"x": np.ones((5, 2))}, "shapes are"),
    ],
)
def test_bad_input_is_refused(arguments, words):
    x = arguments.pop("x", np.ones((1, 5, 5, 2)))
    kernel = arguments.pop("kernel", np.ones((3, 3, 2, 1)))
    with pytest.raises(InputError, match=words):
        convolution(Var(x), kernel, **arguments)


@pytest.mark.usefixtures("as_user")
def test_pooling_refuses_what_it_cannot_divide():
    with pytest.raises(InputError, match="5×4 pixels cannot be divided into squares of 2×2"):
        max_pool(Var(np.ones((5, 4, 1))), 2)
    with pytest.raises(InputError, match="size"):
        max_pool(Var(np.ones((4, 4, 1))), 0)
