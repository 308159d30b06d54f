"""The images that an experiment learns to classify: chosen, scaled, and split."""

from typing import NamedTuple

import numpy as np

from neuraxis import data

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


def load(name: str, training_images: int, seed: int, *, flat: bool = True) -> Images:
    """Load a data set ("auto": MNIST where it is at hand, else scikit-learn's digits) and hold a twelfth out.

    Images are vectors where `flat`, and otherwise (height, width, channel). At most `training_images` are used, of
    which a twelfth, drawn by chance, is held out to watch the learning.
    """
    images = data.find(("mnist", "digits") if name == "auto" else (name,)).scaled()
    used = min(len(images.train_x), training_images)
    held_out = max(1, used // 12)
    rest, validation = data.hold_out(images, held_out, seed)
    count = max(1, used - held_out)
    parts = (rest.train_x[:count], rest.train_y[:count]), validation, (images.test_x, images.test_y)
    shape = (-1,) if flat else (*images.train_x.shape[1:3], -1)
    train, validation, test = ((x.reshape(len(x), *shape), y) for x, y in parts)
    return Images(
        images.name, train, validation, test, images.classes, f"{images.description}, {count} of them trained on"
    )
