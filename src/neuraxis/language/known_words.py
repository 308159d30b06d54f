"""What tests of word vectors have in common: the words that take part, and questions from files and lists."""

import os
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from neuraxis import check
from neuraxis.data import Text
from neuraxis.errors import InputError
from neuraxis.language.word_vectors import WordVectors


class KnownWords:
    """The words that take part: the first of every form, and for every word the number of that first."""

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
        """Return the number of a word, or `None` where it is not known."""
        return self._numbers.get(self._form(word))


def lines(path: Any) -> Iterator[tuple[int, str]]:
    """Yield the lines of a file that are not empty, with their numbers."""
    for number, line in enumerate(Text.read(path).content.split("\n"), 1):
        if stripped := line.strip():
            yield number, stripped


def items(name: str, items: Any) -> Iterable[Any]:
    """Return the items of a list, and refuse what is none."""
    if not isinstance(items, Iterable):
        raise InputError(f"{name} must be a path or a list, but is {check.received(items)}")
    return items


def are_words(words: Iterable[Any]) -> bool:
    """Tell whether all are text."""
    return all(isinstance(word, str) for word in words)


def named(source: Any) -> str:
    """Name where questions come from."""
    return str(source) if isinstance(source, str | os.PathLike) else "the list"
