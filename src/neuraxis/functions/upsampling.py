"""Images and signals of twice the size: every entry is repeated, then a convolution smooths the steps."""

import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float

from neuraxis import check
from neuraxis.errors import InputError
from neuraxis.functions.convolution import transposed_convolve


def upsample(x: Float[ArrayLike, "..."], kernel: Float[ArrayLike, "... in out"]) -> Float[Array, "..."]:
    """y[j] = Σ_k u[j + k − 1] w[k], with u[j] = x[⌊j/2⌋] inside and 0 outside: nearest neighbours, then correlation.

    It is calculated at the places of x alone. An entry of x lays down [w₂, w₁ + w₂, w₀ + w₁, w₀] along each axis, with
    a distance of 2 to that of its neighbour: a transposed convolution, whose four phases of an image have kernels of
    2×2. They take 16 products for every entry of x, where repeating it and then correlating takes 36.

    Args:
        x: (…, *space, in).
        kernel: w, (*space, in, out) with 3 entries along each spatial axis.

    Returns:
        (…, *space, out), with each spatial axis twice as long.

    Raises:
        InputError: for shapes that do not fit, or a kernel that does not have 3 entries along each spatial axis.

    Source: Odena, Dumoulin and Olah, Distill (2016), for the pair; Shi et al., arXiv:1609.07009 (2016), for the phases.
    """
    w: Array = check.floats("kernel", kernel)
    space = w.ndim - 2
    if space < 1 or w.shape[:space] != (3,) * space:
        raise InputError(
            f"the kernel must have shape (*space, in, out) with 3 along each spatial axis, but has shape {w.shape}"
        )
    for axis in range(space):
        w0, w1, w2 = jnp.split(w, 3, axis)
        w = jnp.concatenate([w2, w1 + w2, w0 + w1, w0], axis)
    return transposed_convolve(x, w, stride=2, padding=1)
