"""The usual networks of variational autoencoders: of vectors, and of images."""

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import equinox as eqx
import jax
from jaxtyping import Array, ArrayLike, Float, PRNGKeyArray

from neuraxis import check
from neuraxis.errors import InputError
from neuraxis.feedforward import CNN, MLP
from neuraxis.functions.activations import relu
from neuraxis.functions.spatial import Whole
from neuraxis.generative.likelihoods import BERNOULLI, Likelihood
from neuraxis.generative.vae import VAE
from neuraxis.layers import Upsampling


def dense_vae(
    sizes: Sequence[int],
    *,
    key: PRNGKeyArray,
    likelihood: Likelihood = BERNOULLI,
    activation: Callable = relu,
) -> VAE:
    """Make a VAE of vectors: the encoder is an `MLP` of these sizes, the decoder one of the same in reverse.

    Args:
        sizes: features of x, of the hidden layers and of z, such as (784, 400, 20).
        key: seed of the weights.
        likelihood: p(x|z).
        activation: of the hidden layers.

    Raises:
        InputError: as `MLP` does.
    """
    check.key(key)
    sizes = _numbers(sizes=sizes)
    ours, theirs = jax.random.split(key)
    decoder = MLP(sizes[::-1], key=theirs, activation=activation)
    encoder = MLP((*sizes[:-1], 2 * sizes[-1]), key=ours, activation=activation)
    return VAE(encoder, decoder, shape=(sizes[0],), likelihood=likelihood)


def convolutional_vae(
    image: Sequence[Whole],
    channels: Sequence[Whole],
    hidden_sizes: Sequence[Whole],
    latent_size: Whole,
    *,
    key: PRNGKeyArray,
    likelihood: Likelihood = BERNOULLI,
    activation: Callable = relu,
) -> VAE:
    """Make a VAE of images: the encoder is a `CNN`, and the decoder an `UpsamplingNetwork` of the same in reverse.

    Args:
        image: (height, width, channel), with height and width that can be halved by each convolution.
        channels: kernels of each convolution of the encoder, from the image on.
        hidden_sizes: neurons of the dense layers between the convolutions and z.
        latent_size: numbers in z.
        key: seed of the weights.
        likelihood: p(x|z).
        activation: of all hidden layers.

    Raises:
        InputError: as `CNN` and `UpsamplingNetwork` do.
    """
    check.key(key)
    check.whole(latent_size=latent_size)
    ours, theirs = jax.random.split(key)
    encoder = CNN(image, channels, hidden_sizes, 2 * int(latent_size), key=ours, activation=activation)
    dense = (int(latent_size), *tuple(hidden_sizes)[::-1])
    decoder = UpsamplingNetwork(dense, tuple(channels)[::-1], encoder.image, key=theirs, activation=activation)
    return VAE(encoder, decoder, shape=encoder.image, likelihood=likelihood)


class UpsamplingNetwork(eqx.Module):
    """From a vector to an image: an `MLP` makes a small one of many channels, and each `Upsampling` one twice as large.

    h⁰ = σ(MLP(x)), as an image; hˡ = σ(up(hˡ⁻¹) ⋆ Wˡ + bˡ) but for the last, which has no σ and gives the channels of
    the image.

    Args:
        sizes: features of x and of the hidden layers of the MLP, such as (20, 128).
        channels: of h⁰, h¹, …, such as (32, 16).
        image: (height, width, channel) of what comes out.
        key: seed of the weights.
        activation: σ.

    Raises:
        InputError: for sizes that are not positive, and a height or width that cannot be halved that often.
    """

    hidden: MLP
    layers: tuple[Upsampling, ...]
    small: tuple[int, int, int] = eqx.field(static=True)  # the first image

    def __init__(
        self,
        sizes: Sequence[Whole],
        channels: Sequence[Whole],
        image: Sequence[Whole],
        *,
        key: PRNGKeyArray,
        activation: Callable = relu,
    ):
        kernels, (height, width, out) = _numbers(channels=channels), _numbers(image=image, count=3)
        factor = 2 ** len(kernels)
        if height % factor or width % factor:
            raise InputError(
                f"image must have a height and width that {len(kernels)} upsamplings can reach, multiples of "
                f"{factor}, but is {(height, width, out)}"
            )
        self.small = (height // factor, width // factor, kernels[0])
        check.key(key)
        first, *keys = jax.random.split(key, len(kernels) + 1)
        self.hidden = MLP((*_numbers(sizes=sizes), math.prod(self.small)), key=first, activation=activation)
        pairs = zip(pairwise((*kernels, out)), keys, strict=True)
        self.layers = tuple(Upsampling(i, o, key=k) for (i, o), k in pairs)

    def __call__(
        self, x: Float[ArrayLike, "... feature"], *, key: PRNGKeyArray | None = None
    ) -> Float[Array, "... height width channel"]:
        """Map (…, feature) to (…, height, width, channel)."""
        sigma = self.hidden.activation
        h = self.hidden(x)
        h = h.reshape(*h.shape[:-1], *self.small)
        for layer in self.layers:
            h = layer(sigma(h))
        return h


def _numbers(count: int | None = None, **values: Any) -> tuple[int, ...]:
    """Give whole numbers of at least 1, one or more, or so many."""
    ((name, numbers),) = values.items()
    if not isinstance(numbers, list | tuple) or not numbers or count not in (None, len(numbers)):
        several = "" if count is None else f"{count} "
        raise InputError(f"{name} must be a sequence of {several}whole numbers, but is {check.received(numbers)}")
    for number in numbers:
        check.whole(**{name: number})
    return tuple(map(int, numbers))
