import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neuraxis.data import Dataset, hold_out
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
        ({"test_x": np.zeros((10, 4, 5))}, r"must have one shape, but have \(4, 6\) and \(4, 5\)"),
        ({"test_x": np.zeros((0, 4, 6)), "test_y": np.zeros(0, int)}, "the data are empty: test_x, test_y"),
        ({"train_y": np.full(50, 3)}, "labels must lie from 0 to 2, but reach from 3 to 3"),
        ({"test_y": np.full(10, -1)}, "labels must lie from 0 to 2, but reach from -1 to -1"),
        ({"test_y": np.zeros(10)}, "labels must be integers, but have dtype float"),
        ({"test_y": np.zeros((10, 3), int)}, r"test_y must have one axis, but has shape \(10, 3\)"),
        ({"train_x": np.full((50, 4, 6), np.nan)}, r"train_x must be finite, but holds nan at index \(0, 0, 0\)"),
        ({"train_x": np.full((50, 4, 6), "x")}, "train_x must hold real numbers, but has dtype <U1"),
        ({"white": 0}, "white must be a whole number of at least 1, but is 0"),
    ],
)
def test_bad_data_are_refused(changes, message):
    with pytest.raises(InputError, match=message):
        make(**changes)


@given(count=st.integers(1, 49), seed=st.integers(0, 2**32))
@settings(max_examples=20, deadline=None)
def test_hold_out_splits_without_overlap(count, seed):
    examples = np.arange(50)
    data = make(train_x=examples[:, None, None] + np.zeros((4, 6), int), test_x=np.zeros((10, 4, 6), int))
    rest, (x, y) = hold_out(data, count, seed)
    kept, held = rest.train_x[:, 0, 0], x[:, 0, 0]
    assert len(held) == count
    np.testing.assert_array_equal(np.sort(np.concatenate([kept, held])), examples)
    np.testing.assert_array_equal(rest.train_y, kept % 3)
    np.testing.assert_array_equal(y, held % 3)
    np.testing.assert_array_equal(hold_out(data, count, seed)[1][0], x)


def test_another_seed_holds_out_others():
    assert not np.array_equal(hold_out(make(), 20, seed=0)[1][0], hold_out(make(), 20, seed=1)[1][0])


@pytest.mark.parametrize("count", [0, -1, 50])
def test_hold_out_of_a_bad_count(count):
    with pytest.raises(InputError, match="count must be"):
        hold_out(make(), count)
