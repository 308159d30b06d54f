"""Pooling: the maximum or the mean over every window, or over all positions.

The window size determines which axes are spatial: one number stands for the height and width of images, (2,) for the
time of signals. Arrays may have further leading axes.
"""

import math
from collections.abc import Callable
from functools import partial, reduce
from itertools import product
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, ArrayLike, Float

from neuraxis import check
from neuraxis.errors import InputError
from neuraxis.functions import spatial
from neuraxis.functions.spatial import Steps, Whole

_FEW = 16  # largest number of window entries that are sliced one by one; each slice makes the program larger


def max_pool(x: Float[ArrayLike, "..."], size: Steps = 2, stride: Steps | None = None) -> Float[Array, "..."]:
    """y[i] = max over k < size of x[stride · i + k]; the gradient goes to the first maximum of each window.

    Args:
        x: input, (…, height, width, channel), or with as many spatial axes as `size` has numbers.
        size: window size along each spatial axis: (2, 2) for images, (2,) for signals (…, time, channel). One number
            stands for height and width.
        stride: distance between neighbouring windows, `size` by default. Entries that fill no window are ignored.

    Returns:
        Output y, (…, *space, channel), with ⌊(n − size)/stride⌋ + 1 entries along an axis of n.

    Raises:
        InputError: for sizes and strides below 1, too few axes, or a window larger than x.
    """
    return _pool(_largest, x, size, stride)


def mean_pool(x: Float[ArrayLike, "..."], size: Steps = 2, stride: Steps | None = None) -> Float[Array, "..."]:
    """y[i] = mean over k < size of x[stride · i + k]; arguments, result and errors as for `max_pool`."""
    return _pool(_mean, x, size, stride)


def global_max_pool(x: Float[ArrayLike, "..."], *, axes: Whole) -> Float[Array, "... channel"]:
    """Return the maximum of x over all spatial positions; arguments, result and errors as for `global_mean_pool`."""
    array = _with_space(x, axes)
    y = max_pool(array, array.shape[-1 - axes : -1])
    return y.reshape(*array.shape[: -1 - axes], array.shape[-1])


def global_mean_pool(x: Float[ArrayLike, "..."], *, axes: Whole) -> Float[Array, "... channel"]:
    """Return the mean of x over all spatial positions.

    Args:
        x: input, (…, *space, channel).
        axes: number of spatial axes: 1 for signals (…, time, channel), 2 for images (…, height, width, channel).

    Returns:
        Means, (…, channel).

    Raises:
        InputError: for an x with too few axes or no spatial position.

    Source: Lin, Chen and Yan, International Conference on Learning Representations (2014).
    """
    array = _with_space(x, axes)
    wide = array.astype(jnp.promote_types(array.dtype, jnp.float32))
    return jnp.mean(wide, tuple(range(-1 - int(axes), -1))).astype(array.dtype)


def _with_space(x: Any, axes: Whole) -> Array:
    x = check.floats("x", x)
    check.whole(axes=axes)
    if x.ndim <= axes or 0 in x.shape[-1 - axes : -1]:
        raise InputError(
            f"x must have shape (…, {spatial.names(int(axes))}, channel) with at least one position, but has shape "
            f"{x.shape}"
        )
    return x


def _pool(pool: Callable[..., Array], x: Any, size: Steps, stride: Steps | None) -> Array:
    x = check.floats("x", x)
    size = spatial.window(size)
    space = len(size)
    stride = size if stride is None else spatial.for_each_axis(space, stride=stride)
    if x.ndim <= space:
        raise InputError(
            f"x must have shape (…, {spatial.names(space)}, channel) for windows of size {size}, but has shape "
            f"{x.shape}"
        )
    flat = spatial.flatten_leading(x, space)
    if any(k > n for k, n in zip(size, flat.shape[1:], strict=False)):
        raise InputError(f"the window must not be larger than the input {flat.shape[1:-1]}, but has size {size}")
    y = pool(flat, size, stride)
    return y.reshape(*x.shape[: -1 - space], *y.shape[1:])


# Both are compiled as a whole even outside `jit`, where XLA would compile every slice separately.
@partial(jax.jit, static_argnums=(1, 2))
def _largest(x: Array, size: tuple[int, ...], stride: tuple[int, ...]) -> Array:
    if math.prod(size) <= _FEW:
        return _max_pool(x, size, stride)
    wide = x.astype(jnp.promote_types(x.dtype, jnp.float32))  # its gradient is a sum over windows
    return _by_axes(_larger, wide, size, stride).astype(x.dtype)


@partial(jax.jit, static_argnums=(1, 2))
def _mean(x: Array, size: tuple[int, ...], stride: tuple[int, ...]) -> Array:
    wide = x.astype(jnp.promote_types(x.dtype, jnp.float32))
    few = math.prod(size) <= _FEW
    total = reduce(jnp.add, _entries(wide, size, stride)) if few else _by_axes(jnp.add, wide, size, stride)
    return (total / math.prod(size)).astype(x.dtype)


# --- small windows: entry by entry ---


@partial(jax.custom_vjp, nondiff_argnums=(1, 2))
def _max_pool(x: Array, size: tuple[int, ...], stride: tuple[int, ...]) -> Array:
    # `lax.reduce_window` with its gradient takes several times as long on a CPU.
    return reduce(jnp.maximum, _entries(x, size, stride))


def _max_pool_forward(x, size, stride):
    entries = _entries(x, size, stride)
    y, winner = entries[0], jnp.zeros(entries[0].shape, jnp.uint8)
    for i, entry in enumerate(entries[1:], 1):
        winner = jnp.where(entry > y, jnp.asarray(i, winner.dtype), winner)
        y = jnp.maximum(y, entry)
    return y, (winner, x.shape)


def _max_pool_backward(size, stride, kept, dy):
    winner, shape = kept
    spread = _spread_apart if size == stride else _spread_overlapping
    return (spread(winner, dy, size, stride, shape),)


def _spread_apart(winner, dy, size, stride, shape):
    """Route dy to the maxima of windows that do not overlap, in one pass: each entry of x looks up its window."""
    axes = [2 + 2 * i for i in range(len(size))]  # of the positions in a window
    place = jnp.arange(math.prod(size), dtype=winner.dtype).reshape(*(p for k in size for p in (1, k)), 1)
    windows = jnp.where(jnp.expand_dims(winner, axes) == place, jnp.expand_dims(dy, axes), jnp.zeros((), dy.dtype))
    inside = windows.reshape(len(dy), *(m * k for m, k in zip(dy.shape[1:], size, strict=False)), dy.shape[-1])
    return jnp.pad(inside, [(0, n - m) for n, m in zip(shape, inside.shape, strict=True)])


def _spread_overlapping(winner, dy, size, stride, shape):
    """Route dy to the maxima of windows that may overlap, in one pass for each position in a window."""
    wide = dy.astype(jnp.promote_types(dy.dtype, jnp.float32))
    zero = jnp.zeros((), wide.dtype)
    dx = jnp.zeros(shape, wide.dtype)
    for i, place in enumerate(product(*map(range, size))):
        # The entries of dy whose maximum is at this position, with zeros in between.
        widths = [
            (k, n - k - s * (m - 1) - 1, s - 1)
            for k, n, s, m in zip(place, shape[1:], stride, dy.shape[1:], strict=False)
        ]
        dx += lax.pad(jnp.where(winner == i, wide, zero), zero, [(0, 0, 0), *widths, (0, 0, 0)])
    return dx.astype(dy.dtype)


_max_pool.defvjp(_max_pool_forward, _max_pool_backward)


def _entries(x: Array, size: tuple[int, ...], stride: tuple[int, ...]) -> list[Array]:
    """Return, for every position in a window, the entries of all windows at that position."""
    counts = spatial.places(x.shape[1:-1], size, stride)
    last = [s * (m - 1) + 1 for s, m in zip(stride, counts, strict=True)]
    return [
        lax.slice(x, (0, *place, 0), (len(x), *map(sum, zip(place, last, strict=True)), x.shape[-1]), (1, *stride, 1))
        for place in product(*map(range, size))
    ]


# --- large windows: axis by axis, in O(log size) steps ---


def _larger(a: Array, b: Array) -> Array:
    """Return the larger entry, a where both are equal, and NaN where either is NaN."""
    return jnp.where((b > a) | (b != b), b, a)


def _by_axes(combine: Callable[[Array, Array], Array], x: Array, size: tuple[int, ...], stride: tuple[int, ...]):
    # The last axis first, so that the first of equal entries in row-major order is kept.
    for axis in reversed(range(len(size))):
        x = _along(combine, x, 1 + axis, size[axis], stride[axis])
    return x


def _along(combine: Callable[[Array, Array], Array], x: Array, axis: int, size: int, stride: int) -> Array:
    """Combine the entries of every window along one axis, in order."""

    def from_(y, first, count, step=1):
        return lax.slice_in_dim(y, first, first + step * (count - 1) + 1, step, axis)

    while size % 2 == 0 and stride % 2 == 0:  # windows of pairs
        pairs = x.shape[axis] // 2
        x, size, stride = combine(from_(x, 0, pairs, 2), from_(x, 1, pairs, 2)), size // 2, stride // 2
    (count,) = spatial.places((x.shape[axis],), (size,), (stride,))
    blocks = [x]  # index i of block j combines the 2ʲ entries from i on
    while 2 ** len(blocks) <= size:
        half = 2 ** (len(blocks) - 1)
        n = blocks[-1].shape[axis] - half
        blocks.append(combine(from_(blocks[-1], 0, n), from_(blocks[-1], half, n)))
    parts, first = [], 0
    for j in reversed(range(len(blocks))):
        if size >> j & 1:
            parts.append(from_(blocks[j], first, count, stride))
            first += 2**j
    return reduce(combine, parts)
