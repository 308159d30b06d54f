"""Optical recognition of handwritten digits: 1797 images of 8×8 pixels (Alpaydin and Kaynak, 1998), from scikit-learn.

They are part of scikit-learn and need no download.
"""

from typing import Any

import numpy as np

from neuraxis.data.dataset import Dataset
from neuraxis.data.published import Published
from neuraxis.errors import DataError

FILES: tuple[Published, ...] = ()


def load() -> Dataset:
    """Load the digits; every fifth image of each class, in the original order, is a test image (1442 + 355).

    Raises:
        DataError: if scikit-learn is not installed.
    """
    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise DataError("the digits need the package scikit-learn; install neuraxis[experiments]") from error
    digits: Any = load_digits()
    images, labels = digits.images.astype(np.uint8), digits.target
    test = np.zeros(len(labels), bool)
    for label in range(10):
        test[np.flatnonzero(labels == label)[4::5]] = True
    classes = tuple("0123456789")
    return Dataset(
        "digits", images[~test], labels[~test], images[test], labels[test], classes, "scikit-learn's digits", white=16
    )
