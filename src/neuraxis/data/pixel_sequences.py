"""Images as sequences of pixels, one per step: a test of memory over hundreds of steps."""

import dataclasses
import math

import numpy as np

from neuraxis import check
from neuraxis.data.dataset import Dataset
from neuraxis.errors import InputError


def pixel_sequences(images: Dataset, *, permuted: bool, seed: int = 0) -> Dataset:
    """Convert every image to the sequence of its pixels, (height · width, channel): 784 steps for MNIST.

    Row by row, neighbouring pixels stay close in time. A random permutation, the same for all training and test images,
    scatters them over the whole sequence.

    Args:
        images: images (count, height, width) or (count, height, width, channel).
        permuted: whether to permute the pixels.
        seed: random seed of the permutation, for NumPy's default generator.

    Raises:
        InputError: for examples that are not images, and for a negative seed.

    Source: Le, Jaitly and Hinton, A simple way to initialize recurrent networks of rectified linear units,
    arXiv:1504.00941 (2015).
    """
    check.instance(Dataset, images=images)
    check.boolean(permuted=permuted)
    check.whole(0, seed=seed)
    shape = images.train_x.shape[1:]
    if len(shape) not in (2, 3):
        raise InputError(f"images must have shape (count, height, width) or one axis more, but are (count, *{shape})")
    pixels = math.prod(shape[:2])
    order = np.random.default_rng(int(seed)).permutation(pixels) if permuted else slice(None)
    train_x, test_x = (x.reshape(len(x), pixels, -1)[:, order] for x in (images.train_x, images.test_x))
    return dataclasses.replace(images, train_x=train_x, test_x=test_x)
