"""The networks that learn."""

from typing import Any

import jax
from jaxtyping import PRNGKeyArray

from neuraxis.errors import InputError
from neuraxis.feedforward import MLP
from neuraxis.functions.activations import relu
from neuraxis.layers import Convolution, Dropout, Flatten, Linear, MaxPool, Sequential

_DROPOUT = 0.5
_DENSE = 200  # neurons of each dense layer of the paper's network
_SIDE = 28  # pixels that it is made for


def make(settings: Any, image: tuple[int, ...], classes: int, key: PRNGKeyArray) -> Sequential:
    """Make the network of the settings for images (height, width, channel).

    Raises:
        InputError: for the network of the paper with images that are not 28×28.
    """
    if settings.network == "small":
        return _small(settings, image, classes, key)
    if image[:2] != (_SIDE, _SIDE):
        raise InputError(f"network paper requires images of 28×28 pixels, but these have {image[0]}×{image[1]}")
    return _of_the_paper(image[-1], classes, key)


def _small(settings: Any, image: tuple[int, ...], classes: int, key: PRNGKeyArray) -> Sequential:
    """Make two convolutions with stride 2, and two dense layers."""
    keys = jax.random.split(key, 3)
    first, second = settings.channels
    features = (image[0] // 4) * (image[1] // 4) * second
    return Sequential(
        [
            *(Convolution(image[-1], first, 4, stride=2, padding=1, key=keys[0]), relu),
            *(Convolution(first, second, 4, stride=2, padding=1, key=keys[1]), relu),
            Flatten(axes=3),
            MLP((features, settings.hidden_size, classes), key=keys[2]),
        ]
    )


def _of_the_paper(channels: int, classes: int, key: PRNGKeyArray) -> Sequential:
    """Make twice two convolutions and a pooling, and three dense layers, with dropout after the first."""
    keys = jax.random.split(key, 7)
    pool = MaxPool((2, 2), (2, 2))
    return Sequential(
        [
            *(Convolution(channels, 32, 3, key=keys[0]), relu, Convolution(32, 32, 3, key=keys[1]), relu, pool),
            *(Convolution(32, 64, 3, key=keys[2]), relu, Convolution(64, 64, 3, key=keys[3]), relu, pool),
            *(Flatten(axes=3), Linear(4 * 4 * 64, _DENSE, key=keys[4]), relu, Dropout(_DROPOUT)),
            *(Linear(_DENSE, _DENSE, key=keys[5]), relu, Linear(_DENSE, classes, key=keys[6])),
        ]
    )
