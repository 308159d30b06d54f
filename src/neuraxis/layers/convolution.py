"""Convolutional layers."""

from collections.abc import Sequence
from typing import Any

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float, PRNGKeyArray

from neuraxis import check
from neuraxis.functions.convolution import Padding, Steps, cross_correlate, transposed_convolve
from neuraxis.functions.initializers import he_normal


class Convolution(eqx.Module):
    """z = x ⋆ w + b: cross-correlation with one kernel for each output channel, and a bias for each.

    Args:
        in_channels: channels of x.
        out_channels: channels of z, the number of kernels.
        size: entries of a kernel along each spatial axis: (3, 3) for images, (9,) for signals; one number stands for
            a square kernel of images.
        key: seed of the kernels, drawn after He et al. (2015); the bias begins at 0.
        stride: steps between the places of a kernel.
        padding: zeros around x: "valid", "same", or numbers.
        dilation: distance of a kernel's entries.

    Raises:
        InputError: for sizes, strides and dilations that are not positive, negative padding, an x that does not fit,
            or a kernel that is larger than the padded x.

    Source: LeCun et al., Neural Computation 1:541 (1989).
    """

    kernel: Float[Array, "*space in out"]
    bias: Float[Array, " out"]
    stride: Steps = eqx.field(static=True)
    padding: Padding = eqx.field(static=True)
    dilation: Steps = eqx.field(static=True)

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        size: Steps = 3,
        *,
        key: PRNGKeyArray,
        stride: Steps = 1,
        padding: Padding = "valid",
        dilation: Steps = 1,
    ):
        self.kernel = _draw_kernel(in_channels, out_channels, size, key)
        self.bias = jnp.zeros(out_channels)
        self.stride, self.padding, self.dilation = map(_hashable, (stride, padding, dilation))

    def __call__(self, x: Float[ArrayLike, "..."], *, key: PRNGKeyArray | None = None) -> Float[Array, "... out"]:
        """Map (…, *space, in) to (…, *space, out)."""
        return self.correlate(x) + self.bias

    def correlate(self, x: Float[ArrayLike, "..."]) -> Float[Array, "... out"]:
        """Map (…, *space, in) to (…, *space, out) without the bias."""
        return cross_correlate(x, self.kernel, stride=self.stride, padding=self.padding, dilation=self.dilation)


class TransposedConvolution(eqx.Module):
    """z = the transpose of a strided cross-correlation, applied to x, + b: it enlarges its input by the stride.

    Arguments and errors are those of `Convolution`; padding cuts the borders of z.

    Source: Zeiler, Krishnan, Taylor and Fergus, Computer Vision and Pattern Recognition (2010).
    """

    kernel: Float[Array, "*space in out"]
    bias: Float[Array, " out"]
    stride: Steps = eqx.field(static=True)
    padding: Padding = eqx.field(static=True)

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        size: Steps = 3,
        *,
        key: PRNGKeyArray,
        stride: Steps = 1,
        padding: Padding = "valid",
    ):
        self.kernel = _draw_kernel(in_channels, out_channels, size, key)
        self.bias = jnp.zeros(out_channels)
        self.stride, self.padding = map(_hashable, (stride, padding))

    def __call__(self, x: Float[ArrayLike, "..."], *, key: PRNGKeyArray | None = None) -> Float[Array, "... out"]:
        """Map (…, *space, in) to (…, *space, out)."""
        return transposed_convolve(x, self.kernel, stride=self.stride, padding=self.padding) + self.bias


def _draw_kernel(in_channels: int, out_channels: int, size: Steps, key: PRNGKeyArray) -> Array:
    sizes = (size,) * 2 if isinstance(size, int) else tuple(size)
    check.whole(in_channels=in_channels, out_channels=out_channels)
    for entries in sizes:
        check.whole(size=entries)
    return he_normal(key, (*sizes, in_channels, out_channels))


def _hashable(value: Any) -> Any:
    """Turn lists into tuples: what a compiled program depends on must have a hash."""
    return tuple(map(_hashable, value)) if isinstance(value, Sequence) and not isinstance(value, str) else value
