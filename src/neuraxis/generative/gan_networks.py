"""The usual networks of generative adversarial networks: of vectors, and of images."""

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
    """Make a GAN of vectors: the generator is an `MLP` latent-hidden-size, the discriminator one size-hidden-1.

    Args:
        size: features of an example.
        hidden_sizes: neurons in each hidden layer of either network.
        latent_size: numbers in z.
        key: seed of the weights.
        activation: of the hidden layers; the generator's output has none.

    Raises:
        InputError: as `MLP` does.
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
    """Make a GAN of images with numbers from 0 to 1.

    The generator maps z by a linear layer to the last of the channels at the smallest size, doubles height and width by
    an `Upsampling` to each of the channels before it and to the image, and ends in `logistic`. The discriminator halves
    them: by a convolution with stride 2 from the image to the first of the channels, and by convolutions with pooling
    to the others. A linear layer gives the logit. All kernels have 3×3 entries, and nothing is normalised over the
    batch, so that gradient penalties have a meaning for each example.

    Args:
        image: height, width and channels; height and width can be halved as often as there are `channels`.
        channels: of the hidden layers, from the image inwards, such as (32, 64).
        latent_size: numbers in z.
        key: seed of the weights.
        activation: of the hidden layers.

    Raises:
        InputError: for sizes that are not positive, or an image that cannot be halved so often.

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
            f"{height} and {width}; zeros around the images fill them up"
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
