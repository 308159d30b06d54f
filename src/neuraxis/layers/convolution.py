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
        in_channels: number of channels of x.
        out_channels: number of channels of z, and of kernels.
        size: kernel size along each spatial axis: (3, 3) for images, (9,) for signals; one number stands for a square
            kernel for images.
        key: random key for the kernels, drawn after He et al. (2015); the bias is initialised to zero.
        stride: distance between neighbouring positions of a kernel.
        padding: zeros around x: "valid", "same", or numbers, see `neuraxis.functions.cross_correlate`.
        dilation: spacing of the kernel entries.
        groups: number of groups of channels that are convolved separately; `in_channels` gives a depthwise convolution.
        bias: whether to add b; without it, the field `bias` is None.
        border: padding with values other than zeros, a function from `neuraxis.functions.borders`.

    Raises:
        InputError: for sizes, strides and dilations that are not positive, negative padding, channels that are not
            divisible by the groups, an x that does not fit, or a kernel that is larger than the padded x.

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
                f"in_channels and out_channels must be divisible by groups, but are {in_channels} and {out_channels} "
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
    """z = T x + b with the transpose T of a strided cross-correlation, which enlarges its input by the stride.

    Arguments and errors are those of `Convolution`; padding is cut from the borders of z.

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
    """Draw the kernel, and create the bias if there is one."""
    if not isinstance(bias, bool):
        raise InputError(f"bias must be True or False, but is {check.received(bias)}")
    check.key(key)
    shape = (*spatial.window(size), int(seen), int(out))
    check.array_fits("in_channels, out_channels and size", shape)
    return he_normal(key, shape), jnp.zeros(int(out)) if bias else None


def _plus(z: Array, bias: Array | None) -> Array:
    return z if bias is None else z + bias
