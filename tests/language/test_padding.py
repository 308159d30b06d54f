import numpy as np
import pytest

from neuraxis.errors import InputError
from neuraxis.language import padded, within


def test_rows_are_filled_up():
    tokens, lengths = padded([[5, 6, 7], np.array([8], np.uint8), []], padding=9)
    np.testing.assert_array_equal(tokens, [[5, 6, 7], [8, 9, 9], [9, 9, 9]])
    np.testing.assert_array_equal(lengths, [3, 1, 0])
    assert tokens.dtype == np.int32
    assert padded([[1]], length=4)[0].tolist() == [[1, 0, 0, 0]]
    assert padded([])[0].shape == (0, 0)


def test_places_within_the_lengths():
    np.testing.assert_array_equal(within(np.array([2, 0]), 3), [[True, True, False], [False] * 3])
    assert within(np.array([[1, 2], [3, 4]]), 4).sum() == 10


@pytest.mark.usefixtures("as_user")
def test_bad_input_is_refused():
    for wrong in ("text", None, 3):
        with pytest.raises(InputError, match="sequences must be a list of sequences"):
            padded(wrong)
    for wrong in ([[1.5]], [[[1]]], [["a"]], [3]):
        with pytest.raises(InputError, match=r"sequences\[0\] must be"):
            padded(wrong)
    with pytest.raises(InputError, match="at most 2 tokens long, but one has 3"):
        padded([[1, 2, 3]], length=2)
    with pytest.raises(InputError, match="padding must be an integer"):
        padded([[1]], padding=-1)
    with pytest.raises(InputError, match="lengths must be integers"):
        within(np.array([1.5]), 3)
    with pytest.raises(InputError, match="time must be an integer"):
        within(np.array([1]), -1)
