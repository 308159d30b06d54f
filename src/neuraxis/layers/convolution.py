"""Convolutional layers."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float, PRNGKeyArray

from neuraxis import check
from neuraxis.errors import InputError
from neuraxis.functions import spatial
from neuraxis.functions.borders import Border
from neuraxis.functions.convolution import cross_correlate, transposed_convolve
from neuraxis.functions.initializers import he_normal
from neuraxis.functions.spatial import Padding, Steps, Whole


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
        groups: parts of the channels that do not see each other; `in_channels` makes the convolution depthwise.
        bias: add b, which is None otherwise.
        border: what pads x instead of zeros, as a function from `neuraxis.functions.borders`.

    Raises:
        InputError: for sizes, strides and dilations that are not positive, negative padding, channels that do not
            divide into the groups, an x that does not fit, or a kernel that is larger than the padded x.

    Source: LeCun et al., Neural Computation 1:541 (1989).
    """

    kernel: Float[Array, "*space in out"]
    bias: Float[Array, " out"] | None
    stride: tuple[int, ...] = eqx.field(static=True)
    padding: Padding = eqx.field(static=True)
    dilation: tuple[int, ...] = eqx.field(static=True)
    groups: int = eqx.field(static=True)
    border: Border | None = eqx.field(static=True)

    def __init__(
        self,
        in_channels: Whole,
        out_channels: Whole,
        size: Steps = 3,
        *,
        key: PRNGKeyArray,
        stride: Steps = 1,
        padding: Padding = "valid",
        dilation: Steps = 1,
        groups: Whole = 1,
        bias: bool = True,
        border: Border | None = None,
    ):
        check.whole(in_channels=in_channels, out_channels=out_channels, groups=groups)
        if in_channels % groups or out_channels % groups:
            raise InputError(
                f"in_channels and out_channels must divide into the groups, but are {in_channels} and {out_channels} "
                f"for {groups} groups"
            )
        if border is not None:
            check.functions(border=border)
        self.kernel, self.bias = _draw(in_channels // groups, out_channels, size, key, bias)
        self.stride = spatial.for_each_axis(self.space, stride=stride)
        self.padding = spatial.padding_for(self.space, padding)
        self.dilation = spatial.for_each_axis(self.space, dilation=dilation)
        self.groups, self.border = int(groups), border

    @property
    def space(self) -> int:
        """Number of spatial axes."""
        return self.kernel.ndim - 2

    def __call__(self, x: Float[ArrayLike, "..."], *, key: PRNGKeyArray | None = None) -> Float[Array, "... out"]:
        """Map (…, *space, in) to (…, *space, out)."""
        return _plus(self.correlate(x), self.bias)

    def correlate(self, x: Float[ArrayLike, "..."]) -> Float[Array, "... out"]:
        """Map (…, *space, in) to (…, *space, out) without the bias."""
        return cross_correlate(
            x,
            self.kernel,
            stride=self.stride,
            padding=self.padding,
            dilation=self.dilation,
            groups=self.groups,
            border=self.border,
        )


class TransposedConvolution(eqx.Module):
    """z = the transpose of a strided cross-correlation, applied to x, + b: it enlarges its input by the stride.

    Arguments and errors are those of `Convolution`; padding cuts the borders of z.

    Source: Zeiler, Krishnan, Taylor and Fergus, Computer Vision and Pattern Recognition (2010).
    """

    kernel: Float[Array, "*space in out"]
    bias: Float[Array, " out"] | None
    stride: tuple[int, ...] = eqx.field(static=True)
    padding: Padding = eqx.field(static=True)

    def __init__(
        self,
        in_channels: Whole,
        out_channels: Whole,
        size: Steps = 3,
        *,
        key: PRNGKeyArray,
        stride: Steps = 1,
        padding: Padding = "valid",
        bias: bool = True,
    ):
        check.whole(in_channels=in_channels, out_channels=out_channels)
        self.kernel, self.bias = _draw(in_channels, out_channels, size, key, bias)
        self.stride = spatial.for_each_axis(self.space, stride=stride)
        self.padding = spatial.padding_for(self.space, padding)

    @property
    def space(self) -> int:
        """Number of spatial axes."""
        return self.kernel.ndim - 2

    def __call__(self, x: Float[ArrayLike, "..."], *, key: PRNGKeyArray | None = None) -> Float[Array, "... out"]:
        """Map (…, *space, in) to (…, *space, out)."""
        return _plus(transposed_convolve(x, self.kernel, stride=self.stride, padding=self.padding), self.bias)


def _draw(seen: Whole, out: Whole, size: Steps, key: PRNGKeyArray, bias: bool) -> tuple[Array, Array | None]:
    """Draw the kernel, and make the bias if there is to be one."""
    if not isinstance(bias, bool):
        raise InputError(f"bias must be True or False, but is {check.received(bias)}")
    check.key(key)
    shape = (*spatial.window(size), int(seen), int(out))
    check.array_fits("in_channels, out_channels and size", shape)
    return he_normal(key, shape), jnp.zeros(int(out)) if bias else None


def _plus(z: Array, bias: Array | None) -> Array:
    return z if bias is None else z + bias
