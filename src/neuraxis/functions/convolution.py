"""Discrete convolution and cross-correlation over any number of spatial axes, with gradients that are fast on a CPU.

Arrays are (…, *space, channel) and kernels (*space, in, out): `space` is (time,) for signals and (height, width) for
images, and all axes of the kernel but the last two are spatial. Along an axis of n entries, with k kernel entries,
stride s, dilation d and p entries of padding in total, the result has ⌊(n + p − d(k − 1) − 1)/s⌋ + 1 entries.

Strides and transposed convolutions are reduced to correlations with stride 1 (`correlation`) by sorting the entries by
phase, which is their position modulo the stride.
"""

import math
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, ArrayLike, Float

from neuraxis import check
from neuraxis.errors import InputError
from neuraxis.functions import spatial
from neuraxis.functions.borders import Border
from neuraxis.functions.correlation import correlate, plain
from neuraxis.functions.spatial import Padding, Pairs, Steps, Whole

_MOST_SLICES = 24  # largest sum of the kernel's spatial sizes for which windows are cut out by slicing


def cross_correlate(
    x: Float[ArrayLike, "..."],
    kernel: Float[ArrayLike, "... in out"],
    *,
    stride: Steps = 1,
    padding: Padding = "valid",
    dilation: Steps = 1,
    groups: Whole = 1,
    border: Border | None = None,
) -> Float[Array, "..."]:
    """Return y[i, o] = Σ_{k, c} x[s i + d k − p, c] w[k, c, o], called convolution in neural networks.

    With g groups, input and output channels are divided into g equal parts, and each part of the output depends on the
    corresponding part of the input only; as many groups as input channels give a depthwise convolution.

    Args:
        x: input, (…, *space, in).
        kernel: w, (*space, in/g, out).
        stride: s, one number or one for each spatial axis.
        padding: zeros around x: "valid" (none), "same" (the output has ⌈n/s⌉ entries), their number on either side, or
            for each spatial axis that number or (before, after); p in the formula is the number before.
        dilation: spacing d of the kernel entries, one number or one for each spatial axis.
        groups: number of groups g.
        border: padding with values other than zeros, a function from `neuraxis.functions.borders`.

    Returns:
        Output y, (…, *space, out).

    Raises:
        InputError: for shapes that do not fit, a stride or dilation below 1, negative padding, channels that are not
            divisible by the number of groups, or a dilated kernel that is larger than the padded x.
    """
    x, kernel = _arrays(x, kernel, groups)
    space = kernel.ndim - 2
    strides = spatial.for_each_axis(space, stride=stride)
    dilations = spatial.for_each_axis(space, dilation=dilation)
    flat = spatial.flatten_leading(x, space)
    reach = tuple(d * (k - 1) + 1 for d, k in zip(dilations, kernel.shape, strict=False))
    pads = spatial.around(padding, flat.shape[1:-1], reach, strides)
    padded = tuple(n + before + after for n, (before, after) in zip(flat.shape[1:], pads, strict=False))
    if any(r > n for r, n in zip(reach, padded, strict=True)):
        raise InputError(
            f"the dilated kernel must not be larger than the padded input of size {padded}, but has size {reach}"
        )
    check.array_fits("padding and dilation", (len(flat), *padded, max(kernel.shape[-2:])))
    if x.size == 0:
        return jnp.zeros((*x.shape[: -1 - space], *spatial.places(padded, reach, strides), kernel.shape[-1]), x.dtype)
    if border is not None:
        check.functions(border=border)
        flat, pads = border(flat, [(0, 0), *pads, (0, 0)]), _no_pads(space)
    y = _correlate(flat, _in_one_group(kernel, int(groups)), pads, dilations, strides)
    return y.reshape(*x.shape[: -1 - space], *y.shape[1:])


def convolve(
    x: Float[ArrayLike, "..."],
    kernel: Float[ArrayLike, "... in out"],
    *,
    stride: Steps = 1,
    padding: Padding = "valid",
    dilation: Steps = 1,
    groups: Whole = 1,
    border: Border | None = None,
) -> Float[Array, "..."]:
    """Convolve in the mathematical sense: cross-correlate with the kernel flipped along every spatial axis.

    y[i, o] = Σ_{k, c} x[s i + d(K − 1 − k) − p, c] w[k, c, o] for a kernel of K entries; padding by d(K − 1) on either
    side gives the full convolution. Arguments, result and errors are those of `cross_correlate`.
    """
    given: Array = check.floats("kernel", kernel)
    flipped = jnp.flip(given, range(given.ndim - 2))
    return cross_correlate(x, flipped, stride=stride, padding=padding, dilation=dilation, groups=groups, border=border)


def transposed_convolve(
    x: Float[ArrayLike, "..."], kernel: Float[ArrayLike, "... in out"], *, stride: Steps = 1, padding: Padding = "valid"
) -> Float[Array, "..."]:
    """Return y[j, o] = Σ x[i, c] w[k, c, o] over all c, i and k with s i + k − p = j.

    As a linear map it is the transpose of `cross_correlate` with the same stride and padding, in and out exchanged.
    With a kernel of K entries, an axis of n entries grows to s(n − 1) + K, less the padding on both sides, and to s n
    with "same" (for K ≥ s).

    Args:
        x: input, (…, *space, in).
        kernel: w, (*space, in, out).
        stride: s, distance in y between the contributions of neighbouring entries of x.
        padding: entries cut from the borders of y, specified as for `cross_correlate`; p of them before.

    Raises:
        InputError: for shapes that do not fit, a stride below 1, or padding that leaves no output.
    """
    x, kernel = _arrays(x, kernel)
    space = kernel.ndim - 2
    strides = spatial.for_each_axis(space, stride=stride)
    flat = spatial.flatten_leading(x, space)
    sizes, reach = flat.shape[1:-1], kernel.shape[:space]
    whole = tuple(s * (n - 1) + k for s, n, k in zip(strides, sizes, reach, strict=True))
    enlarged = tuple(s * n for s, n in zip(strides, sizes, strict=True))
    # The padding of the correlation that this transposes, which maps the enlarged size to that of x.
    pads = spatial.around(padding, enlarged, reach, strides)
    if any(before + after >= n for n, (before, after) in zip(whole, pads, strict=True)):
        raise InputError(f"padding must cut less than the output of size {whole}, but cuts {pads}")
    check.array_fits("stride", (len(flat), *whole, kernel.shape[-1]))
    left = tuple(n - before - after for n, (before, after) in zip(whole, pads, strict=True))
    if x.size == 0:
        return jnp.zeros((*x.shape[: -1 - space], *left, kernel.shape[-1]), x.dtype)
    y = _transposed(flat, kernel, strides)
    y = y[(slice(None), *(slice(before, before + n) for n, (before, _) in zip(left, pads, strict=True)))]
    return y.reshape(*x.shape[: -1 - space], *y.shape[1:])


# --- correlation of (batch, *space, in) with (*space, in, out), by the fastest method for each case ---


# Compiled as a whole even outside `jit`, where XLA would compile every slice separately.
@partial(jax.jit, static_argnums=(2, 3, 4))
def _correlate(x: Array, kernel: Array, pads: Pairs, dilations: tuple[int, ...], strides: tuple[int, ...]) -> Array:
    taps = kernel.shape[:-2]
    # Each slice makes the program larger, so larger kernels are left to XLA.
    if math.prod(taps) == 1 or (kernel.shape[-2] == 1 and sum(taps) <= _MOST_SLICES):
        return _by_product(x, kernel, pads, dilations, strides)
    if max(strides) > 1:
        return _strided(x, kernel, pads, dilations, strides)
    return correlate(x, kernel, pads, dilations)


@partial(jax.custom_jvp, nondiff_argnums=(2, 3, 4))
def _strided(x: Array, kernel: Array, pads: Pairs, dilations: tuple[int, ...], strides: tuple[int, ...]) -> Array:
    """Correlate with a stride; the derivatives are those of `_by_phases`, which computes the same function."""
    return plain(x, kernel, pads, dilations, strides)


@_strided.defjvp
def _(pads, dilations, strides, primals, tangents):
    by_phases = partial(_by_phases, pads=pads, dilations=dilations, strides=strides)
    return _strided(*primals, pads, dilations, strides), jax.jvp(by_phases, primals, tangents)[1]


def _by_phases(x: Array, kernel: Array, pads: Pairs, dilations: tuple[int, ...], strides: tuple[int, ...]) -> Array:
    """Return y[i] = Σ_{t, r} x[s(i + t) + r] w[s t + r], which has stride 1 if the phases r are treated as channels."""
    space = len(pads)
    kernel = lax.pad(kernel, jnp.zeros((), kernel.dtype), [*((0, 0, d - 1) for d in dilations), (0, 0, 0), (0, 0, 0)])
    padded = [n + before + after for n, (before, after) in zip(x.shape[1:], pads, strict=False)]
    out = spatial.places(padded, kernel.shape[:space], strides)
    kernel = _up_to_multiple(kernel, strides)
    # The part of the padded input that the zero-padded kernel covers.
    ends = [
        k + s * (o - 1) - n - before
        for n, (before, _), k, s, o in zip(x.shape[1:], pads, kernel.shape, strides, out, strict=False)
    ]
    widths = [(before, end, 0) for (before, _), end in zip(pads, ends, strict=True)]
    x = lax.pad(x, jnp.zeros((), x.dtype), [(0, 0, 0), *widths, (0, 0, 0)])
    x_phases = _split_phases(x, strides, first=1, channel=-1)
    kernel_phases = _split_phases(kernel, strides, first=0, channel=-2)
    return correlate(x_phases, kernel_phases, _no_pads(space), _ones(space))


def _by_product(x: Array, kernel: Array, pads: Pairs, dilations: tuple[int, ...], strides: tuple[int, ...]) -> Array:
    """Correlate by one matrix product, which is faster with one input channel or a kernel of one entry."""
    wide = x.astype(jnp.promote_types(x.dtype, jnp.float32))  # its gradient is a sum over overlapping windows
    x = jnp.pad(wide, [(0, 0), *pads, (0, 0)])
    space = len(pads)
    reach = [d * (k - 1) + 1 for d, k in zip(dilations, kernel.shape, strict=False)]
    out = spatial.places(x.shape[1:-1], reach, strides)
    # Axis by axis, so that the number of slices is the sum of the kernel's spatial sizes, not their product.
    for axis, (taps, d, s, n) in enumerate(zip(kernel.shape[:space], dilations, strides, out, strict=True), 1):
        x = jnp.stack([lax.slice_in_dim(x, d * k, d * k + s * (n - 1) + 1, s, axis) for k in range(taps)], -2)
    rows = math.prod(x.shape[: 1 + space])
    flat = x.reshape(rows, math.prod(kernel.shape[:-1])) @ kernel.reshape(-1, kernel.shape[-1]).astype(x.dtype)
    return flat.astype(kernel.dtype).reshape(len(x), *out, kernel.shape[-1])


@partial(jax.jit, static_argnums=2)
def _transposed(x: Array, kernel: Array, strides: tuple[int, ...]) -> Array:
    """Compute the transposed convolution without padding."""
    space = len(strides)
    # The entries of y at one phase depend only on the kernel entries at that phase.
    taps = _split_phases(_up_to_multiple(kernel, strides), strides, first=0, channel=-1)
    pads = tuple((t - 1, t - 1) for t in taps.shape[:space])
    return _join_phases(_correlate(x, jnp.flip(taps, range(space)), pads, _ones(space), _ones(space)), strides)


# --- phases: the position of an entry modulo the stride ---


def _split_phases(a: Array, strides: tuple[int, ...], *, first: int, channel: int) -> Array:
    """Divide the spatial axes, which begin at `first`, by the strides, and merge the phases into the axis `channel`."""
    space = len(strides)
    sizes = a.shape[first : first + space]
    split = [part for n, s in zip(sizes, strides, strict=True) for part in (n // s, s)]
    a = a.reshape(*a.shape[:first], *split, *a.shape[first + space :])
    end = a.ndim + channel
    a = jnp.moveaxis(a, [first + 1 + 2 * i for i in range(space)], range(end - space, end))
    return a.reshape(*a.shape[: end - space], -1, *a.shape[end + 1 :])


def _join_phases(a: Array, strides: tuple[int, ...]) -> Array:
    """Interleave the phases of (batch, *space, phases · channel) into the spatial axes."""
    space = len(strides)
    split = a.reshape(*a.shape[:-1], *strides, -1)
    split = jnp.moveaxis(split, range(1 + space, 1 + 2 * space), range(2, 2 + 2 * space, 2))
    return split.reshape(len(a), *(n * s for n, s in zip(a.shape[1:], strides, strict=False)), -1)


def _up_to_multiple(kernel: Array, strides: tuple[int, ...]) -> Array:
    """Zero-pad the spatial axes to multiples of the strides."""
    return jnp.pad(kernel, [*((0, -k % s) for k, s in zip(kernel.shape, strides, strict=False)), (0, 0), (0, 0)])


# --- arguments ---


def _arrays(x: Any, kernel: Any, groups: Any = 1) -> tuple[Array, Array]:
    x, kernel = check.floats("x", x), check.floats("kernel", kernel)
    if kernel.ndim < 3 or 0 in kernel.shape:
        raise InputError(f"the kernel must have shape (*space, in, out), but has shape {kernel.shape}")
    check.whole(groups=groups)
    space, (seen, out) = kernel.ndim - 2, kernel.shape[-2:]
    if out % groups:
        raise InputError(f"groups must divide the {out} output channels, but is {groups}")
    if x.ndim < space + 1 or x.shape[-1] != seen * groups:
        in_groups = f" in {groups} groups" if groups > 1 else ""
        raise InputError(
            f"x must have shape (…, {spatial.names(space)}, {seen * groups}) for a kernel of shape {kernel.shape}"
            f"{in_groups}, but has shape {x.shape}"
        )
    dtype = jnp.result_type(x, kernel)
    return x.astype(dtype), kernel.astype(dtype)


def _in_one_group(kernel: Array, groups: int) -> Array:
    """Expand a grouped kernel (*space, in/g, out) to (*space, in, out), with zeros between groups.

    XLA's grouped convolutions take up to a hundred times as long on a CPU, their gradients in particular.
    """
    if groups == 1:
        return kernel
    *space, seen, out = kernel.shape
    parts = kernel.reshape(*space, 1, seen, groups, out // groups)
    own = jnp.eye(groups, dtype=kernel.dtype)[:, None, :, None]
    return (parts * own).reshape(*space, groups * seen, out)


def _ones(space: int) -> tuple[int, ...]:
    return (1,) * space


def _no_pads(space: int) -> Pairs:
    return ((0, 0),) * space
