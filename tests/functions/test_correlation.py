"""The kernel in C++ against XLA's convolutions, and against their derivatives."""

import ctypes
from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neuraxis.functions import correlation
from neuraxis.functions.correlation import correlate, kernel_gradient, plain
from neuraxis.kernels import build

HAS_KERNEL = correlation._has_kernel(jnp.zeros((1, 1, 1, 1)), jnp.zeros((1, 1, 1, 1)), (1, 1))
needs_kernel = pytest.mark.skipif(not HAS_KERNEL, reason="no C++ compiler, no AVX2, or several devices")
random = np.random.default_rng(0)
ONES = (1, 1)
NAMES = correlation._KERNELS


def draw(*shape):
    return jnp.array(random.normal(size=shape).astype(np.float32))


def close(a, b):
    np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5 * np.abs(np.asarray(b)).max(initial=1e-30) + 1e-6)


def by_xla(x, kernel, pads):
    return plain(x, kernel, pads, ONES, ONES)


CASES = [
    # images (n, h, w, in), taps, out, pads: rows of every length of block, channels beside a vector's, negative pads
    ((2, 5, 29, 3), (3, 3), 5, ((1, 1), (1, 1))),
    ((1, 9, 15, 17), (2, 3), 33, ((0, 1), (2, 0))),
    ((3, 40, 31, 8), (5, 5), 16, ((2, 2), (2, 2))),
    ((2, 6, 7, 9), (4, 4), 40, ((-1, 2), (3, -2))),
    ((1, 1, 13, 4), (1, 3), 1, ((0, 0), (0, 0))),
]


@needs_kernel
@pytest.mark.parametrize(("images", "taps", "out", "pads"), CASES)
def test_values_and_gradients_are_those_of_xla(images, taps, out, pads):
    x, kernel = draw(*images), draw(*taps, images[-1], out)
    dy = draw(*jax.eval_shape(partial(by_xla, pads=pads), x, kernel).shape)

    def value_and_gradients(f):
        def run(x, kernel, dy):
            y, pull = jax.vjp(f, x, kernel)
            return y, pull(dy)

        return jax.jit(run)(x, kernel, dy)

    ours = value_and_gradients(lambda x, kernel: correlate(x, kernel, pads, ONES))
    jax.tree.map(close, ours, value_and_gradients(partial(by_xla, pads=pads)))


@needs_kernel
@settings(max_examples=10, deadline=None)
@given(
    images=st.tuples(st.integers(1, 3), st.integers(1, 9), st.integers(1, 31), st.integers(1, 20)),
    taps=st.tuples(st.integers(1, 5), st.integers(1, 5)),
    out=st.integers(1, 50),
    pads=st.tuples(*2 * [st.tuples(st.integers(-1, 5), st.integers(-1, 5))]),
)
def test_kernels_are_right_for_any_sizes(images, taps, out, pads):
    sizes = [n + sum(pad) - k + 1 for n, pad, k in zip(images[1:], pads, taps, strict=False)]
    if min(sizes) < 1 or any(n + min(pad) < 1 for n, pad in zip(images[1:], pads, strict=False)):
        return
    x, kernel, dy = draw(*images), draw(*taps, images[-1], out), draw(images[0], *sizes, out)
    close(correlate(x, kernel, pads, ONES), by_xla(x, kernel, pads))
    close(kernel_gradient(x, dy, pads, ONES), correlation._plain_gradient(x, dy, pads, ONES))


@needs_kernel
def test_gradients_of_gradients_are_those_of_xla():
    x, kernel, v, u = draw(2, 5, 6, 3), draw(3, 3, 3, 4), draw(2, 5, 6, 3), draw(3, 3, 3, 4)
    pads = ((1, 1), (1, 1))

    def twice(f):
        energy = lambda x, kernel: jnp.sum(jnp.tanh(f(x, kernel)) ** 2)
        slope = lambda x, kernel: sum(map(jnp.vdot, jax.grad(energy, (0, 1))(x, kernel), (v, u)))
        return jax.jit(jax.grad(slope, (0, 1)))(x, kernel)

    jax.tree.map(close, twice(lambda x, kernel: correlate(x, kernel, pads, ONES)), twice(partial(by_xla, pads=pads)))


@needs_kernel
@pytest.mark.parametrize("axes", [(0, None), (None, 0), (0, 0)])
def test_batches_of_calls(axes):
    pads = ((1, 0), (0, 2))
    x = draw(*[3] * (axes[0] == 0), 2, 4, 5, 3)
    kernel = draw(*[3] * (axes[1] == 0), 2, 3, 3, 4)
    loss = lambda f: jax.jit(jax.vmap(jax.value_and_grad(lambda x, kernel: jnp.sum(f(x, kernel) ** 2), (0, 1)), axes))
    ours = loss(lambda x, kernel: correlate(x, kernel, pads, ONES))(x, kernel)
    jax.tree.map(close, ours, loss(partial(by_xla, pads=pads))(x, kernel))


@needs_kernel
def test_a_batch_of_no_calls():
    kernel = draw(3, 3, 3, 4)
    f = lambda x: correlate(x, kernel, ((1, 1), (1, 1)), ONES)
    assert jax.vmap(f)(jnp.zeros((0, 2, 5, 6, 3))).shape == (0, 2, 5, 6, 4)
    assert jax.vmap(jax.grad(lambda x: f(x).sum()))(jnp.zeros((0, 2, 5, 6, 3))).shape == (0, 2, 5, 6, 3)


@needs_kernel
def test_inside_a_mesh_xla_correlates():
    x, kernel, pads = draw(2, 5, 6, 3), draw(3, 3, 3, 4), ((1, 1), (1, 1))
    mesh = jax.make_mesh((1,), ("data",), axis_types=(jax.sharding.AxisType.Auto,))
    place = jax.sharding.PartitionSpec("data")
    f = lambda x: correlate(x, kernel, pads, ONES)
    close(jax.shard_map(f, mesh=mesh, in_specs=place, out_specs=place)(x), by_xla(x, kernel, pads))


@needs_kernel
def test_a_signal_is_an_image_of_one_row():
    x, kernel = draw(2, 9, 3), draw(3, 3, 4)
    y, pull = jax.vjp(lambda x, kernel: correlate(x, kernel, ((1, 1),), (1,)), x, kernel)
    images, images_pull = jax.vjp(partial(by_xla, pads=((0, 0), (1, 1))), x[:, None], kernel[None])
    close(y, images[:, 0])
    dx, dw = images_pull(images)
    jax.tree.map(close, pull(y), (dx[:, 0], dw[0]))


@needs_kernel
def test_the_kernel_is_right_with_narrow_vectors(tmp_path):
    flags = (*build._FLAGS, "-mavx2", "-mfma", "-mno-avx512f")
    library = ctypes.CDLL(str(build._compile(Path(build.__file__).with_name("convolution.cc"), tmp_path, flags)))
    for name in NAMES:
        jax.ffi.register_ffi_target(f"{name}_avx2", jax.ffi.pycapsule(getattr(library, name)), platform="cpu")
    for images, taps, out, pads in CASES:
        x, kernel = draw(*images), draw(*taps, images[-1], out)
        y = by_xla(x, kernel, pads)
        where = {"top": np.int64(pads[0][0]), "left": np.int64(pads[1][0])}
        call = lambda name, like, *arguments: jax.ffi.ffi_call(f"{name}_avx2", like)(*arguments, **where)  # noqa: B023
        close(call(NAMES[0], y, x, kernel), y)
        close(call(NAMES[1], kernel, x, y), correlation._plain_gradient(x, y, pads, ONES))


@needs_kernel
def test_several_devices_and_other_precisions_are_left_to_xla(monkeypatch):
    x, kernel = draw(1, 4, 4, 2), draw(3, 3, 2, 2)

    def calls(*arguments):  # lowered anew each time
        program = jax.jit(lambda x, kernel: correlate(x, kernel, ((0, 0), (0, 0)), ONES))
        return NAMES[0] in program.lower(*arguments).as_text()

    assert calls(x, kernel)
    assert not calls(x.astype(jnp.bfloat16), kernel.astype(jnp.bfloat16))
    monkeypatch.setattr(jax, "device_count", lambda: 2)
    assert not calls(x, kernel)
