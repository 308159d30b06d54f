"""Upsampling by a factor of 2 as a layer."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float, PRNGKeyArray

from neuraxis import check
from neuraxis.functions.initializers import he_normal
from neuraxis.functions.spatial import Whole, count_of_axes
from neuraxis.functions.upsampling import upsample


class Upsampling(eqx.Module):
    """z = u ⋆ w + b, where u is x with every entry repeated twice along each spatial axis.

    The kernels of a transposed convolution may overlap unevenly, which shows as a checkerboard pattern. This layer
    treats all pixels alike, at no higher cost (`neuraxis.functions.upsampling`).

    Args:
        in_channels: number of channels of x.
        out_channels: number of channels of z.
        key: random key for the kernels, with 3 entries along each spatial axis, drawn after He et al. (2015); the bias
            is initialised to zero.
        space: number of spatial axes: 2 for images, 1 for signals.

    Raises:
        InputError: for sizes that are not positive, or an x that does not fit.

    Source: Odena, Dumoulin and Olah, Deconvolution and checkerboard artifacts, Distill (2016).
    """

    kernel: Float[Array, "*space in out"]
    bias: Float[Array, " out"]

    def __init__(self, in_channels: Whole, out_channels: Whole, *, key: PRNGKeyArray, space: Whole = 2):
        check.whole(in_channels=in_channels, out_channels=out_channels)
        check.key(key)
        shape = (*(3,) * count_of_axes(space), int(in_channels), int(out_channels))
        check.array_fits("in_channels and out_channels", shape)
        self.kernel, self.bias = he_normal(key, shape), jnp.zeros(int(out_channels))

    def __call__(self, x: Float[ArrayLike, "..."], *, key: PRNGKeyArray | None = None) -> Float[Array, "... out"]:
        """Map (…, height, width, in) to (…, 2 height, 2 width, out)."""
        return upsample(x, self.kernel) + self.bias
