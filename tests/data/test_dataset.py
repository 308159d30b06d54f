import dataclasses

import numpy as np
import pytest

from neuraxis.data import Dataset
from neuraxis.errors import InputError


def make(**changes):
    fields = {
        "name": "made",
        "train_x": np.arange(1200, dtype=np.uint8).reshape(50, 4, 6),
        "train_y": np.arange(50) % 3,
        "test_x": np.arange(240, dtype=np.uint8).reshape(10, 4, 6),
        "test_y": np.arange(10) % 3,
        "classes": ("a", "b", "c"),
    }
    return Dataset(**(fields | changes))


def test_arrays_are_kept_and_cannot_be_written():
    data = make()
    np.testing.assert_array_equal(data.train_x, np.arange(1200, dtype=np.uint8).reshape(50, 4, 6))
    assert data.train_y.dtype == data.test_y.dtype == np.int32
    for array in (data.train_x, data.train_y, data.test_x, data.test_y):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1
    with pytest.raises(dataclasses.FrozenInstanceError):
        data.name = "other"


def test_the_callers_array_stays_writeable():
    images = np.zeros((10, 4, 6), np.uint8)
    data = make(test_x=images)
    images[0] = 1
    assert np.shares_memory(images, data.test_x)


def test_lists_are_data(as_user):
    data = make(train_x=[[1, 2], [3, 4]], train_y=[0, 1], test_x=[[5, 6]], test_y=[2], classes=["a", "b", "c"])
    np.testing.assert_array_equal(data.train_x, [[1, 2], [3, 4]])
    assert data.classes == ("a", "b", "c")
    assert data.description == "made, 2 + 1 vectors of 2"


def test_scaled():
    data = make(white=16, train_x=np.full((50, 4, 6), 16, np.uint8), test_x=np.full((10, 4, 6), 4, np.uint8))
    scaled = data.scaled()
    assert scaled.train_x.dtype == scaled.test_x.dtype == np.float32
    assert np.all(scaled.train_x == 1)
    assert np.all(scaled.test_x == 0.25)
    np.testing.assert_array_equal(scaled.scaled().train_x, scaled.train_x)
    column = np.arange(256, dtype=np.uint8)[:, None]
    every_byte = make(train_x=column, train_y=np.zeros(256, int), test_x=column[:10])
    np.testing.assert_array_equal(every_byte.scaled().train_x.ravel(), (np.arange(256) / 255).astype(np.float32))


def test_flat_and_description():
    data = make()
    assert data.description == "made, 50 + 10 images of 4×6"
    assert data.flat().description == "made, 50 + 10 vectors of 24"
    np.testing.assert_array_equal(data.flat().train_x[7].reshape(4, 6), data.train_x[7])
    shapes = {"train_x": (60000, 2, 2, 3), "train_y": 60000, "test_x": (10, 2, 2, 3)}
    colour = make(title="Made", **{field: np.zeros(shape, np.uint8) for field, shape in shapes.items()})
    assert repr(colour) == "<Dataset: Made, 60 000 + 10 images of 2×2×3>"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"train_y": np.zeros(49, int)}, r"agree along their first axis, .* train_x \(50, 4, 6\), train_y \(49,\)"),
        ({"test_x": np.zeros((9, 4, 6))}, "agree along their first axis"),
        ({"test_x": np.zeros((10, 4, 5))}, r"must have the same shape, but have \(4, 6\) and \(4, 5\)"),
        ({"test_x": np.zeros((0, 4, 6)), "test_y": np.zeros(0, int)}, "the data are empty: test_x, test_y"),
        ({"train_y": np.full(50, 3)}, "labels must be between 0 and 2, but range from 3 to 3"),
        ({"test_y": np.full(10, -1)}, "labels must be between 0 and 2, but range from -1 to -1"),
        ({"test_y": np.zeros(10)}, "labels must be integers, but have dtype float"),
        ({"test_y": np.zeros((10, 3), int)}, r"test_y must have one axis, but has shape \(10, 3\)"),
        ({"train_x": np.full((50, 4, 6), np.nan)}, r"train_x must be finite, but contains nan at index \(0, 0, 0\)"),
        ({"train_x": np.full((50, 4, 6), "x")}, "train_x must be an array of numbers, but is an array of shape"),
        ({"train_x": np.zeros((50, 4, 6), complex)}, "train_x must contain real numbers, but has dtype complex128"),
        ({"train_x": [[1, 2], [3]]}, "train_x must be an array of numbers"),
        ({"test_y": None}, "test_y must be an array of numbers, but is None"),
        ({"test_x": 3}, "agree along their first axis"),
        ({"name": None}, "name must be text, but is None"),
        ({"title": 3}, "title must be text, but is 3"),
        ({"classes": "abc"}, "classes must be the names of the classes, but is 'abc'"),
        ({"classes": [0, 1, 2]}, r"classes must be the names of the classes, but is \[0, 1, 2\]"),
        ({"classes": ()}, "classes must be the names"),
        ({"white": 0}, "white must be an integer of at least 1, but is 0"),
    ],
)
def test_bad_data_are_refused(changes, message, as_user):
    with pytest.raises(InputError, match=message):
        make(**changes)
