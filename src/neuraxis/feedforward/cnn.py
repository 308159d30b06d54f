"""The convolutional network."""

from collections.abc import Callable, Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float, PRNGKeyArray

from neuraxis import check
from neuraxis.errors import InputError
from neuraxis.feedforward.mlp import MLP
from neuraxis.functions.activations import relu
from neuraxis.functions.pooling import max_pool
from neuraxis.layers import Convolution, Dropout


class PooledConvolution(Convolution):
    """z = pool(x ⋆ w) + b, with the largest of every 2×2: the same as pool(x ⋆ w + b), with a quarter of the sums.

    Zeros around x keep its height and width until pooling halves them.
    """

    def __init__(self, in_channels: int, out_channels: int, size: int, *, key: PRNGKeyArray):
        super().__init__(in_channels, out_channels, size, key=key, padding="same")

    def __call__(self, x: Float[ArrayLike, "..."], *, key: PRNGKeyArray | None = None) -> Float[Array, "... out"]:
        """Map (…, height, width, in) to (…, height/2, width/2, out)."""
        return max_pool(self.correlate(x)) + self.bias


class CNN(eqx.Module):
    """h⁰ = x; hˡ = σ(pool(hˡ⁻¹ ⋆ Wˡ) + bˡ) for each convolution; then an MLP maps the last h, as a vector, to logits.

    Convolutions keep height and width (zeros around), pooling takes the largest of 2×2. As σ never falls, it gives the
    same whether pooling comes last or before bias and σ, which then have a quarter of the work.

    Args:
        image: (height, width, channel) of the images.
        channels: kernels of each convolution.
        hidden_sizes: neurons in the hidden layers of the MLP.
        out_size: number of logits.
        key: seed of the weights.
        size: entries of a kernel along height and width.
        dropout: probability that an input of the MLP is dropped in training.
        activation: σ, which must not fall anywhere.

    Raises:
        InputError: for sizes that are not positive, no convolution, images too small to be halved that often, or a
            dropout rate outside [0, 1).

    Source: LeCun, Bottou, Bengio and Haffner, Proceedings of the IEEE 86:2278 (1998).
    """

    convolutions: tuple[PooledConvolution, ...]
    dropout: Dropout
    head: MLP
    activation: Callable = eqx.field(static=True)

    def __init__(
        self,
        image: tuple[int, int, int],
        channels: Sequence[int],
        hidden_sizes: Sequence[int],
        out_size: int,
        *,
        key: PRNGKeyArray,
        size: int = 3,
        dropout: float = 0.0,
        activation: Callable = relu,
    ):
        height, width, channel = image
        check.whole(height=height, width=width, channel=channel)
        halvings = 2 ** len(channels)
        if not channels or min(height, width) < halvings:
            raise InputError(
                f"channels must name one or more convolutions, each of which halves the image of {height}×{width}, but "
                f"are {tuple(channels)}"
            )
        key_head, *keys = jax.random.split(key, len(channels) + 1)
        pairs = zip((channel, *channels[:-1]), channels, keys, strict=True)
        self.convolutions = tuple(PooledConvolution(i, o, size, key=k) for i, o, k in pairs)
        self.dropout = Dropout(dropout)
        features = (height // halvings) * (width // halvings) * channels[-1]
        self.head = MLP((features, *hidden_sizes, out_size), key=key_head, activation=activation)
        self.activation = activation

    def __call__(
        self, x: Float[ArrayLike, "... height width channel"], *, key: PRNGKeyArray | None = None
    ) -> Float[Array, "... out"]:
        """Map images (…, height, width, channel) to logits (…, out)."""
        h = self.activation_maps(x)[-1]
        return self.head(self.dropout(h.reshape(*h.shape[:-3], -1), key=key))

    def activation_maps(self, x: Float[ArrayLike, "... height width channel"]) -> list[Array]:
        """Give hˡ, (…, height/2ˡ, width/2ˡ, channels), for each convolution."""
        maps, h = [], jnp.asarray(x)
        for convolution in self.convolutions:
            h = self.activation(convolution(h))
            maps.append(h)
        return maps
