"""Shared parts of evaluations of word vectors: the words taken into account, and questions from files and lists."""

import os
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from neuraxis import check
from neuraxis.data import Text
from neuraxis.errors import InputError
from neuraxis.language.word_vectors import WordVectors


class KnownWords:
    """The words taken into account, where words of the same form are represented by the first of them."""

    def __init__(self, vectors: WordVectors, max_words: int, ignore_case: bool):
        check.instance(WordVectors, vectors=vectors)
        check.whole(max_words=max_words)
        check.boolean(ignore_case=ignore_case)
        self.vectors = vectors
        self._form = str.upper if ignore_case else str
        numbers: dict[str, int] = {}
        words = vectors.words[:max_words]
        self.forms = np.array([numbers.setdefault(self._form(word), i) for i, word in enumerate(words)])
        self._numbers = numbers

    def number(self, word: str) -> int | None:
        """Return the index of a word, or `None` if it is unknown."""
        return self._numbers.get(self._form(word))


def lines(path: Any) -> Iterator[tuple[int, str]]:
    """Yield the non-empty lines of a file, with their line numbers."""
    for number, line in enumerate(Text.read(path).content.split("\n"), 1):
        if stripped := line.strip():
            yield number, stripped


def items(name: str, items: Any) -> Iterable[Any]:
    """Check that `items` is iterable, and return it."""
    if not isinstance(items, Iterable):
        raise InputError(f"{name} must be a path or a list, but is {check.received(items)}")
    return items


def are_words(words: Iterable[Any]) -> bool:
    """Return whether all words are text."""
    return all(isinstance(word, str) for word in words)


def named(source: Any) -> str:
    """Return the name of a source of questions, for messages."""
    return str(source) if isinstance(source, str | os.PathLike) else "the list"
