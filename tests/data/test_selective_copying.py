import numpy as np
import pytest

from neuraxis.data import selective_copying
from neuraxis.errors import InputError


def test_the_answer_is_what_is_not_blank():
    x, labels = selective_copying(50, length=20, memorized=5, tokens=3, seed=1)
    assert x.shape == (50, 25)
    assert x.dtype == labels.dtype == np.int32
    assert np.all(x[:, 20:] == 4)
    for row, said in zip(x, labels, strict=True):
        np.testing.assert_array_equal(row[:20][row[:20] > 0], said)
    assert set(labels.flat) == {1, 2, 3}


def test_times_and_tokens_are_equally_frequent():
    x, labels = selective_copying(4000, length=10, memorized=3, tokens=4)
    taken = np.mean(x[:, :10] > 0, axis=0)  # each 0.3, with a standard error of 0.007
    assert np.abs(taken - 0.3).max() < 0.03
    assert np.abs(np.bincount(labels.flat)[1:] / labels.size - 0.25).max() < 0.02


def test_the_seed_decides():
    a, b, c = (selective_copying(3, length=20, memorized=5, seed=seed).x for seed in (0, 0, 1))
    np.testing.assert_array_equal(a, b)
    assert np.any(a != c)


def test_sizes_by_default_are_those_of_the_paper():
    x, labels = selective_copying(2)
    assert x.shape == (2, 4096 + 16)
    assert labels.shape == (2, 16)
    assert x.max() == 15


def test_all_times_may_be_taken():
    x, labels = selective_copying(2, length=3, memorized=3)
    np.testing.assert_array_equal(x[:, :3], labels)


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ({"examples": 0}, "examples must be an integer of at least 1, but is 0"),
        ({"length": -1}, "length must be an integer"),
        ({"tokens": 2.0}, "tokens must be an integer"),
        ({"memorized": "8"}, "memorized must be an integer"),
        ({"length": 4, "memorized": 5}, "memorized must be at most length, 4, but is 5"),
        ({"seed": -1}, "seed must be an integer of at least 0"),
        ({"examples": 10**12}, "examples, length and memorized must be smaller"),
    ],
)
def test_bad_sizes(as_user, sizes, message):
    with pytest.raises(InputError, match=message):
        selective_copying(**{"examples": 2, "length": 8, "memorized": 3, **sizes})
