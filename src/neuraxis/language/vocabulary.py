"""The vocabulary of a text, ordered by frequency."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import repeat
from typing import Any

import numpy as np
from jaxtyping import Int32

from neuraxis import check
from neuraxis.errors import DataError, InputError
from neuraxis.language.sentences import Sentences
from neuraxis.language.unknown import unknown_word


@dataclass(frozen=True, eq=False, repr=False)
class Vocabulary:
    """Words and their counts, the most frequent first: the index of a word is its rank.

    It supports `word in vocabulary` and `len(vocabulary)`; `vocabulary.words[index]` is a word.

    Args:
        words: every word once.
        counts: number of occurrences of each word, (words), in descending order.

    Raises:
        InputError: if a word appears twice or is not text, or the counts are not positive, not in descending order, or
            not one per word.
    """

    words: tuple[str, ...]
    counts: np.ndarray
    _numbers: dict[str, int] = field(init=False)

    def __post_init__(self) -> None:
        words, numbers = numbered(self.words)
        counts = np.array(check.array("counts", self.counts))
        if counts.dtype.kind not in "iu" or counts.shape != (len(words),):
            expected = f"integers of shape ({len(words)},), one for each word"
            raise InputError(f"counts must be {expected}, but has shape {counts.shape} and dtype {counts.dtype}")
        check.positive(counts=counts)
        if np.any(np.diff(counts.astype(np.int64)) > 0):
            raise InputError("counts must fall, the most frequent word first, but they rise")
        counts = counts.astype(np.int64)
        counts.flags.writeable = False
        for name, value in {"words": words, "counts": counts, "_numbers": numbers}.items():
            object.__setattr__(self, name, value)

    @staticmethod
    def count(
        sentences: Any, min_count: int = 5, max_size: int | None = None, max_distinct: int = 1_000_000
    ) -> "Vocabulary":
        """Count the words of a text in one pass; words of equal frequency are in the order of their first occurrence.

        Args:
            sentences: `Sentences`, or their source: a path, a `Text`, or lists of words.
            min_count: minimum count of a word; rarer words are ignored.
            max_size: maximum number of words, the most frequent; `None` for all.
            max_distinct: maximum number of different words in memory; each takes about 130 bytes. If there are more,
                words counted only once so far are dropped, the next time those counted up to twice, and so on (as in
                `ReduceVocab` of word2vec.c); if they occur again, their counts are too low.

        Raises:
            InputError: for sizes that are not integers, or sentences that are not lists of words.
            DataError: if the text cannot be read, or no word occurs often enough.
        """
        check.whole(min_count=min_count, max_distinct=max_distinct)
        if max_size is not None:
            check.whole(max_size=max_size)
        counts = _counted(Sentences.of(sentences), max_distinct)
        if not counts:
            raise DataError("the text contains no word")
        most = max(counts, key=counts.__getitem__)
        if counts[most] < min_count:
            found = f"the most frequent, {most!r}, appears {counts[most]} times"
            raise DataError(f"no word of the text appears min_count={min_count} times; {found}")
        frequent = (word for word, count in counts.items() if count >= min_count)
        words = sorted(frequent, key=counts.__getitem__, reverse=True)[:max_size]
        numbers = np.fromiter(map(counts.__getitem__, words), np.int64, len(words))
        del counts, frequent  # frees memory
        return Vocabulary(tuple(words), numbers)

    def index(self, word: str) -> int:
        """Return the index of a word.

        Raises:
            InputError: if it is unknown, with the nearest known words.
        """
        if word not in self:
            raise unknown_word(word, self.words, self)
        return self._numbers[word]

    def lookup(self, tokens: Iterable[str]) -> Int32[np.ndarray, " tokens"]:
        """Return the indices of words, −1 for unknown ones."""
        tokens = _listed(tokens)
        return np.fromiter(map(self._numbers.get, tokens, repeat(-1)), np.int32, len(tokens))

    def encode(self, tokens: Iterable[str]) -> Int32[np.ndarray, " known"]:
        """Return the indices of the known words, in order; unknown words are skipped."""
        numbers = self.lookup(tokens)
        return numbers[numbers >= 0]

    def __contains__(self, word: object) -> bool:
        return isinstance(word, str) and word in self._numbers

    def __len__(self) -> int:
        return len(self.words)

    def __repr__(self) -> str:
        return f"<Vocabulary: {len(self)} words, {int(self.counts.sum())} tokens>"


def _counted(sentences: Sentences, max_distinct: int) -> dict[str, int]:
    counts: Counter[str] = Counter()
    rare = 0
    for sentence in sentences:
        counts.update(sentence)
        while len(counts) > max_distinct:
            rare += 1
            counts = Counter({word: count for word, count in counts.items() if count > rare})
    return counts


def numbered(words: Iterable[str]) -> tuple[tuple[str, ...], dict[str, int]]:
    """Return words as a tuple, and the index of each.

    Raises:
        InputError: if there are none, or one appears twice or is not text.
    """
    words = tuple(_listed(words))
    if not words:
        raise InputError("words must contain a word, but is empty")
    numbers = dict(zip(words, range(len(words)), strict=True))
    if len(numbers) < len(words):
        twice = next(word for number, word in enumerate(words) if numbers[word] != number)
        raise InputError(f"every word must appear once in words, but {twice!r} appears twice")
    return words, numbers


def _listed(words: Iterable[str]) -> Sequence[str]:
    """Return words as a list, after checking that they are text."""
    if isinstance(words, str) or not isinstance(words, Iterable):
        raise InputError(f"words must be a list of words, but is {check.received(words)}")
    words = words if isinstance(words, list | tuple) else list(words)
    if not all(isinstance(word, str) for word in words):
        odd = next(word for word in words if not isinstance(word, str))
        raise InputError(f"a word must be text, but is {check.received(odd)}")
    return words
