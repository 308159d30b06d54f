"""All pairs of a word and its neighbours, for small texts."""

from collections.abc import Iterable

import jax
import numpy as np
from jaxtyping import Int32, Integer, PRNGKeyArray

from neuraxis import check
from neuraxis.errors import InputError


def window_pairs(
    sentences: Iterable[Integer[np.ndarray, " _"]], window: int, *, key: PRNGKeyArray
) -> tuple[Int32[np.ndarray, " pair"], Int32[np.ndarray, " pair"]]:
    """Return all pairs (c, o) of a centre word and a word of its context, sorted by distance.

    The window size of each centre word is drawn uniformly from 1 to `window` words to both sides, so that near words
    have more weight; windows end at the boundaries of the sentence.

    Args:
        sentences: word indices of each sentence.
        window: maximum window size.
        key: random key for the window sizes.

    Raises:
        InputError: for a window that is not positive, words that are not integers, or no sentence of two words.
    """
    check.whole(window=window)
    check.key(key)
    known = [np.asarray(check.array("a sentence", sentence)) for sentence in sentences]
    known = [sentence for sentence in known if len(sentence)]
    if not all(sentence.ndim == 1 and sentence.dtype.kind in "iu" for sentence in known):
        raise InputError("a sentence must be a list of integers, the indices of its words")
    if not any(len(sentence) > 1 for sentence in known):
        raise InputError("no sentence contains two words, so there are no pairs to train on")
    words = np.concatenate(known).astype(np.int32)
    sentence = np.repeat(np.arange(len(known)), [len(s) for s in known])
    reach = np.random.default_rng(np.asarray(jax.random.key_data(key))).integers(1, window + 1, len(words))
    centres, contexts = [], []
    for distance in range(1, window + 1):
        left = np.flatnonzero(sentence[:-distance] == sentence[distance:])
        for centre, context in ((left, left + distance), (left + distance, left)):
            within = reach[centre] >= distance
            centres.append(words[centre[within]])
            contexts.append(words[context[within]])
    return np.concatenate(centres), np.concatenate(contexts)
