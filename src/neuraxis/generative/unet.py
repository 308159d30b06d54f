"""The U-Net: from a noisy image to one of the same size, through small images with many channels."""

import math
from collections.abc import Sequence
from itertools import pairwise

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float, Integer, PRNGKeyArray

from neuraxis import check
from neuraxis.errors import InputError
from neuraxis.functions.activations import silu
from neuraxis.functions.spatial import Whole
from neuraxis.generative.conditioning import Conditioning, for_each_example
from neuraxis.generative.unet_blocks import SpatialAttention, TimedBlock, from_zero
from neuraxis.layers import Convolution, GroupNorm, Upsampling
from neuraxis.values import compiled


class UNet(eqx.Module):
    """Residual blocks down to small images with many channels and up again, with skip connections at each level.

    On the way down, each of the L levels has a block with output h_l; between levels, a 2×2 convolution with stride 2
    halves height and width. A block, attention and a block follow at the lowest level. On the way up, the blocks
    receive [h, h_l]; between levels, `Upsampling` doubles height and width. All blocks receive the embedding of time
    and class. The last convolution is initialised to zero, so that initially y = 0.

    Images whose height or width is not a multiple of 2^{L−1} are zero-padded at the bottom and right, and y is cropped
    to their size; sizes that need no padding are easier to learn.

    Args:
        channels: number of channels of x and y.
        width: number of channels at the first level.
        multipliers: number of channels at each level, in multiples of the width.
        key: random key for the initial weights.
        classes: number of classes; 0 for a network without labels.
        heads: number of attention heads at the lowest level.
        groups: number of groups for normalisation, which must divide all numbers of channels.

    Raises:
        InputError: for sizes that are not positive or not divisible, or an x that is not an image with these channels.

    Source: Ronneberger, Fischer and Brox, Medical Image Computing (2015); for diffusion Ho, Jain and Abbeel, Advances
    in Neural Information Processing Systems (2020), appendix B.
    """

    conditioning: Conditioning
    enter: Convolution
    down: tuple[TimedBlock, ...]
    halve: tuple[Convolution, ...]
    middle: tuple[TimedBlock, SpatialAttention, TimedBlock]
    double: tuple[Upsampling, ...]
    up: tuple[TimedBlock, ...]
    norm: GroupNorm
    leave: Convolution

    def __init__(
        self,
        channels: Whole,
        width: Whole = 32,
        multipliers: Sequence[Whole] = (1, 2, 4),
        *,
        key: PRNGKeyArray,
        classes: Whole = 0,
        heads: Whole = 4,
        groups: Whole = 8,
    ):
        sizes = _sizes(channels, width, multipliers, groups, heads)
        check.key(key)
        names = ("conditioning", "enter", "down", "halve", "middle", "double", "up", "leave")
        keys = dict(zip(names, jax.random.split(key, len(names)), strict=True))
        features = 4 * int(width)
        each = {name: jax.random.split(keys[name], len(sizes)) for name in ("down", "halve", "double", "up")}

        def block(seen: int, out: int, key: PRNGKeyArray) -> TimedBlock:
            return TimedBlock(seen, out, features, int(groups), key=key)

        self.conditioning = Conditioning(features, key=keys["conditioning"], classes=int(classes))
        self.enter = Convolution(channels, sizes[0], 3, key=keys["enter"], padding="same")
        pairs = list(pairwise(sizes))
        self.down = tuple(block(c, c, k) for c, k in zip(sizes, each["down"], strict=True))
        self.halve = tuple(
            Convolution(a, b, 2, key=k, stride=2) for (a, b), k in zip(pairs, each["halve"], strict=False)
        )
        first, second, third = jax.random.split(keys["middle"], 3)
        deepest = sizes[-1]
        attention = SpatialAttention(deepest, int(heads), int(groups), key=second)
        self.middle = block(deepest, deepest, first), attention, block(deepest, deepest, third)
        self.double = tuple(Upsampling(b, a, key=k) for (a, b), k in zip(pairs, each["double"], strict=False))
        self.up = tuple(block(2 * c, c, k) for c, k in zip(sizes, each["up"], strict=True))
        self.norm = GroupNorm(int(groups), sizes[0], activation=silu)
        self.leave = from_zero(Convolution(sizes[0], channels, 3, key=keys["leave"], padding="same"))

    @property
    def classes(self) -> int:
        """Number of classes."""
        return self.conditioning.classes

    def __call__(
        self,
        x: Float[ArrayLike, "..."],
        time: Float[ArrayLike, "..."],
        label: Integer[ArrayLike, "..."] | None = None,
        *,
        key: PRNGKeyArray | None = None,
    ) -> Float[Array, "..."]:
        """Map images (…, height, width, channel) at times (…) to the same shape; times and labels are broadcast."""
        images = check.floats("x", x)
        channels = self.leave.kernel.shape[-1]
        if images.ndim < 3 or images.shape[-1] != channels or 0 in images.shape[-3:]:
            raise InputError(f"x must have shape (…, height, width, {channels}), but has shape {images.shape}")
        *lead, height, width, _ = images.shape
        e = silu(for_each_example(self.conditioning, tuple(lead), time, label)).astype(images.dtype)
        multiple = 2 ** len(self.halve)
        images = images.reshape(math.prod(lead), height, width, channels)
        images = jnp.pad(images, ((0, 0), (0, -height % multiple), (0, -width % multiple), (0, 0)))
        y = _mapped(self, images, e.reshape(len(images), -1))
        return y[:, :height, :width].reshape(*lead, height, width, channels)


@compiled  # always as a whole: op by op it would be hundreds of small programs
def _mapped(network: UNet, x: Float[Array, "n h w c"], e: Float[Array, "n f"]) -> Float[Array, "n h w c"]:
    h, kept = network.enter(x), []
    for level, block in enumerate(network.down):
        h = block(h, e)
        kept.append(h)
        if level < len(network.halve):
            h = network.halve[level](h)
    first, attention, second = network.middle
    h = second(attention(first(h, e)), e)
    for level in reversed(range(len(network.up))):
        h = network.up[level](jnp.concatenate([h, kept[level]], axis=-1), e)
        if level:
            h = network.double[level - 1](h)
    return network.leave(network.norm(h))


def _sizes(channels: Whole, width: Whole, multipliers: Sequence[Whole], groups: Whole, heads: Whole) -> tuple[int, ...]:
    """Return the number of channels at each level."""
    check.whole(channels=channels, width=width, groups=groups, heads=heads)
    sizes = tuple(int(width) * multiplier for multiplier in check.sizes(multipliers=multipliers))
    if any(size % groups for size in sizes) or sizes[-1] % heads:
        raise InputError(
            f"groups must divide all numbers of channels and heads the last of them, but groups is {groups} and heads "
            f"{heads} for {sizes}"
        )
    return sizes
