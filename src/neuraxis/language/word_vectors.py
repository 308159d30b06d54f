"""Word vectors: similarities and analogies of words."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float, Float32, Float64, Int64, Integer

from neuraxis import check
from neuraxis.errors import InputError
from neuraxis.language.unknown import unknown_word
from neuraxis.language.vocabulary import numbered

_BLOCK = 1 << 18  # numbers squared at once
_GUARD = 1024.0  # directions are shortened by this factor, so that products with vectors do not overflow in float32


@dataclass(frozen=True, eq=False, repr=False)
class WordVectors:
    """A vector for every word.

    The similarity of two words is the cosine of the angle between their vectors, a·b / (|a| |b|), and 0 if one of them
    is zero. `vectors["word"]` is the vector of a word; `word in vectors`, `len(vectors)` and `for word in vectors` are
    supported.

    Args:
        words: every word once, the most frequent first if known.
        vectors: vectors, (words, size). An array in single precision is used without a copy and must not be changed
            afterwards.
        counts: number of occurrences of each word, (words), if known.

    Raises:
        InputError: if a word appears twice or is not text, a vector is not finite, or the lengths differ.
    """

    words: tuple[str, ...]
    vectors: np.ndarray
    counts: np.ndarray | None = None
    _numbers: dict[str, int] = field(init=False)
    _scales: np.ndarray = field(init=False)
    """_GUARD divided by the length of each vector."""

    def __post_init__(self) -> None:
        words, numbers = numbered(self.words)
        vectors = np.asarray(check.array("vectors", self.vectors))
        if vectors.ndim != 2 or len(vectors) != len(words) or not vectors.shape[1]:
            expected = f"({len(words)}, size), a vector for each word"
            raise InputError(f"vectors must have shape {expected}, but have shape {vectors.shape}")
        with np.errstate(over="ignore"):  # infinite values are rejected below
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
        """Dimension of the vectors."""
        return self.vectors.shape[1]

    def index(self, word: str) -> int:
        """Return the index of a word.

        Raises:
            InputError: if it is unknown, with the nearest known words.
        """
        if word not in self:
            raise unknown_word(word, self.words, self)
        return self._numbers[word]

    def similarity(self, a: str, b: str) -> float:
        """Return the cosine of the angle between the vectors of two words.

        Raises:
            InputError: if a word is unknown, with the nearest known words.
        """
        one, other = self.units(np.array([self.index(a), self.index(b)]))
        return float(np.clip(one @ other, -1, 1))

    def most_similar(
        self, positive: str | Sequence[str], negative: str | Sequence[str] = (), count: int = 10
    ) -> list[tuple[str, float]]:
        """Return the words whose vectors have the largest cosines with a combination of words, with these cosines.

        The combination is Σ p/|p| − Σ n/|n|, with the vectors p and n of the positive and negative words, which are
        themselves excluded. Words with equal cosines are in their original order.

        Args:
            positive: word, or several words that are added.
            negative: word, or several words that are subtracted.
            count: maximum number of words to return.

        Raises:
            InputError: if a word is unknown, with the nearest known words, or if there is none.
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
        """Answer "a is to b as c is to …" by the words nearest to b/|b| − a/|a| + c/|c|, with their cosines.

        From Mikolov, Yih & Zweig (2013), Linguistic regularities in continuous space word representations, NAACL.

        Raises:
            InputError: if a word is unknown, with the nearest known words.
        """
        return self.most_similar([b, c], [a], count)

    def cosines(self, directions: Float[np.ndarray, "... size"], count: int) -> Float64[np.ndarray, "... {count}"]:
        """Return the cosines between directions and the vectors of the first `count` words, 0 where one is zero."""
        lengths = np.linalg.norm(directions, axis=-1, keepdims=True)
        short = np.divide(directions, lengths * _GUARD, out=np.zeros(directions.shape), where=lengths > 0)
        cosines = (short.astype(np.float32) @ self.vectors[:count].T) * self._scales[:count]
        return np.clip(cosines, -1, 1, out=cosines)

    def units(self, numbers: Integer[np.ndarray, "..."]) -> Float64[np.ndarray, "... size"]:
        """Return the vectors of the words with these indices, normalised to length 1; zero vectors stay zero."""
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
    """Return lengths in double precision, in which squares of float32 neither overflow nor underflow."""
    rows = max(1, _BLOCK // vectors.shape[1])
    blocks = (vectors[start : start + rows].astype(np.float64) for start in range(0, len(vectors), rows))
    return np.sqrt(np.concatenate([np.einsum("ij,ij->i", block, block) for block in blocks]))


def _largest(values: Float64[np.ndarray, " n"], count: int) -> Int64[np.ndarray, " count"]:
    """Return the indices of the largest values, in descending order; equal values are in their original order."""
    if count == 0:
        return np.empty(0, np.int64)
    threshold = np.partition(values, len(values) - count)[len(values) - count]
    candidates = np.flatnonzero(values >= threshold)
    return candidates[np.argsort(-values[candidates], kind="stable")][:count]
