"""Upsampling of images and signals by a factor of 2: nearest neighbours, smoothed by a convolution."""

import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float

from neuraxis import check
from neuraxis.errors import InputError
from neuraxis.functions.convolution import cross_correlate


def upsample(x: Float[ArrayLike, "..."], kernel: Float[ArrayLike, "... in out"]) -> Float[Array, "..."]:
    """y[j] = Σ_k u[j + k − 1] w[k], with u[j] = x[⌊j/2⌋] inside and 0 outside: nearest neighbours, then correlation.

    The output is computed without repeating entries: along each axis y[2i] = x[i−1] w₀ + x[i] (w₁ + w₂) and
    y[2i+1] = x[i] (w₀ + w₁) + x[i+1] w₂. For an image these are four correlations with 2×2 kernels, and 16 products for
    every entry of x instead of 36.

    Args:
        x: input, (…, *space, in).
        kernel: w, (*space, in, out) with 3 entries along each spatial axis.

    Returns:
        Output y, (…, *space, out), with each spatial axis twice as long.

    Raises:
        InputError: for shapes that do not fit, or a kernel that does not have 3 entries along each spatial axis.

    Source: Odena, Dumoulin and Olah, Deconvolution and checkerboard artifacts, Distill (2016).
    """
    w: Array = check.floats("kernel", kernel)
    space = w.ndim - 2
    if space < 1 or w.shape[:space] != (3,) * space:
        raise InputError(
            f"the kernel must have shape (*space, in, out) with 3 along each spatial axis, but has shape {w.shape}"
        )
    return _from_axis(0, x, w, ())


def _from_axis(axis: int, x: ArrayLike, w: Array, padding: tuple[tuple[int, int], ...]) -> Array:
    """Double this spatial axis and those after it, by interleaving the outputs at even and odd positions."""
    space = w.ndim - 2
    if axis == space:
        return cross_correlate(x, w, padding=padding)
    w0, w1, w2 = jnp.split(w, 3, axis)
    even = _from_axis(axis + 1, x, jnp.concatenate([w0, w1 + w2], axis), (*padding, (1, 0)))
    odd = _from_axis(axis + 1, x, jnp.concatenate([w0 + w1, w2], axis), (*padding, (0, 1)))
    place = even.ndim - 1 - space + axis
    shape = even.shape[:place], even.shape[place], even.shape[place + 1 :]
    return jnp.stack([even, odd], place + 1).reshape(*shape[0], 2 * shape[1], *shape[2])
