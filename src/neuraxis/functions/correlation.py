"""Cross-correlation with stride 1: by a C++ kernel on a CPU and by XLA elsewhere, with derivatives of every kind.

XLA expresses the gradients of a convolution by convolutions with a different axis order, which are 30 to 40 times
slower inside a loop on a CPU. Here each gradient is a correlation in the standard order or `kernel_gradient`, and so
are the gradients of these.
"""

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.core import ShapedArray
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir
from jaxtyping import Array, Float

from neuraxis.functions import spatial
from neuraxis.functions.spatial import Pairs
from neuraxis.kernels import compiled, is_one_cpu, one_by_one

_KERNELS = "neuraxis_convolve", "neuraxis_kernel_gradient"


def correlate(
    x: Float[Array, "batch *space in"], kernel: Float[Array, "*taps in out"], pads: Pairs, dilations: tuple[int, ...]
) -> Float[Array, "batch *places out"]:
    """Return y[i, o] = Σ_{k, c} x[i + d k − p, c] w[k, c, o], with p zeros before x; negative padding crops x."""
    if jax.sharding.get_abstract_mesh().empty:
        return _correlation.bind(x, kernel, pads=pads, dilations=dilations)
    return _plain_correlation(x, kernel, pads, dilations)  # its types say how the result is distributed


def kernel_gradient(
    x: Float[Array, "batch *space in"], dy: Float[Array, "batch *places out"], pads: Pairs, dilations: tuple[int, ...]
) -> Float[Array, "*taps in out"]:
    """Return dw[k, c, o] = Σ_i x[i + d k − p, c] dy[i, o], summed over the batch as well."""
    return _gradient.bind(x, dy, pads=pads, dilations=dilations)


def _plain_correlation(x: Array, kernel: Array, pads: Pairs, dilations: tuple[int, ...]) -> Array:
    return plain(x, kernel, pads, dilations, (1,) * len(pads))


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


# --- two bilinear primitives, each with gradients that are one of the two ---


def _compute_correlation(x, kernel, *, pads, dilations):
    if not _has_kernel(x, kernel, dilations):
        return _plain_correlation(x, kernel, pads, dilations)
    if len(pads) == 1:  # a signal is an image of one row
        return _compute_correlation(x[:, None], kernel[None], pads=((0, 0), *pads), dilations=(1, 1))[:, 0]
    shape = (x.shape[0], *_places(x.shape, kernel.shape, pads, dilations), kernel.shape[-1])
    return _call(_KERNELS[0], _plain_correlation, shape, pads, x, kernel)


def _compute_gradient(x, dy, *, pads, dilations):
    if not _has_kernel(x, dy, dilations):
        return _plain_gradient(x, dy, pads, dilations)
    if len(pads) == 1:
        return _compute_gradient(x[:, None], dy[:, None], pads=((0, 0), *pads), dilations=(1, 1))[0]
    shape = *_places(x.shape, dy.shape[1:], pads, dilations), x.shape[-1], dy.shape[-1]
    return _call(_KERNELS[1], _plain_gradient, shape, pads, x, dy)


def _places(
    shape: tuple[int, ...],
    window: tuple[int, ...],
    pads: Pairs,
    dilations: tuple[int, ...],
    strides: tuple[int, ...] | None = None,
) -> tuple[int, ...]:
    """Return the number of positions of a dilated window along each axis of padded images."""
    reach = [d * (k - 1) + 1 for d, k in zip(dilations, window, strict=False)]
    padded = [n + sum(pad) for n, pad in zip(shape[1:], pads, strict=False)]
    return spatial.places(padded, reach, strides or (1,) * len(pads))


def _abstract_correlation(x, kernel, *, pads, dilations):
    return ShapedArray((x.shape[0], *_places(x.shape, kernel.shape, pads, dilations), kernel.shape[-1]), x.dtype)


def _abstract_gradient(x, dy, *, pads, dilations):
    taps = _places(x.shape, dy.shape[1:], pads, (1,) * len(pads), dilations)
    return ShapedArray((*taps, x.shape[-1], dy.shape[-1]), x.dtype)


def _batch(primitive: Primitive, otherwise: Callable, arguments, axes, *, pads, dilations):
    """Compute a batch of correlations or gradients; batches of images that share a kernel become one batch."""
    function = partial(primitive.bind, pads=pads, dilations=dilations)
    batched = [axis is not None for axis in axes]
    x, other = (a if axis is None else jnp.moveaxis(a, axis, 0) for a, axis in zip(arguments, axes, strict=True))
    if primitive is _correlation and not batched[1]:
        y = function(x.reshape(x.shape[0] * x.shape[1], *x.shape[2:]), other)
        return y.reshape(*x.shape[:2], *y.shape[1:]), 0
    if _has_kernel(x, other, dilations):
        return one_by_one(function, batched, (x, other)), 0
    each = [0 if b else None for b in batched]
    return jax.vmap(lambda x, other: otherwise(x, other, pads, dilations), each)(x, other), 0


def _bilinear(compute: Callable, abstract: Callable, otherwise: Callable, of_first: Callable, of_second: Callable):
    """Return a primitive with its derivatives: those of the arguments, given that of the result and the other one."""
    primitive = Primitive(compute.__name__.replace("_compute_", "neuraxis_"))
    primitive.def_impl(jax.jit(compute, static_argnames=("pads", "dilations")))
    primitive.def_abstract_eval(abstract)
    mlir.register_lowering(primitive, mlir.lower_fun(compute, multiple_results=False))
    ad.defbilinear(primitive, of_first, of_second)
    batching.primitive_batchers[primitive] = partial(_batch, primitive, otherwise)
    return primitive


_correlation = _bilinear(
    _compute_correlation,
    _abstract_correlation,
    _plain_correlation,
    lambda dy, x, kernel, **where: _input_gradient(dy, kernel, **where),
    lambda dy, x, kernel, **where: kernel_gradient(x, dy, **where),
)
_gradient = _bilinear(
    _compute_gradient,
    _abstract_gradient,
    _plain_gradient,
    lambda dw, x, dy, **where: _input_gradient(dy, dw, **where),
    lambda dw, x, dy, **where: correlate(x, dw, **where),
)


# --- the kernel in C++ ---


def _has_kernel(x: Array, other: Array, dilations: tuple[int, ...]) -> bool:
    """Return whether the C++ kernel applies: to undilated signals and images in single precision, on one CPU device."""
    fits = x.dtype == other.dtype == jnp.float32 and len(dilations) in (1, 2) and set(dilations) == {1}
    return fits and x.size > 0 and other.size > 0 and is_one_cpu() and compiled("convolution", *_KERNELS)


def _call(name: str, otherwise: Callable, shape: tuple[int, ...], pads: Pairs, *arguments: Array) -> Array:
    """Call a kernel on a CPU, and a JAX function on other devices."""
    call = jax.ffi.ffi_call(name, jax.ShapeDtypeStruct(shape, jnp.float32))
    by_kernel = partial(call, top=np.int64(pads[0][0]), left=np.int64(pads[1][0]))
    plainly = partial(otherwise, pads=pads, dilations=(1, 1))
    return lax.platform_dependent(*arguments, cpu=by_kernel, default=plainly)
