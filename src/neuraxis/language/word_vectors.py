"""Words as vectors: which are near each other, and how they are related."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float, Float32, Float64, Int64, Integer

from neuraxis import check
from neuraxis.errors import InputError
from neuraxis.language.unknown import unknown_word
from neuraxis.language.vocabulary import numbered

_BLOCK = 1 << 18  # numbers that are squared at once
_GUARD = 1024.0  # vectors are multiplied by ones that are so much shorter, so that no sum passes the largest float32


@dataclass(frozen=True, eq=False, repr=False)
class WordVectors:
    """A vector for every word.

    The similarity of two words is the cosine of the angle between their vectors, a·b / (|a| |b|), and 0 where one of
    them is zero. `vectors["word"]` is a word's vector; `word in vectors`, `len(vectors)` and `for word in vectors` are
    what they seem.

    Args:
        words: every word once, the most frequent first if that is known.
        vectors: (words, size). An array of single precision is used as it is and must not be changed afterwards;
            another is copied.
        counts: how often each word appears, (words), where that is known.

    Raises:
        InputError: if a word appears twice or is no text, a vector is not finite, or the lengths differ.
    """

    words: tuple[str, ...]
    vectors: np.ndarray
    counts: np.ndarray | None = None
    _numbers: dict[str, int] = field(init=False)
    _scales: np.ndarray = field(init=False)
    """For every vector, _GUARD divided by its length."""

    def __post_init__(self) -> None:
        words, numbers = numbered(self.words)
        vectors = np.asarray(check.array("vectors", self.vectors))
        if vectors.ndim != 2 or len(vectors) != len(words) or not vectors.shape[1]:
            expected = f"({len(words)}, size), a vector for each word"
            raise InputError(f"vectors must have shape {expected}, but have shape {vectors.shape}")
        with np.errstate(over="ignore"):  # what becomes infinite is refused below
            vectors = np.ascontiguousarray(vectors, np.float32).view()
        counts = None if self.counts is None else np.array(check.array("counts", self.counts))
        if counts is not None and (counts.dtype.kind not in "iu" or counts.shape != (len(words),) or counts.min() < 0):
            expected = f"integers of shape ({len(words)},), one for each word and none below 0"
            raise InputError(f"counts must be {expected}, but are {check.received(self.counts)}")
        lengths = _lengths(vectors)
        if not np.all(finite := np.isfinite(lengths)):
            raise InputError(f"vectors must be finite, but that of {words[int(finite.argmin())]!r} is not")
        scales = np.divide(_GUARD, lengths, out=np.zeros(len(words)), where=lengths > 0)
        for array in (vectors, scales) if counts is None else (vectors, scales, counts):
            array.flags.writeable = False
        values = {"words": words, "vectors": vectors, "counts": counts, "_numbers": numbers, "_scales": scales}
        for name, value in values.items():
            object.__setattr__(self, name, value)

    @property
    def size(self) -> int:
        """How many numbers a vector has."""
        return self.vectors.shape[1]

    def index(self, word: str) -> int:
        """Return the number of a word.

        Raises:
            InputError: if it is not known, with the nearest words that are.
        """
        if word not in self:
            raise unknown_word(word, self.words, self)
        return self._numbers[word]

    def similarity(self, a: str, b: str) -> float:
        """Return the cosine of the angle between the vectors of two words.

        Raises:
            InputError: if a word is not known, with the nearest that are.
        """
        one, other = self.units(np.array([self.index(a), self.index(b)]))
        return float(np.clip(one @ other, -1, 1))

    def most_similar(
        self, positive: str | Sequence[str], negative: str | Sequence[str] = (), count: int = 10
    ) -> list[tuple[str, float]]:
        """Return the words whose vectors point most nearly in the direction of others, each with the cosine.

        The direction is Σ p/|p| − Σ n/|n| of the positive and negative words' vectors. The words asked for are left
        out; of words that are equally near, the one that stands first leads.

        Args:
            positive: a word, or several whose sum is meant.
            negative: words that are subtracted.
            count: how many words are wanted; all others are given where there are fewer.

        Raises:
            InputError: if a word is not known, with the nearest that are, or none is given.
        """
        check.whole(count=count)
        plus = [positive] if isinstance(positive, str) else list(_words("positive", positive))
        minus = [negative] if isinstance(negative, str) else list(_words("negative", negative))
        if not plus + minus:
            raise InputError("most_similar needs a word to compare with, but positive and negative are empty")
        added, subtracted = (np.array([self.index(word) for word in words], int) for words in (plus, minus))
        direction = self.units(added).sum(0) - self.units(subtracted).sum(0)
        cosines = self.cosines(direction, len(self))
        left_out = {*added.tolist(), *subtracted.tolist()}
        cosines[list(left_out)] = -np.inf
        return [(self.words[i], float(cosines[i])) for i in _largest(cosines, min(count, len(self) - len(left_out)))]

    def analogy(self, a: str, b: str, c: str, count: int = 10) -> list[tuple[str, float]]:
        """Answer "a is to b as c is to …" by what is nearest to b/|b| − a/|a| + c/|c|.

        From Mikolov, Yih & Zweig (2013), Linguistic regularities in continuous space word representations, NAACL.

        Raises:
            InputError: if a word is not known, with the nearest that are.
        """
        return self.most_similar([b, c], [a], count)

    def cosines(self, directions: Float[np.ndarray, "... size"], count: int) -> Float64[np.ndarray, "... {count}"]:
        """Get the cosines of the angles between directions and the vectors of the first `count` words; of zero, 0."""
        lengths = np.linalg.norm(directions, axis=-1, keepdims=True)
        short = np.divide(directions, lengths * _GUARD, out=np.zeros(directions.shape), where=lengths > 0)
        cosines = (short.astype(np.float32) @ self.vectors[:count].T) * self._scales[:count]
        return np.clip(cosines, -1, 1, out=cosines)

    def units(self, numbers: Integer[np.ndarray, "..."]) -> Float64[np.ndarray, "... size"]:
        """Return the vectors of the words of these numbers, made of length one; zero stays zero."""
        return self.vectors[numbers] * (self._scales[numbers] / _GUARD)[..., None]

    def __getitem__(self, word: str) -> Float32[np.ndarray, " size"]:
        return self.vectors[self.index(word)]

    def __contains__(self, word: object) -> bool:
        return isinstance(word, str) and word in self._numbers

    def __iter__(self) -> Iterator[str]:
        return iter(self.words)

    def __len__(self) -> int:
        return len(self.words)

    def __repr__(self) -> str:
        return f"<WordVectors: {len(self)} words, {self.size} numbers each>"


def _words(name: str, words: Sequence[str]) -> Sequence[str]:
    if not isinstance(words, list | tuple):
        raise InputError(f"{name} must be a word or a list of words, but is {check.received(words)}")
    return words


def _lengths(vectors: Float32[np.ndarray, "words size"]) -> Float64[np.ndarray, " words"]:
    """Return lengths in double precision, where no square of a float32 is too large or too small."""
    rows = max(1, _BLOCK // vectors.shape[1])
    blocks = (vectors[start : start + rows].astype(np.float64) for start in range(0, len(vectors), rows))
    return np.sqrt(np.concatenate([np.einsum("ij,ij->i", block, block) for block in blocks]))


def _largest(values: Float64[np.ndarray, " n"], count: int) -> Int64[np.ndarray, " count"]:
    """Return where the largest values stand, in falling order; among equals the first leads."""
    if count == 0:
        return np.empty(0, np.int64)
    threshold = np.partition(values, len(values) - count)[len(values) - count]
    candidates = np.flatnonzero(values >= threshold)
    return candidates[np.argsort(-values[candidates], kind="stable")][:count]
