"""Words that belong together, such as New York, found by how often one follows the other."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Int64

from neuraxis import check
from neuraxis.errors import InputError
from neuraxis.language.sentences import Sentences
from neuraxis.language.vocabulary import Vocabulary

_BLOCK = 1 << 20  # pairs that are sorted at once


@dataclass(frozen=True, eq=False, repr=False)
class Phrases:
    """Pairs of words that form phrases, with their scores.

    The score of a pair is (n_ab − δ) N / (n_a n_b), where n_a and n_b are how often the words appear, n_ab how often b
    follows a in a sentence, N the number of words in the text and δ keeps rare words from forming phrases by chance.
    A score of 1 is (but for δ) that of words which follow each other no more often than by chance.

    From Mikolov, Sutskever, Chen, Corrado & Dean (2013), Distributed representations of words and phrases and their
    compositionality, NeurIPS, equation 6, where N is left out; with it, as in their program word2phrase.c, scores do
    not depend on the length of the text. gensim's N is another: how many different words and pairs there are.

    Args:
        scores: of every pair of words that forms a phrase.
    """

    scores: Mapping[tuple[str, str], float]

    def __post_init__(self) -> None:
        check.instance(Mapping, scores=self.scores)
        for pair in self.scores:
            if not isinstance(pair, tuple) or len(pair) != 2 or not all(isinstance(word, str) for word in pair):
                raise InputError(f"scores must be those of pairs of words, but one is of {check.received(pair)}")

    @staticmethod
    def find(sentences: Any, min_count: int = 5, threshold: float = 100.0, max_distinct: int = 3_000_000) -> "Phrases":
        """Find the pairs of a text that score above a threshold, in two passes.

        Args:
            sentences: `Sentences`, or what they are made from: a path, a `Text`, or lists of words.
            min_count: δ; a phrase must appear more often.
            threshold: the higher, the fewer phrases.
            max_distinct: how many different pairs are counted at once; each takes 16 bytes, and as much again twice in
                passing. Where a text brings more, the rarest are dropped (see `Vocabulary.count`).

        Raises:
            InputError: for sizes that are not whole, a threshold below 0, or sentences that are no lists of words.
            DataError: if the text cannot be read, or no word appears often enough.
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
        """Return the sentences with every phrase as one word, such as "new_york".

        Phrases are joined from left to right, two words each. Longer ones come of repeated passes: find the phrases of
        what is joined, with a lower threshold, and join once more.

        Args:
            sentences: as for `find`. They are gone through anew by every pass through the result.
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
            before = None  # the word before, where that may still become the first of a phrase
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
    """Get pairs of known words, as first · words + second and sorted, how often they appear, and the text's length."""
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
    """Count further pairs."""
    new, times = np.unique(more, return_counts=True)
    places = np.searchsorted(codes, new)
    there = codes[np.minimum(places, len(codes) - 1)] == new if len(codes) else np.zeros(len(new), bool)
    counts[places[there]] += times[there]
    missing = ~there
    return np.insert(codes, places[missing], new[missing]), np.insert(counts, places[missing], times[missing])
