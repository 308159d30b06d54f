import re
from functools import partial
from itertools import product

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jax import lax
from jax.extend.core import jaxprs_in_params
from scipy import signal

from neuraxis.errors import InputError
from neuraxis.functions import correlation
from neuraxis.functions.borders import circular, reflect, replicate
from neuraxis.functions.convolution import convolve, cross_correlate, transposed_convolve

random = np.random.default_rng(0)


def draw(*shape):
    return random.normal(size=shape).astype(np.float32)


def close(a, b):
    np.testing.assert_allclose(a, b, rtol=2e-4, atol=2e-4)


def by_definition(x, kernel, strides, pads, dilations):
    """The sum, entry by entry, in NumPy and double precision: x (batch, *space, in), kernel (*space, in, out)."""
    x = np.pad(np.asarray(x, float), [(0, 0), *pads, (0, 0)])
    taps = kernel.shape[:-2]
    sizes = [(n - d * (k - 1) - 1) // s + 1 for n, d, k, s in zip(x.shape[1:], dilations, taps, strides, strict=False)]
    y = np.zeros((len(x), *sizes, kernel.shape[-1]))
    for i in np.ndindex(*sizes):
        for k in np.ndindex(*taps):
            place = tuple(s * a + d * b for s, a, d, b in zip(strides, i, dilations, k, strict=True))
            y[(slice(None), *i)] += x[(slice(None), *place)] @ np.asarray(kernel[k], float)
    return y


def value_and_pullback(function, *arguments):
    def both(dy, *arguments):
        y, pull = jax.vjp(function, *arguments)
        return y, pull(dy)

    shape = jax.eval_shape(function, *arguments).shape
    dy = draw(*shape)
    return *jax.jit(both)(dy, *arguments), dy


def test_is_the_convolution_of_numpy_and_scipy():
    a, b = draw(20), draw(5)
    for padding, mode in ((0, "valid"), ("same", "same"), (4, "full")):
        close(convolve(a[:, None], b[:, None, None], padding=padding)[:, 0], np.convolve(a, b, mode))
        close(cross_correlate(a[:, None], b[:, None, None], padding=padding)[:, 0], np.correlate(a, b, mode))
    image, kernel = draw(9, 8, 3), draw(3, 5, 3, 2)
    for i in range(2):
        each = [signal.convolve2d(image[..., c], kernel[..., c, i], "valid") for c in range(3)]
        close(convolve(image, kernel)[..., i], sum(each))
        each = [signal.correlate2d(image[..., c], kernel[..., c, i], "same") for c in range(3)]
        close(cross_correlate(image, kernel, padding="same")[..., i], sum(each))


@settings(max_examples=15, deadline=None)
@given(
    space=st.integers(1, 2),
    taps=st.tuples(st.integers(1, 4), st.integers(1, 4)),
    strides=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    dilations=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    pads=st.tuples(st.tuples(st.integers(0, 3), st.integers(0, 3)), st.tuples(st.integers(0, 3), st.integers(0, 3))),
    channels=st.integers(1, 3),
)
def test_value_and_gradients_follow_the_definition(space, taps, strides, dilations, pads, channels):
    """The map is linear in each argument, so ⟨dx, v⟩ = ⟨dy, y(v, w)⟩ and ⟨dw, u⟩ = ⟨dy, y(x, u)⟩ for any v and u."""
    taps, strides, dilations, pads = (t[:space] for t in (taps, strides, dilations, pads))
    x, kernel = draw(2, *(11, 12)[:space], channels), draw(*taps, channels, 4)
    ours = partial(cross_correlate, stride=strides, padding=pads, dilation=dilations)
    y, (dx, dw), dy = value_and_pullback(ours, x, kernel)
    definition = partial(by_definition, strides=strides, pads=pads, dilations=dilations)
    close(y, definition(x, kernel))
    v, u = draw(*x.shape), draw(*kernel.shape)
    scale = np.sqrt(dy.size)
    np.testing.assert_allclose(np.vdot(dx, v) / scale, np.vdot(dy, definition(v, kernel)) / scale, atol=1e-3)
    np.testing.assert_allclose(np.vdot(dw, u) / scale, np.vdot(dy, definition(x, u)) / scale, atol=1e-3)


@settings(max_examples=10, deadline=None)
@given(
    taps=st.tuples(st.integers(1, 5), st.integers(1, 5)),
    strides=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    padding=st.integers(0, 1),
    channels=st.integers(1, 3),
)
def test_transposed_is_the_transpose(taps, strides, padding, channels):
    """⟨a, transposed(b)⟩ = ⟨correlate(a), b⟩ for any a and b."""
    b, kernel = draw(2, 4, 5, channels), draw(*taps, channels, 3)
    whole = [s * (n - 1) + k - 2 * padding for s, n, k in zip(strides, (4, 5), taps, strict=True)]
    if min(whole) < 1:
        return
    y = jax.jit(partial(transposed_convolve, stride=strides, padding=padding))(b, kernel)
    assert y.shape == (2, *whole, 3)
    a = draw(*y.shape)
    correlated = by_definition(a, kernel.swapaxes(-1, -2), strides, [(padding, padding)] * 2, (1, 1))
    np.testing.assert_allclose(np.vdot(a, y), np.vdot(correlated, b), rtol=1e-3, atol=1e-2)


def test_same_padding_keeps_or_multiplies_the_size():
    x = draw(2, 13, 14, 2)
    for stride, size in ((1, (13, 14)), (2, (7, 7)), (3, (5, 5))):
        assert cross_correlate(x, draw(4, 3, 2, 5), stride=stride, padding="same").shape == (2, *size, 5)
        assert transposed_convolve(x, draw(4, 3, 2, 5), stride=stride, padding="same").shape[1:3] == (
            13 * stride,
            14 * stride,
        )


def test_leading_axes_are_free():
    x, kernel = draw(2, 3, 7, 8, 2), draw(3, 3, 2, 4)
    for function in (partial(cross_correlate, stride=2), convolve, partial(transposed_convolve, stride=2)):
        whole = function(x, kernel)
        close(function(x[1, 2], kernel), whole[1, 2])
        close(jax.vmap(partial(function, kernel=kernel))(x), whole)


@pytest.mark.parametrize("stride", [1, 2])
def test_second_derivatives_of_every_kind(stride):
    x, kernel = draw(1, 4, 5, 2), draw(2, 2, 2, 1)

    def total(kernel, correlate):
        return jnp.sum(correlate(x, kernel) ** 3)

    def with_xla(x, kernel):
        return lax.conv_general_dilated(x, kernel, (stride,) * 2, "VALID", dimension_numbers=("NHWC", "HWIO", "NHWC"))

    expected = jax.jit(jax.hessian(partial(total, correlate=with_xla)))(kernel)
    ours = partial(total, correlate=partial(cross_correlate, stride=stride))
    for outer, inner in product((jax.jacfwd, jax.jacrev), repeat=2):
        close(jax.jit(outer(inner(ours)))(kernel), expected)


@pytest.mark.parametrize("stride", [1, 2])
def test_gradients_stand_in_the_order_of_axes_that_is_fast_in_loops(stride, monkeypatch):
    monkeypatch.setattr(correlation, "_has_kernel", lambda *_: False)
    x, kernel = draw(2, 8, 8, 2), draw(3, 3, 2, 4)
    gradient = jax.grad(lambda x, k: jnp.sum(cross_correlate(x, k, stride=stride) ** 2), (0, 1))
    convolutions = re.findall(r"stablehlo.convolution.*", jax.jit(gradient).lower(x, kernel).as_text())
    assert len(convolutions) >= 3
    for line in convolutions:
        assert "dim_numbers = [b, 0, 1, f]x[0, 1, i, o]->[b, 0, 1, f]" in line
        assert "lhs_dilate" not in line or "lhs_dilate = [1, 1]" in line


def _equations(jaxpr):
    for equation in jaxpr.eqns:
        yield equation
        for inner in jaxprs_in_params(equation.params):
            yield from _equations(inner)


@pytest.mark.parametrize(("groups", "size", "out"), [(2, (3, 2), 4), (4, (3, 3), 8), (4, (1, 1), 4), (2, (3,), 2)])
def test_groups_do_not_see_each_other(groups, size, out):
    space = len(size)
    x, kernel = draw(2, *(7, 8)[:space], 4), draw(*size, 4 // groups, out)
    y, (dx, dw), dy = value_and_pullback(partial(cross_correlate, stride=2, groups=groups), x, kernel)

    def one_by_one(x, kernel):
        parts = zip(np.split(np.asarray(x), groups, -1), np.split(np.asarray(kernel), groups, -1), strict=True)
        return np.concatenate([by_definition(*pair, [2] * space, [(0, 0)] * space, [1] * space) for pair in parts], -1)

    close(y, one_by_one(x, kernel))
    assert dw.shape == kernel.shape
    v, u = draw(*x.shape), draw(*kernel.shape)
    np.testing.assert_allclose(np.vdot(dx, v), np.vdot(dy, one_by_one(v, kernel)), rtol=1e-3, atol=1e-2)
    np.testing.assert_allclose(np.vdot(dw, u), np.vdot(dy, one_by_one(x, u)), rtol=1e-3, atol=1e-2)


@pytest.mark.parametrize(("border", "mode"), [(replicate, "edge"), (reflect, "reflect"), (circular, "wrap")])
def test_borders_are_numpys(border, mode):
    x, kernel = draw(2, 6, 5, 2), draw(3, 4, 2, 3)
    around = np.pad(x, [(0, 0), (1, 1), (1, 2), (0, 0)], mode)
    ours = cross_correlate(x, kernel, padding="same", border=border)
    close(ours, by_definition(around, kernel, (1, 1), [(0, 0), (0, 0)], (1, 1)))


@pytest.mark.parametrize(
    ("x", "kernel", "stride"),
    [((2, 30, 30, 1), (13, 13, 1, 2), 1), ((2, 90, 1), (31, 1, 3), 2), ((2, 12, 13, 1), (5, 4, 1, 3), 3)],
)
def test_large_and_small_kernels_of_one_channel(x, kernel, stride):
    """Small ones go through slices, large ones through XLA's convolution."""
    x, kernel = draw(*x), draw(*kernel)
    space = kernel.ndim - 2
    definition = partial(by_definition, strides=[stride] * space, pads=[(1, 1)] * space, dilations=[1] * space)
    y, (dx, dw), dy = value_and_pullback(partial(cross_correlate, stride=stride, padding=1), x, kernel)
    np.testing.assert_allclose(y, definition(x, kernel), atol=1e-3)
    v, u = draw(*x.shape), draw(*kernel.shape)
    np.testing.assert_allclose(np.vdot(dx, v), np.vdot(dy, definition(v, kernel)), rtol=1e-3, atol=1e-1)
    np.testing.assert_allclose(np.vdot(dw, u), np.vdot(dy, definition(x, u)), rtol=1e-3, atol=1e-1)


@pytest.mark.parametrize("taps", [11, 511])
def test_programs_do_not_grow_with_the_kernel(taps):
    x, kernel = np.zeros((1, 600, 1), np.float32), np.zeros((taps, 1, 1), np.float32)
    program = jax.make_jaxpr(jax.grad(lambda x, w: cross_correlate(x, w).sum(), (0, 1)))(x, kernel)
    assert sum(1 for _ in _equations(program.jaxpr)) < 100


@pytest.mark.parametrize("stride", [1, 2])
def test_an_empty_batch(stride):
    for x, kernel in ((draw(0, 8, 8, 2), draw(3, 3, 2, 4)), (draw(0, 8, 8, 1), draw(3, 3, 1, 4))):
        for function, size in ((cross_correlate, (6 - 1) // stride + 1), (transposed_convolve, 7 * stride + 3)):
            y, (dx, dw), _ = value_and_pullback(partial(function, stride=stride), x, kernel)
            assert (y.shape, dx.shape) == ((0, size, size, 4), x.shape)
            np.testing.assert_array_equal(dw, np.zeros_like(kernel))


def test_sums_of_half_precision_are_taken_in_single_precision():
    x, kernel = np.ones((1, 4096, 1), np.float16), np.ones((20, 1, 1), np.float16)
    gradient = jax.grad(lambda kernel: cross_correlate(x, kernel).astype(np.float32).sum())(kernel)
    np.testing.assert_allclose(np.asarray(gradient, float), 4077, rtol=1e-3)
    assert gradient.dtype == np.float16


@pytest.mark.usefixtures("as_user")
def test_integers_and_lists_are_numbers():
    x, kernel = random.integers(0, 255, (6, 7, 2)).astype(np.uint8), random.integers(-9, 9, (3, 2, 2, 4))
    whole = by_definition(x[None], kernel, (2, 1), [(1, 1), (0, 2)], (1, 1))[0]
    pads = [np.int64(1), (np.int32(0), 2)]
    np.testing.assert_allclose(cross_correlate(x, kernel, stride=[np.int64(2), 1], padding=pads), whole, rtol=1e-6)
    np.testing.assert_allclose(
        cross_correlate(x.tolist(), kernel, stride=np.array([2, 1]), padding=((1, 1), (0, 2))), whole, rtol=1e-6
    )


@pytest.mark.usefixtures("as_user")
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"stride": 0}, "stride must be an integer of at least 1, but is 0"),
        (
            {"stride": (1, 2, 1)},
            r"stride must be one number or one for each of the spatial axes \(height, width\)",
        ),
        ({"dilation": -1}, "dilation must be an integer of at least 1, but is -1"),
        ({"padding": -1}, "padding before must be an integer of at least 0, but is -1"),
        ({"padding": "full"}, "padding must be 'valid', 'same', a number of zeros, .* but is 'full'"),
        ({"padding": (1, 2, 3)}, r"padding must be .* for each of \(height, width\) a number or a pair .* \(1, 2, 3\)"),
        ({"stride": True}, "stride must be an integer of at least 1, but is True"),
        ({"stride": 2.0}, "stride must be an integer of at least 1, but is 2.0"),
        ({"stride": None}, "stride must be an integer of at least 1, but is None"),
        ({"padding": None}, "padding must be .* but is None"),
        ({"padding": (1, True)}, "padding before must be an integer of at least 0, but is True"),
        ({"padding": 10**12}, "padding and dilation must be smaller: an array of shape .* would take about .* [GTP]iB"),
        ({"groups": 3}, "groups must divide the 4 output channels, but is 3"),
        ({"groups": 2}, r"x must have shape \(…, height, width, 4\) .* in 2 groups, but has shape \(8, 8, 2\)"),
        ({"border": "reflect"}, "border must be a function, but is 'reflect'"),
        ({"dilation": 4}, r"larger than the padded input of size \(8, 8\), but has size \(9, 9\)"),
    ],
)
def test_bad_settings(arguments, message):
    with pytest.raises(InputError, match=message):
        cross_correlate(draw(8, 8, 2), draw(3, 3, 2, 4), **arguments)


@pytest.mark.usefixtures("as_user")
def test_bad_shapes():
    with pytest.raises(InputError, match=r"x must have shape \(…, height, width, 2\) .* but has shape \(8, 8, 3\)"):
        cross_correlate(draw(8, 8, 3), draw(3, 3, 2, 4))
    with pytest.raises(InputError, match="x must contain real numbers, but has dtype complex64"):
        cross_correlate(draw(8, 8, 2) * 1j, draw(3, 3, 2, 4))
    with pytest.raises(InputError, match="kernel must contain real numbers, but has dtype complex64"):
        convolve(draw(8, 8, 2), draw(3, 3, 2, 4) * 1j)
    with pytest.raises(InputError, match=r"kernel must have shape \(\*space, in, out\), but has shape \(3, 3\)"):
        cross_correlate(draw(8, 8, 3), draw(3, 3))
    with pytest.raises(InputError, match=r"padding must cut less than the output of size \(4,\)"):
        transposed_convolve(draw(2, 1), draw(3, 1, 1), padding=2)
