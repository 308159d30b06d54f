"""Cross-correlation with stride 1: by a C++ kernel on a CPU and by XLA elsewhere, with derivatives of every order.

XLA expresses the gradients of a convolution by convolutions with a different axis order, which are 30 to 40 times
slower inside a loop on a CPU. Here each gradient is a correlation in the standard order or `kernel_gradient`, and so
are the gradients of these.
"""

from collections.abc import Callable
from functools import cache, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.custom_batching import custom_vmap
from jaxtyping import Array, Float

from neuraxis.functions import spatial
from neuraxis.functions.spatial import Pairs
from neuraxis.kernels import compiled, is_one_cpu, one_by_one

_KERNELS = "neuraxis_convolve", "neuraxis_kernel_gradient"


@partial(jax.custom_vjp, nondiff_argnums=(2, 3))
def correlate(
    x: Float[Array, "batch *space in"], kernel: Float[Array, "*taps in out"], pads: Pairs, dilations: tuple[int, ...]
) -> Float[Array, "batch *places out"]:
    """Return y[i, o] = Σ_{k, c} x[i + d k − p, c] w[k, c, o], with p zeros before x; negative padding crops x."""
    if _has_kernel(x, kernel, dilations):
        if len(pads) == 1:  # a signal is an image of one row
            y: Any = correlate(x[:, None], kernel[None], ((0, 0), *pads), (1, 1))
            return y[:, 0]
        return _by_kernel(pads)(x, kernel)
    return plain(x, kernel, pads, dilations, (1,) * len(pads))


@partial(jax.custom_vjp, nondiff_argnums=(2, 3))
def kernel_gradient(
    x: Float[Array, "batch *space in"], dy: Float[Array, "batch *places out"], pads: Pairs, dilations: tuple[int, ...]
) -> Float[Array, "*taps in out"]:
    """Return dw[k, c, o] = Σ_i x[i + d k − p, c] dy[i, o], summed over the batch as well."""
    if _has_kernel(x, dy, dilations):
        if len(pads) == 1:
            dw: Any = kernel_gradient(x[:, None], dy[:, None], ((0, 0), *pads), (1, 1))
            return dw[0]
        return _gradient_by_kernel(pads)(x, dy)
    return _plain_gradient(x, dy, pads, dilations)


def _plain_gradient(x: Array, dy: Array, pads: Pairs, dilations: tuple[int, ...]) -> Array:
    # With batch and channels exchanged, this is a correlation of x with dy at stride d.
    dw = plain(x.swapaxes(0, -1), jnp.moveaxis(dy, 0, -2), pads, (1,) * len(pads), dilations)
    return jnp.moveaxis(dw, 0, -2)


def plain(x: Array, kernel: Array, pads: Pairs, dilations: tuple[int, ...], strides: tuple[int, ...]) -> Array:
    """Correlate by XLA, in the axis order that is fast inside and outside loops."""
    letters = "0123456789"[: len(pads)]
    order = (f"N{letters}C", f"{letters}IO", f"N{letters}C")
    return lax.conv_general_dilated(x, kernel, strides, pads, rhs_dilation=dilations, dimension_numbers=order)


def _input_gradient(dy: Array, kernel: Array, pads: Pairs, dilations: tuple[int, ...]) -> Array:
    """Correlate dy with the flipped, transposed kernel."""
    reach = [d * (k - 1) for d, k in zip(dilations, kernel.shape, strict=False)]
    around = tuple((r - before, r - after) for r, (before, after) in zip(reach, pads, strict=True))
    return correlate(dy, jnp.flip(kernel, range(len(pads))).swapaxes(-1, -2), around, dilations)


def _keeping_arguments(function: Callable) -> Callable:
    return lambda a, b, pads, dilations: (function(a, b, pads, dilations), (a, b))


def _correlate_backward(pads, dilations, kept, dy):
    x, kernel = kept
    return _input_gradient(dy, kernel, pads, dilations), kernel_gradient(x, dy, pads, dilations)


def _kernel_gradient_backward(pads, dilations, kept, dw):
    x, dy = kept
    return _input_gradient(dy, dw, pads, dilations), correlate(x, dw, pads, dilations)


correlate.defvjp(_keeping_arguments(correlate), _correlate_backward)
kernel_gradient.defvjp(_keeping_arguments(kernel_gradient), _kernel_gradient_backward)


# --- the kernel in C++ ---


def _has_kernel(x: Array, other: Array, dilations: tuple[int, ...]) -> bool:
    """Return whether the C++ kernel applies: to undilated signals and images in single precision, on one CPU device."""
    fits = x.dtype == other.dtype == jnp.float32 and len(dilations) in (1, 2) and set(dilations) == {1}
    return fits and x.size > 0 and other.size > 0 and is_one_cpu() and compiled("convolution", *_KERNELS)


@cache
def _by_kernel(pads: Pairs) -> Callable[[Array, Array], Array]:
    """Return a function that correlates images by the kernel."""

    @custom_vmap
    def function(x, kernel):
        sizes = _places(x, kernel.shape, pads)
        shape = len(x), *sizes, kernel.shape[-1]
        return _call(_KERNELS[0], lambda x, kernel: plain(x, kernel, pads, (1, 1), (1, 1)), shape, pads, x, kernel)

    @function.def_vmap
    def _(copies, in_batched, x, kernel):
        if in_batched[1]:
            return one_by_one(function, in_batched, (x, kernel)), True
        y = function(x.reshape(copies * x.shape[1], *x.shape[2:]), kernel)
        return y.reshape(copies, x.shape[1], *y.shape[1:]), True

    return function


@cache
def _gradient_by_kernel(pads: Pairs) -> Callable[[Array, Array], Array]:
    """Return a function that computes `kernel_gradient` of images by the kernel."""

    @custom_vmap
    def function(x, dy):
        shape = *_places(x, dy.shape[1:], pads), x.shape[-1], dy.shape[-1]
        return _call(_KERNELS[1], lambda x, dy: _plain_gradient(x, dy, pads, (1, 1)), shape, pads, x, dy)

    @function.def_vmap
    def _(copies, in_batched, x, dy):
        return one_by_one(function, in_batched, (x, dy)), True

    return function


def _places(x: Array, window: tuple[int, ...], pads: Pairs) -> tuple[int, ...]:
    """Return the number of positions of a window along both axes of padded images."""
    return spatial.places([n + sum(pad) for n, pad in zip(x.shape[1:], pads, strict=False)], window[:2], (1, 1))


def _call(name: str, otherwise: Callable, shape: tuple[int, ...], pads: Pairs, *arguments: Array) -> Array:
    """Call a kernel on a CPU, and a JAX function on other devices."""
    call = jax.ffi.ffi_call(name, jax.ShapeDtypeStruct(shape, jnp.float32))
    by_kernel = partial(call, top=np.int64(pads[0][0]), left=np.int64(pads[1][0]))
    return lax.platform_dependent(*arguments, cpu=by_kernel, default=otherwise)
