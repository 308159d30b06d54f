"""Standard variational autoencoders, for vectors and for images."""

import math
from collections.abc import Callable, Sequence
from itertools import pairwise

import jax
from jaxtyping import PRNGKeyArray

from neuraxis import check
from neuraxis.errors import InputError
from neuraxis.feedforward import CNN, MLP
from neuraxis.functions.activations import relu
from neuraxis.functions.spatial import Whole
from neuraxis.generative.likelihoods import BERNOULLI, Likelihood
from neuraxis.generative.vae import VAE
from neuraxis.layers import Sequential, Unflatten, Upsampling


def dense_vae(
    sizes: Sequence[int],
    *,
    key: PRNGKeyArray,
    likelihood: Likelihood = BERNOULLI,
    activation: Callable = relu,
) -> VAE:
    """Create a VAE for vectors: the encoder is an `MLP` of the given sizes, the decoder one of the same in reverse.

    Args:
        sizes: numbers of features of x, of the hidden layers and of z, such as (784, 400, 20).
        key: random key for the initial weights.
        likelihood: p(x|z).
        activation: activation function of the hidden layers.

    Raises:
        InputError: as for `MLP`.
    """
    check.key(key)
    sizes = check.sizes(sizes=sizes)
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
    """Create a VAE for images: the encoder is a `CNN`, and the decoder the same in reverse, with `Upsampling`.

    Args:
        image: (height, width, channel), with a height and width that each convolution can halve.
        channels: number of kernels of each convolution of the encoder, from the image inwards.
        hidden_sizes: numbers of neurons of the dense layers between the convolutions and z.
        latent_size: number of components of z.
        key: random key for the initial weights.
        likelihood: p(x|z).
        activation: activation function of all hidden layers.

    Raises:
        InputError: as for `CNN`, and for a height or width that is not a multiple of 2 to the power of the number of
            convolutions.
    """
    check.key(key)
    check.whole(latent_size=latent_size)
    ours, theirs = jax.random.split(key)
    encoder = CNN(image, channels, hidden_sizes, 2 * int(latent_size), key=ours, activation=activation)
    kernels = check.sizes(channels=channels)[::-1]
    sizes = (int(latent_size), *map(int, reversed(hidden_sizes)))
    decoder = _growing(sizes, kernels, encoder.image, theirs, activation)
    return VAE(encoder, decoder, shape=encoder.image, likelihood=likelihood)


def _growing(
    sizes: tuple[int, ...], channels: tuple[int, ...], image: tuple[int, ...], key: PRNGKeyArray, activation: Callable
) -> Sequential:
    """Create a network from z to an image: an `MLP` to a small one, whose size each `Upsampling` doubles."""
    height, width, out = image
    factor = 2 ** len(channels)
    if height % factor or width % factor:
        raise InputError(
            f"image must have a height and width that are multiples of {factor}, to be halved {len(channels)} times, "
            f"but is {image}"
        )
    small = (height // factor, width // factor, channels[0])
    first, *keys = jax.random.split(key, len(channels) + 1)
    layers: list[Callable] = [MLP((*sizes, math.prod(small)), key=first, activation=activation), Unflatten(small)]
    for (i, o), k in zip(pairwise((*channels, out)), keys, strict=True):
        layers += [activation, Upsampling(i, o, key=k)]
    return Sequential(layers)
