import sys

import numpy as np
import pytest
from sklearn.datasets import load_digits

from neuraxis.data import load
from neuraxis.errors import DataError


def rows(images):
    return {image.tobytes() for image in images}


def test_all_of_scikit_learns_digits_once():
    data, original = load("digits"), load_digits()
    assert data.description == "scikit-learn's digits, 1 442 + 355 images of 8×8"
    assert len(data.classes) == 10
    images = np.concatenate([data.train_x, data.test_x])
    assert len(images) == 1797
    assert rows(images) == rows(original.images.astype(np.uint8))
    assert not rows(data.train_x) & rows(data.test_x)


def test_labels_go_with_their_images():
    data, original = load("digits"), load_digits()
    label_of = {
        image.tobytes(): label for image, label in zip(original.images.astype(np.uint8), original.target, strict=True)
    }
    for images, labels in ((data.train_x, data.train_y), (data.test_x, data.test_y)):
        assert [label_of[image.tobytes()] for image in images] == labels.tolist()


def test_classes_keep_their_shares():
    data = load("digits")
    share = np.bincount(data.test_y) / np.bincount(np.concatenate([data.train_y, data.test_y]))
    assert np.all(np.abs(share - 0.2) < 0.01)


def test_scaled_reaches_one():
    scaled = load("digits").scaled()
    assert scaled.train_x.min() == 0
    assert scaled.train_x.max() == 1


def test_scikit_learn_is_named_where_it_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    with pytest.raises(DataError, match=r"need the package scikit-learn; install neuraxis\[experiments\]"):
        load("digits")
