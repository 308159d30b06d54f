"""Phrases such as New York, found by how often one word follows another."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Int64

from neuraxis import check
from neuraxis.errors import InputError
from neuraxis.language.sentences import Sentences
from neuraxis.language.vocabulary import Vocabulary

_BLOCK = 1 << 20  # pairs sorted at once


@dataclass(frozen=True, eq=False, repr=False)
class Phrases:
    """Pairs of words that form phrases, with their scores.

    The score of a pair is (n_ab − δ) N / (n_a n_b), where n_a and n_b count the occurrences of the words, n_ab those of
    b directly after a in a sentence, N is the number of words in the text, and δ prevents rare words from forming
    phrases by chance. Apart from δ, words that follow each other only by chance have a score of 1.

    From Mikolov, Sutskever, Chen, Corrado & Dean (2013), Distributed representations of words and phrases and their
    compositionality, NeurIPS, equation 6, which omits N; with N, as in their program word2phrase.c, scores do not
    depend on the length of the text. In gensim, N is the number of different words and pairs.

    Args:
        scores: score of every pair of words that forms a phrase.
    """

    scores: Mapping[tuple[str, str], float]

    def __post_init__(self) -> None:
        check.instance(Mapping, scores=self.scores)
        for pair in self.scores:
            if not isinstance(pair, tuple) or len(pair) != 2 or not all(isinstance(word, str) for word in pair):
                raise InputError(f"scores must be those of pairs of words, but one is of {check.received(pair)}")

    @staticmethod
    def find(sentences: Any, min_count: int = 5, threshold: float = 100.0, max_distinct: int = 3_000_000) -> "Phrases":
        """Find the pairs of a text with scores above a threshold, in two passes.

        Args:
            sentences: `Sentences`, or their source: a path, a `Text`, or lists of words.
            min_count: δ; a phrase must occur more often.
            threshold: score that a phrase must exceed.
            max_distinct: maximum number of different pairs in memory; each takes 16 bytes, and temporarily 48. If there
                are more, the rarest are dropped (see `Vocabulary.count`).

        Raises:
            InputError: for sizes that are not integers, a negative threshold, or sentences that are not lists of words.
            DataError: if the text cannot be read, or no word occurs often enough.
        """
        check.not_negative(threshold=threshold)
        check.one_number(threshold=threshold)
        check.whole(max_distinct=max_distinct)
        sentences = Sentences.of(sentences)
        vocabulary = Vocabulary.count(sentences, min_count)  # a phrase is no more frequent than its words
        codes, counts, length = _counted(sentences, vocabulary, max_distinct)
        first, second = np.divmod(codes, len(vocabulary))
        scores = (counts - min_count) * (length / vocabulary.counts[first] / vocabulary.counts[second])
        found = np.flatnonzero(scores > threshold)
        found = found[np.argsort(-scores[found], kind="stable")]
        words = vocabulary.words
        return Phrases({(words[first[i]], words[second[i]]): float(scores[i]) for i in found})

    def join(self, sentences: Any) -> Sentences:
        """Return the sentences with every phrase joined to one word, such as "new_york".

        Phrases of two words are joined from left to right. For longer phrases, repeat the procedure: find the phrases
        of the result, with a lower threshold, and join again.

        Args:
            sentences: sentences as for `find`, which are read again by every pass through the result.
        """
        sentences = Sentences.of(sentences)
        return Sentences(_Joined(self.scores, sentences), max_words=sentences.max_words)

    def __len__(self) -> int:
        return len(self.scores)

    def __repr__(self) -> str:
        return f"<Phrases: {len(self)} pairs of words>"


@dataclass(frozen=True)
class _Joined:
    pairs: Mapping[tuple[str, str], float]
    sentences: Sentences

    def __iter__(self) -> Iterator[list[str]]:
        for sentence in self.sentences:
            joined: list[str] = []
            before = None  # the previous word, if it can still be the first of a phrase
            for word in sentence:
                if before is not None and (before, word) in self.pairs:
                    joined[-1] = f"{before}_{word}"
                    before = None
                else:
                    joined.append(word)
                    before = word
            yield joined


def _counted(
    sentences: Sentences, vocabulary: Vocabulary, max_distinct: int
) -> tuple[Int64[np.ndarray, " pairs"], Int64[np.ndarray, " pairs"], int]:
    """Return pairs of known words (sorted, as first · words + second), their counts, and the length of the text."""
    codes = counts = np.empty(0, np.int64)
    length = rare = waiting = 0
    blocks = [codes]
    for sentence in sentences:
        numbers = vocabulary.lookup(sentence).astype(np.int64)
        known = (numbers[:-1] >= 0) & (numbers[1:] >= 0)
        blocks.append((numbers[:-1] * len(vocabulary) + numbers[1:])[known])
        length += len(sentence)
        waiting += len(sentence)
        if waiting > _BLOCK:
            codes, counts = _merged(codes, counts, np.concatenate(blocks))
            blocks, waiting = [codes[:0]], 0
        while len(codes) > max_distinct:
            rare += 1
            codes, counts = codes[counts > rare], counts[counts > rare]
    return *_merged(codes, counts, np.concatenate(blocks)), length


def _merged(
    codes: Int64[np.ndarray, " pairs"], counts: Int64[np.ndarray, " pairs"], more: Int64[np.ndarray, " more"]
) -> tuple[Int64[np.ndarray, " merged"], Int64[np.ndarray, " merged"]]:
    """Add further pairs to the sorted pairs and their counts."""
    new, times = np.unique(more, return_counts=True)
    places = np.searchsorted(codes, new)
    there = codes[np.minimum(places, len(codes) - 1)] == new if len(codes) else np.zeros(len(new), bool)
    counts[places[there]] += times[there]
    missing = ~there
    return np.insert(codes, places[missing], new[missing]), np.insert(counts, places[missing], times[missing])
