"""Standard generative adversarial networks, for vectors and for images."""

import math
from collections.abc import Callable, Sequence
from itertools import pairwise

import jax
from jaxtyping import PRNGKeyArray

from neuraxis import check
from neuraxis.errors import InputError
from neuraxis.feedforward import MLP
from neuraxis.functions.activations import leaky_relu, logistic, relu
from neuraxis.functions.pooling import mean_pool
from neuraxis.functions.spatial import Whole
from neuraxis.generative.gan import GAN
from neuraxis.layers import Convolution, Flatten, Linear, Sequential, Unflatten, Upsampling


def dense_gan(
    size: Whole,
    hidden_sizes: Sequence[Whole],
    latent_size: Whole,
    *,
    key: PRNGKeyArray,
    activation: Callable = relu,
) -> GAN:
    """Create a GAN for vectors: the generator is an `MLP` latent-hidden-size, the discriminator one size-hidden-1.

    Args:
        size: number of features of an example.
        hidden_sizes: number of neurons in each hidden layer, for both networks.
        latent_size: number of components of z.
        key: random key for the initial weights.
        activation: activation function of the hidden layers; the generator's output has none.

    Raises:
        InputError: as for `MLP`.
    """
    check.whole(size=size, latent_size=latent_size)
    check.key(key)
    ours, theirs = jax.random.split(key)
    hidden = check.sizes(hidden_sizes=hidden_sizes)
    generator = MLP((int(latent_size), *hidden, int(size)), key=ours, activation=activation)
    return GAN(generator, MLP((int(size), *hidden, 1), key=theirs, activation=activation), int(latent_size))


def convolutional_gan(
    image: Sequence[Whole],
    channels: Sequence[Whole],
    latent_size: Whole,
    *,
    key: PRNGKeyArray,
    activation: Callable = leaky_relu,
) -> GAN:
    """Create a GAN for images with pixels from 0 to 1.

    In the generator, a linear layer maps z to the smallest feature maps, and `Upsampling` layers double height and
    width, through the `channels` in reverse order to the image, which ends in `logistic`. The discriminator halves
    height and width by a convolution with stride 2, then by convolutions with mean pooling; a linear layer returns the
    logit. All kernels are 3×3. There is no batch normalisation, so that gradient penalties are defined for each
    example.

    Args:
        image: height, width and channels; height and width must be multiples of 2 to the power of `len(channels)`.
        channels: channels of the hidden layers, from the image inwards, such as (32, 64).
        latent_size: number of components of z.
        key: random key for the initial weights.
        activation: activation function of the hidden layers.

    Raises:
        InputError: for sizes that are not positive, or a height or width that is not such a multiple.

    Source: after Radford, Metz and Chintala, International Conference on Learning Representations (2016).
    """
    sizes = check.sizes(image=image)
    if len(sizes) != 3:
        raise InputError(f"image must be (height, width, channel), but is {sizes}")
    height, width, colours = sizes
    channels = check.sizes(channels=channels)
    check.whole(latent_size=latent_size)
    check.key(key)
    halvings = 2 ** len(channels)
    if height % halvings or width % halvings:
        raise InputError(
            f"height and width must be multiples of {halvings} to be halved by {len(channels)} layers, but are "
            f"{height} and {width}; pad the images with zeros"
        )
    small = height // halvings, width // halvings, channels[-1]
    keys = jax.random.split(key, 2 * len(channels) + 2)
    inwards = (colours, *channels)
    up = [Linear(int(latent_size), math.prod(small), key=keys[0]), Unflatten(small)]
    for k, (into, out) in zip(keys[2::2], pairwise(inwards[::-1]), strict=True):
        up += [activation, Upsampling(into, out, key=k)]
    down: list[Callable] = [Convolution(colours, channels[0], key=keys[3], stride=2, padding="same"), activation]
    for k, (into, out) in zip(keys[5::2], pairwise(channels), strict=True):
        down += [Convolution(into, out, key=k, padding="same"), activation, mean_pool]
    down += [Flatten(axes=3), Linear(math.prod(small), 1, key=keys[1])]
    return GAN(Sequential([*up, logistic]), Sequential(down), int(latent_size))
