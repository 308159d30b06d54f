"""Evaluation of word vectors on analogies."""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Int

from neuraxis import check
from neuraxis.errors import DataError, InputError
from neuraxis.language.known_words import KnownWords, are_words, items, lines, named
from neuraxis.language.word_vectors import WordVectors

_BLOCK = 1 << 23  # cosines in memory at once


@dataclass(frozen=True)
class AnalogyScore:
    """Number of analogies of one section that were answered correctly.

    `unknown` counts those that were not asked because one of their words is unknown.
    """

    name: str
    correct: int
    asked: int
    unknown: int

    @property
    def accuracy(self) -> float:
        """Fraction of the asked analogies that were answered correctly; 0 if none was asked."""
        return self.correct / max(self.asked, 1)


def evaluate_analogies(
    vectors: WordVectors,
    questions: os.PathLike | str | Iterable[Sequence[str]],
    max_words: int = 300_000,
    ignore_case: bool = True,
) -> tuple[AnalogyScore, ...]:
    """Ask "a is to b as c is to …", and count the answers that are d.

    The answer is the word nearest to b/|b| − a/|a| + c/|c| other than a, b and c. From
    Mikolov, Chen, Corrado & Dean (2013), Efficient estimation of word representations in vector space, arXiv:1301.3781.

    Args:
        vectors: word vectors to evaluate.
        questions: path of a text file with four words per line and sections that start with lines such as ": capitals"
            (as in questions-words.txt), or a list with four words each.
        max_words: number of words, from the first (usually the most frequent), that are used in questions and answers.
        ignore_case: whether words that differ only in case are the same word, with the vector of the first.

    Returns:
        A score for each section, followed by one named "total" for all.

    Raises:
        DataError: if the file cannot be read, a line is not four words, or there is no question.
        InputError: for questions that are not four words each.
    """
    known = KnownWords(vectors, max_words, ignore_case)
    sections = _sections(questions)
    scores = [_score(known, name, asked) for name, asked in sections.items() if asked]
    if not scores:
        raise DataError(f"{named(questions)} contains no question")
    sums = (sum(getattr(score, field) for score in scores) for field in ("correct", "asked", "unknown"))
    return (*scores, AnalogyScore("total", *sums))


def _score(known: KnownWords, name: str, questions: list[Sequence[str]]) -> AnalogyScore:
    numbered = [[known.number(word) for word in question] for question in questions]
    asked = [numbers for numbers in numbered if None not in numbers]
    rows = max(1, _BLOCK // len(known.forms))
    blocks = (np.array(asked[start : start + rows], int) for start in range(0, len(asked), rows))
    correct = sum(int((_answers(known, block[:, :3]) == block[:, 3]).sum()) for block in blocks)
    return AnalogyScore(name, correct, len(asked), len(questions) - len(asked))


def _answers(known: KnownWords, words: Int[np.ndarray, "questions 3"]) -> Int[np.ndarray, " questions"]:
    """Return the form of the word nearest to b − a + c other than a, b and c, or −1 if there is none."""
    a, b, c = np.moveaxis(known.vectors.units(words), 1, 0)
    cosines = known.vectors.cosines(b - a + c, len(known.forms))
    rows = np.arange(len(words))
    cosines[rows[:, None], words] = -np.inf
    while True:
        best = cosines.argmax(1)
        answers = np.where(np.isinf(cosines[rows, best]), -1, known.forms[best])
        # Other forms of a, b and c, such as King for king, are not answers, either.
        repeated = (answers[:, None] == words).any(1)
        if not repeated.any():
            return answers
        cosines[rows[repeated], best[repeated]] = -np.inf


def _sections(questions: Any) -> dict[str, list[Sequence[str]]]:
    sections: dict[str, list[Sequence[str]]] = {}
    section = sections.setdefault("analogies", [])
    if not isinstance(questions, str | os.PathLike):
        for question in items("questions", questions):
            if not isinstance(question, list | tuple) or len(question) != 4 or not are_words(question):
                raise InputError(f"a question must be four words, but is {check.received(question)}")
            section.append(question)
        return sections
    for number, line in lines(questions):
        if line.startswith(":"):
            section = sections.setdefault(line[1:].strip(), [])
        elif len(words := line.split()) == 4:
            section.append(words)
        else:
            raise DataError(f"line {number} of {questions} must be four words, but is {line[:60]!r}")
    return sections
