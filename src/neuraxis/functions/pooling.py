"""Pooling: the largest or the mean entry of every window."""

import math
from collections.abc import Sequence
from functools import partial, reduce
from itertools import product

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, ArrayLike, Float

from neuraxis import check
from neuraxis.errors import InputError

Sizes = int | Sequence[int]


def max_pool(x: Float[ArrayLike, "..."], size: Sizes = 2, stride: Sizes | None = None) -> Float[Array, "..."]:
    """y[i] = max over k < size of x[stride · i + k]; the gradient goes to the first of the largest entries.

    Args:
        x: (…, height, width, channel), or as many spatial axes as `size` has numbers.
        size: entries of a window along each spatial axis; one number stands for two axes.
        stride: distance of neighbouring windows, `size` by default. What fills no window is left out.

    Returns:
        (…, *space, channel), with ⌊(n − size)/stride⌋ + 1 entries where x has n.

    Raises:
        InputError: for sizes and strides below 1, too few axes, or a window larger than x.
    """
    flat, size, stride = _windows(x, size, stride)
    return _restore(_max_pool(flat, size, stride), x)


def mean_pool(x: Float[ArrayLike, "..."], size: Sizes = 2, stride: Sizes | None = None) -> Float[Array, "..."]:
    """y[i] = mean over k < size of x[stride · i + k]; arguments, result and errors as for `max_pool`."""
    flat, size, stride = _windows(x, size, stride)
    return _restore(reduce(jnp.add, _entries(flat, size, stride)) / math.prod(size), x)


@partial(jax.custom_vjp, nondiff_argnums=(1, 2))
def _max_pool(x: Array, size: tuple[int, ...], stride: tuple[int, ...]) -> Array:
    # Not by `lax.reduce_window`, which with its gradient takes several times as long on a CPU.
    return reduce(jnp.maximum, _entries(x, size, stride))


def _max_pool_forward(x, size, stride):
    entries = _entries(x, size, stride)
    y, winner = entries[0], jnp.zeros(entries[0].shape, jnp.uint8 if len(entries) < 256 else jnp.int32)
    for i, entry in enumerate(entries[1:], 1):
        winner = jnp.where(entry > y, jnp.asarray(i, winner.dtype), winner)
        y = jnp.maximum(y, entry)
    return y, (winner, x.shape)


def _max_pool_backward(size, stride, kept, dy):
    winner, shape = kept
    spread = _spread_apart if size == stride else _spread_overlapping
    return (spread(winner, dy, size, stride, shape),)


def _spread_apart(winner, dy, size, stride, shape):
    """Send dy to the winners of windows that do not overlap: in one pass, each entry of x looks at its own window."""
    axes = [2 + 2 * i for i in range(len(size))]  # of the places in a window
    place = jnp.arange(math.prod(size), dtype=winner.dtype).reshape(*(p for k in size for p in (1, k)), 1)
    windows = jnp.where(jnp.expand_dims(winner, axes) == place, jnp.expand_dims(dy, axes), jnp.zeros((), dy.dtype))
    inside = windows.reshape(len(dy), *(m * k for m, k in zip(dy.shape[1:], size, strict=False)), dy.shape[-1])
    return jnp.pad(inside, [(0, n - m) for n, m in zip(shape, inside.shape, strict=True)])


def _spread_overlapping(winner, dy, size, stride, shape):
    """Send dy to the winners of windows that may overlap: one pass for each place in a window."""
    zero = jnp.zeros((), dy.dtype)
    dx = jnp.zeros(shape, dy.dtype)
    for i, place in enumerate(product(*map(range, size))):
        # The entries of dy that go to this place, with zeros between.
        widths = [
            (k, n - k - s * (m - 1) - 1, s - 1)
            for k, n, s, m in zip(place, shape[1:], stride, dy.shape[1:], strict=False)
        ]
        dx += lax.pad(jnp.where(winner == i, dy, zero), zero, [(0, 0, 0), *widths, (0, 0, 0)])
    return dx


_max_pool.defvjp(_max_pool_forward, _max_pool_backward)


def _entries(x: Array, size: tuple[int, ...], stride: tuple[int, ...]) -> list[Array]:
    """Give, for every place in a window, the entries that stand there, one of each window."""
    counts = [(n - k) // s + 1 for n, k, s in zip(x.shape[1:], size, stride, strict=False)]
    last = [s * (m - 1) + 1 for s, m in zip(stride, counts, strict=True)]
    return [
        lax.slice(x, (0, *place, 0), (len(x), *map(sum, zip(place, last, strict=True)), x.shape[-1]), (1, *stride, 1))
        for place in product(*map(range, size))
    ]


def _windows(x: ArrayLike, size: Sizes, stride: Sizes | None) -> tuple[Array, tuple[int, ...], tuple[int, ...]]:
    x = jnp.asarray(x)
    size = (size,) * 2 if isinstance(size, int) else tuple(size)
    space = len(size)
    stride = size if stride is None else (stride,) * space if isinstance(stride, int) else tuple(stride)
    for k in size:
        check.whole(size=k)
    for s in stride:
        check.whole(stride=s)
    if len(stride) != space or x.ndim < space + 1:
        raise InputError(
            f"x must have {space} spatial axes and a last one of channels, and stride a number for each, but x has "
            f"shape {x.shape}, size is {size} and stride is {stride}"
        )
    sizes = x.shape[-1 - space : -1]
    if any(k > n for k, n in zip(size, sizes, strict=True)):
        raise InputError(f"the window must not be larger than the input {sizes}, but has size {size}")
    return x.reshape(-1, *x.shape[-1 - space :]), size, stride


def _restore(y: Array, x: ArrayLike) -> Array:
    """Give y the leading axes of x."""
    return y.reshape(*jnp.shape(x)[: -(y.ndim - 1)], *y.shape[1:])
