"""Convolutional neural network."""

import math
from collections.abc import Callable, Sequence

import equinox as eqx
import jax
from jaxtyping import Array, ArrayLike, Float, PRNGKeyArray

from neuraxis import check
from neuraxis.errors import InputError
from neuraxis.feedforward.mlp import MLP
from neuraxis.functions import spatial
from neuraxis.functions.activations import relu
from neuraxis.functions.pooling import max_pool
from neuraxis.functions.spatial import Steps, Whole
from neuraxis.layers import Convolution, Dropout


class PooledConvolution(Convolution):
    """z = pool(x ⋆ w) + b with 2×2 max-pooling: equal to pool(x ⋆ w + b), with a quarter of the additions of b.

    The convolution is zero-padded, so that only pooling changes height and width: it halves them.
    """

    def __init__(self, in_channels: int, out_channels: int, size: Steps, *, key: PRNGKeyArray):
        super().__init__(in_channels, out_channels, size, key=key, padding="same")

    def __call__(self, x: Float[ArrayLike, "..."], *, key: PRNGKeyArray | None = None) -> Float[Array, "... out"]:
        """Map (…, height, width, in) to (…, height/2, width/2, out)."""
        pooled = max_pool(self.correlate(x), (2, 2))
        return pooled if self.bias is None else pooled + self.bias


class CNN(eqx.Module):
    """h⁰ = x; hˡ = σ(pool(hˡ⁻¹ ⋆ Wˡ) + bˡ) for each convolution; then an MLP maps the last h, flattened, to logits.

    Convolutions are zero-padded and keep height and width; pooling is 2×2 max-pooling. As σ is non-decreasing, pooling
    before adding the bias and applying σ is equivalent to pooling last, and leaves them a quarter of the work.

    Args:
        image: (height, width, channel) of the images.
        channels: number of kernels of each convolution.
        hidden_sizes: sizes of the hidden layers of the MLP.
        out_size: number of logits.
        key: random key for the initial weights.
        size: size of a kernel along height and width.
        dropout: probability that an input of the MLP is dropped in training.
        activation: σ, which must be non-decreasing.

    Raises:
        InputError: for sizes that are not positive, no convolution, images too small to be halved that often, a
            dropout rate outside [0, 1), or an x whose shape is not that of `image`.

    Source: LeCun, Bottou, Bengio and Haffner, Proceedings of the IEEE 86:2278 (1998).
    """

    image: tuple[int, int, int] = eqx.field(static=True)
    convolutions: tuple[PooledConvolution, ...]
    dropout: Dropout
    head: MLP
    activation: Callable = eqx.field(static=True)

    def __init__(
        self,
        image: Sequence[Whole],
        channels: Sequence[Whole],
        hidden_sizes: Sequence[Whole],
        out_size: Whole,
        *,
        key: PRNGKeyArray,
        size: Steps = 3,
        dropout: float = 0.0,
        activation: Callable = relu,
    ):
        height, width, channel = self.image = _image(image)
        channels = check.sizes(0, channels=channels)
        halvings = 2 ** len(channels)
        if not channels or min(height, width) < halvings:
            raise InputError(
                f"channels must name one or more convolutions, each of which halves the image of {height}×{width}, but "
                f"are {channels}"
            )
        check.whole(out_size=out_size)
        check.key(key)
        size = spatial.for_each_axis(2, size=size)
        key_head, *keys = jax.random.split(key, len(channels) + 1)
        pairs = zip((channel, *channels[:-1]), channels, keys, strict=True)
        self.convolutions = tuple(PooledConvolution(i, o, size, key=k) for i, o, k in pairs)
        check.functions(activation=activation)
        check.fraction(dropout=dropout)
        self.dropout = Dropout(dropout)
        features = (height // halvings) * (width // halvings) * channels[-1]
        sizes = (*check.sizes(0, hidden_sizes=hidden_sizes), int(out_size))
        self.head = MLP((features, *sizes), key=key_head, activation=activation)
        self.activation = activation

    def __call__(
        self, x: Float[ArrayLike, "... height width channel"], *, key: PRNGKeyArray | None = None
    ) -> Float[Array, "... out"]:
        """Map images (…, height, width, channel) to logits (…, out)."""
        h = self.activation_maps(x)[-1]
        return self.head(self.dropout(h.reshape(*h.shape[:-3], math.prod(h.shape[-3:])), key=key))

    def activation_maps(self, x: Float[ArrayLike, "... height width channel"]) -> list[Array]:
        """Return hˡ, (…, height/2ˡ, width/2ˡ, channels), for each convolution."""
        maps, h = [], check.floats("x", x)
        if h.shape[-3:] != self.image:
            height, width, channel = self.image
            raise InputError(f"x must have shape (…, {height}, {width}, {channel}), but has shape {h.shape}")
        for convolution in self.convolutions:
            h = self.activation(convolution(h))
            maps.append(h)
        return maps


def _image(image: Sequence[Whole]) -> tuple[int, int, int]:
    sizes = check.sizes(image=image)
    if len(sizes) != 3:
        raise InputError(f"image must be (height, width, channel), but is {sizes}")
    return sizes[0], sizes[1], sizes[2]
