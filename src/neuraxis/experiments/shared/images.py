"""The images that an experiment learns to classify: chosen, scaled, and split."""

from typing import NamedTuple

import numpy as np

from neuraxis import data
from neuraxis.errors import InputError

Labelled = tuple[np.ndarray, np.ndarray]


class Images(NamedTuple):
    """Images from 0 to 1 with their labels, in three parts that share no image."""

    name: str
    train: Labelled
    validation: Labelled
    test: Labelled
    classes: tuple[str, ...]
    description: str

    @property
    def size(self) -> int:
        """Pixels of an image."""
        return int(np.prod(self.train[0].shape[1:]))


def find(name: str) -> data.Dataset:
    """Load a data set, with pixels from 0 to 1; "auto" is MNIST where it is at hand, else scikit-learn's digits."""
    return data.find(("mnist", "digits") if name == "auto" else (name,)).scaled()


def load(name: str, training_images: int, seed: int, *, flat: bool = True) -> Images:
    """Find a data set, use at most `training_images` of it, and hold a twelfth of these out to watch the learning."""
    images = find(name)
    used = min(len(images.train_x), training_images)
    held_out = max(1, used // 12)
    return split(images, max(1, used - held_out), held_out, seed, flat=flat)


def check_halved(height: int, channels: tuple[int, ...]) -> None:
    """Check that square images can be halved by the layer of each of the `channels`.

    Raises:
        InputError: where they cannot.
    """
    if height % 2 ** len(channels):
        raise InputError(
            f"channels must name so few layers that images of {height}×{height} can be halved by each, but are "
            f"{channels}"
        )


def split(images: data.Dataset, count: int, held_out: int, seed: int, *, flat: bool = True) -> Images:
    """Take `count` training images, and `held_out` other ones that are drawn by chance.

    Images are vectors where `flat`, and otherwise (height, width, channel).
    """
    rest, validation = data.hold_out(images, held_out, seed)
    parts = (rest.train_x[:count], rest.train_y[:count]), validation, (images.test_x, images.test_y)
    shape = (-1,) if flat else (*images.train_x.shape[1:3], -1)
    train, validation, test = ((x.reshape(len(x), *shape), y) for x, y in parts)
    return Images(
        images.name, train, validation, test, images.classes, f"{images.description}, {count} of them used for training"
    )
