import dataclasses

import numpy as np
import pytest

from neuraxis.data import Dataset, load, pixel_sequences
from neuraxis.errors import InputError

COLOUR = Dataset(
    "squares",
    np.arange(2 * 3 * 4 * 3).reshape(2, 3, 4, 3),
    np.array([0, 1]),
    np.arange(3 * 4 * 3).reshape(1, 3, 4, 3),
    np.array([1]),
    ("a", "b"),
)


def test_row_by_row():
    sequences = pixel_sequences(COLOUR, permuted=False)
    np.testing.assert_array_equal(sequences.train_x, COLOUR.train_x.reshape(2, 12, 3))
    assert sequences.test_x.shape == (1, 12, 3)
    assert sequences.name == "squares"


def test_permuted_in_one_order_for_all():
    sequences = pixel_sequences(COLOUR, permuted=True)
    order = sequences.test_x[0, :, 0] // 3
    assert sorted(order) == list(range(12)) != list(order)
    np.testing.assert_array_equal(sequences.train_x, COLOUR.train_x.reshape(2, 12, 3)[:, order])
    np.testing.assert_array_equal(sequences.train_y, COLOUR.train_y)


def test_the_seed_decides():
    a, b, c = (pixel_sequences(COLOUR, permuted=True, seed=seed).train_x for seed in (3, 3, 4))
    np.testing.assert_array_equal(a, b)
    assert np.any(a != c)


def test_of_the_digits():
    assert pixel_sequences(load("digits").scaled(), permuted=True).train_x.shape[1:] == (64, 1)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: pixel_sequences("mnist", permuted=True), "images must be a Dataset, but is 'mnist'"),
        (lambda: pixel_sequences(COLOUR, permuted=1), "permuted must be True or False"),
        (lambda: pixel_sequences(COLOUR, permuted=True, seed=-1), "seed must be an integer"),
        (lambda: pixel_sequences(COLOUR.flat(), permuted=True), r"images must have shape \(count, height, width\)"),
    ],
)
def test_bad_input(as_user, call, message):
    with pytest.raises(InputError, match=message):
        call()


def test_does_not_touch_what_it_was_given():
    before = COLOUR.train_x.copy()
    pixel_sequences(dataclasses.replace(COLOUR), permuted=True)
    np.testing.assert_array_equal(COLOUR.train_x, before)
