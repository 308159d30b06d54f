import numpy as np
import pytest

from neuraxis.data import Windows
from neuraxis.errors import InputError
from neuraxis.kinds import Source


def test_windows_begin_at_every_place():
    windows = Windows(np.arange(10, dtype=np.uint8), 4)
    assert isinstance(windows, Source)
    assert len(windows) == 7
    (taken,) = windows.take(np.array([0, 6, 3]))
    np.testing.assert_array_equal(taken, [[0, 1, 2, 3], [6, 7, 8, 9], [3, 4, 5, 6]])
    assert taken.dtype == np.uint8


def test_windows_at_a_distance():
    windows = Windows(np.arange(10), 3, every=3)
    assert len(windows) == 3
    np.testing.assert_array_equal(windows.take(np.array([2]))[0], [[6, 7, 8]])


def test_sequences_of_vectors():
    sequence = np.arange(12).reshape(6, 2)
    np.testing.assert_array_equal(Windows(sequence, 3).take(np.array([1]))[0][0], sequence[1:4])


def test_nothing_is_copied():
    sequence = np.zeros(10)
    windows = Windows(sequence, 4)
    sequence[5] = 1
    assert windows.take(np.array([2]))[0][0, 3] == 1


@pytest.mark.parametrize(
    ("sequence", "options", "message"),
    [
        (np.arange(3), {"length": 4}, "sequence must contain at least the 4 entries of a window, but contains 3"),
        (3, {"length": 1}, "but is a single number"),
        (np.arange(3), {"length": 0}, "length must be an integer"),
        (np.arange(3), {"length": 1, "every": 0}, "every must be an integer"),
        ("text", {"length": 1}, "sequence must be an array of numbers"),
    ],
)
def test_bad_input_is_refused(as_user, sequence, options, message):
    with pytest.raises(InputError, match=message):
        Windows(sequence, **options)
