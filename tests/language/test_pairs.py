from collections import Counter

import jax
import numpy as np
import pytest

from neuraxis.errors import InputError
from neuraxis.language.pairs import window_pairs

KEY = jax.random.key(0)


def test_a_window_of_one_pairs_every_word_with_its_neighbours():
    centres, contexts = window_pairs([np.array([3, 1, 4]), np.array([1]), np.array([5, 9])], 1, key=KEY)
    pairs = Counter(zip(centres.tolist(), contexts.tolist(), strict=True))
    assert pairs == Counter([(3, 1), (1, 3), (1, 4), (4, 1), (5, 9), (9, 5)])


def test_reaches_are_drawn_evenly_and_end_with_the_sentence():
    # All words differ, so that a pair tells where it comes from.
    centres, contexts = window_pairs([np.arange(30_000), np.arange(30_000, 30_003)], 4, key=KEY)
    distance = np.abs(centres - contexts)
    count = np.bincount(distance, minlength=5)[1:] / 60_000
    np.testing.assert_allclose(count, [1, 3 / 4, 1 / 2, 1 / 4], atol=0.02)
    assert not np.any((centres < 30_000) != (contexts < 30_000))
    reach = np.zeros(30_003, int)
    np.maximum.at(reach, centres, distance)
    for left, right in zip(range(10_000, 10_100), range(10_000, 10_100), strict=True):
        assert np.sum(centres == left) == 2 * reach[right]  # as far to the left as to the right


def test_no_pairs(as_user):
    for sentences in ([], [np.array([1]), np.array([2])]):
        with pytest.raises(InputError, match="no sentence contains two words"):
            window_pairs(sentences, 2, key=KEY)
    with pytest.raises(InputError, match="window must be an integer"):
        window_pairs([np.arange(3)], 0, key=KEY)
    with pytest.raises(InputError, match="integers"):
        window_pairs([np.ones(3)], 2, key=KEY)
