"""Evaluation of word similarities against human judgements."""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float64

from neuraxis import check
from neuraxis.errors import DataError, InputError
from neuraxis.language.known_words import KnownWords, are_words, items, lines, named
from neuraxis.language.word_vectors import WordVectors


@dataclass(frozen=True)
class SimilarityScore:
    """Spearman's rank correlation between similarities and human judgements.

    `pairs` counts the pairs compared, `unknown` those left out because one of their words is unknown.
    """

    spearman: float
    pairs: int
    unknown: int


def evaluate_similarity(
    vectors: WordVectors,
    pairs: os.PathLike | str | Iterable[tuple[str, str, float]],
    max_words: int = 300_000,
    ignore_case: bool = True,
) -> SimilarityScore:
    """Compare the similarities of pairs of words with human judgements, by Spearman's rank correlation.

    Args:
        vectors: word vectors to evaluate.
        pairs: path of a text file with two words and a number per line, separated by tabs (like WordSim-353; lines
            that start with # and a header line are skipped), or a list of the same.
        max_words: number of words, from the first (usually the most frequent), that count as known.
        ignore_case: whether words that differ only in case are the same word, with the vector of the first.

    Raises:
        DataError: if the file cannot be read, a line has another form, fewer than two pairs are known, or all
            judgements or all similarities are equal.
        InputError: for pairs that are not two words and a number each.
    """
    known = KnownWords(vectors, max_words, ignore_case)
    listed = list(_pairs(pairs))
    found = [(known.number(a), known.number(b), number) for a, b, number in listed]
    used = [(a, b, number) for a, b, number in found if a is not None and b is not None]
    if len(used) < 2:
        raise DataError(f"of the {len(listed)} pairs of {named(pairs)} only {len(used)} are of known words")
    first, second, judged = (np.array(column) for column in zip(*used, strict=True))
    similarities = np.einsum("ij,ij->i", vectors.units(first), vectors.units(second))
    x, y = (ranks - ranks.mean() for ranks in (_ranks(judged), _ranks(similarities)))
    spread = np.sqrt((x @ x) * (y @ y))
    if spread == 0:
        raise DataError(f"the pairs of {named(pairs)} cannot be ranked: all judgements or all similarities are equal")
    return SimilarityScore(float(x @ y / spread), len(used), len(listed) - len(used))


def _ranks(values: Float64[np.ndarray, " n"]) -> Float64[np.ndarray, " n"]:
    """Return ranks; equal values receive their mean rank."""
    _, group, counts = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts - 1) / 2)[group]


def _pairs(pairs: Any) -> Iterator[tuple[str, str, float]]:
    if not isinstance(pairs, str | os.PathLike):
        for pair in items("pairs", pairs):
            if not isinstance(pair, list | tuple) or len(pair) != 3 or not are_words(pair[:2]):
                raise InputError(f"a pair must be two words and a number, but is {check.received(pair)}")
            check.finite(**{f"the judgement of {pair[0]!r} and {pair[1]!r}": pair[2]})
            yield pair[0], pair[1], float(pair[2])
        return
    rows = [(number, line) for number, line in lines(pairs) if not line.startswith("#")]
    for number, line in rows:
        fields = [field.strip() for field in line.split("\t")]
        try:
            a, b, judged = fields[0], fields[1], float(fields[2])
        except (ValueError, IndexError):
            if number == rows[0][0] and len(fields) >= 3:
                continue  # header
            expected = "two words and a number, separated by tabs"
            raise DataError(f"line {number} of {pairs} must be {expected}, but is {line[:60]!r}") from None
        if not np.isfinite(judged) or len(fields) > 3:
            raise DataError(f"line {number} of {pairs} must be two words and one finite number, but is {line[:60]!r}")
        yield a, b, judged
