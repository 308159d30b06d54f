import jax
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neuraxis.data import hold_out, split
from neuraxis.errors import InputError
from tests.data.test_dataset import make

key = jax.random.key(0)
x, labels = np.arange(40.0).reshape(20, 2), np.arange(20) % 4


@given(count=st.integers(1, 49), seed=st.integers(0, 2**32))
@settings(max_examples=20)
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


def test_examples_of_your_own_are_held_out(as_user):
    (x_rest, rest), (x_held, held) = hold_out((x, labels.tolist()), 5, seed=3)
    assert (len(x_rest), len(x_held)) == (15, 5)
    np.testing.assert_array_equal(x_held[:, 0] // 2 % 4, held)
    np.testing.assert_array_equal(x_rest[:, 0] // 2 % 4, rest)
    np.testing.assert_array_equal(np.sort(np.concatenate([x_rest, x_held]), axis=0), x)


@st.composite
def divisions(draw):
    """Labels of some classes, numbers of examples for each part, and a key."""
    sizes = draw(st.lists(st.integers(1, 60), min_size=1, max_size=4))
    classes = draw(st.integers(1, 6))
    chosen = np.random.default_rng(draw(st.integers(0, 99))).integers(0, classes, sum(sizes)) ** 2
    return chosen, sizes, jax.random.key(draw(st.integers(0, 99)))


@settings(max_examples=40)
@given(divisions())
def test_every_part_has_its_share_of_every_class(drawn):
    of_class, sizes, key = drawn
    numbers = np.arange(len(of_class))
    parts = split((numbers, of_class), sizes, key=key, by=of_class)
    assert [len(part[0]) for part in parts] == sizes
    np.testing.assert_array_equal(np.sort(np.concatenate([part[0] for part in parts])), numbers)
    for which, y in parts:
        np.testing.assert_array_equal(y, of_class[which])
        assert np.all(np.diff(which) > 0)
        for label in set(of_class.tolist()):
            expected = np.sum(of_class == label) * len(which) / len(numbers)
            assert abs(np.sum(y == label) - expected) < 2


def test_fractions_are_rounded_to_whole_examples(as_user):
    sizes = lambda shares: [len(part[0]) for part in split((x, labels), shares, key=key)]
    assert sizes((0.8, 0.1, 0.1)) == [16, 2, 2]
    assert sizes([1 / 3, 1 / 3, 1 / 3]) == [7, 6, 7]
    assert sizes((12, 8)) == [12, 8]
    assert sizes((1.0,)) == [20]


def test_the_key_chooses_and_every_example_can_come_into_every_part():
    first = lambda key, by=None: split((np.arange(20),), (0.75, 0.25), key=key, by=by)[1][0]
    np.testing.assert_array_equal(first(key), first(key))
    for by in (None, labels, labels.astype(str)):
        counts = sum(np.bincount(first(jax.random.key(i), by), minlength=20) for i in range(160))
        # Each is drawn with probability 1/4: 40 times of 160, with a standard deviation of 5.5.
        assert np.all(np.abs(counts - 40) < 5 * 5.5)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"data": x}, "data must be a tuple of arrays, such as"),
        ({"data": ()}, r"data must be a tuple of arrays, such as \(x, labels\) or \(x,\), but is \(\)"),
        ({"data": None}, "data must be a tuple of arrays"),
        (
            {"data": (x, labels[:3])},
            r"first axis, but have shapes data\[0\] \(20, 2\), data\[1\] \(3,\)",
        ),
        ({"data": (x, "text")}, r"data\[1\] must be an array of numbers, but is 'text'"),
        ({"data": (x[:0],)}, "the data are empty"),
        ({"shares": (0.5, 0.4)}, "add up to 1, or numbers of examples that add up to 20, but are "),
        ({"shares": (0.99, 0.01)}, r"shares must give every part an example, but give \[20, 0\] of 20"),
        ({"shares": (1.5, -0.5)}, "shares must be positive and finite"),
        ({"shares": 1.0}, "shares must be fractions"),
        ({"shares": []}, "shares must be fractions"),
        ({"shares": "half"}, "shares must be a number"),
        ({"key": 0}, "key must be one random key"),
        ({"key": jax.random.split(key)}, "key must be one random key"),
        ({"by": labels[:3]}, r"by must be one label for each of the 20 examples, but has shape \(3,\)"),
        ({"by": 3}, "by must be one label"),
    ],
)
def test_bad_divisions_are_refused(arguments, message, as_user):
    given = {"data": (x, labels), "shares": (0.5, 0.5), "key": key} | arguments
    with pytest.raises(InputError, match=message):
        split(given.pop("data"), given.pop("shares"), **given)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((x, 3), "data must be a tuple of arrays"),
        (((x, labels), 0.2), "count must be an integer of at least 1, but is 0.2"),
        (((x, labels), 20), "count must be less than the 20 training examples, but is 20"),
        (((x, labels), 3, -1), "seed must be an integer of at least 0, but is -1"),
        (((x, labels), 3, None), "seed must be an integer of at least 0, but is None"),
    ],
)
def test_bad_arguments_of_hold_out_are_refused(arguments, message, as_user):
    with pytest.raises(InputError, match=message):
        hold_out(*arguments)
