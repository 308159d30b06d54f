"""Words that a vocabulary does not hold."""

import difflib
from collections.abc import Container, Sequence
from itertools import islice
from typing import Any

from neuraxis import check
from neuraxis.errors import InputError

_SEARCHED = 5_000  # most frequent words that are compared with an unknown one; more would keep the user waiting
_SHORT = 60  # characters of a word that a message repeats


def unknown_word(word: Any, words: Sequence[str], known: Container[str]) -> InputError:
    """Describe a word that is not known, with the nearest that are.

    Args:
        word: what the user asked for.
        words: all that are known, the most frequent first.
        known: the same, for looking one up.
    """
    if not isinstance(word, str):
        return InputError(f"a word must be text, but is {check.received(word)}")
    forms = dict.fromkeys([word.lower(), word.capitalize(), word.title(), word.upper(), word.replace(" ", "_")])
    near = [form for form in forms if form in known]
    near += [found for found in difflib.get_close_matches(word[:_SHORT], islice(words, _SEARCHED)) if found not in near]
    hint = f"the nearest known are {', '.join(map(repr, near[:3]))}" if near else f"{len(words)} others are"
    return InputError(f"the word {word[:_SHORT]!r} is not known; {hint}")
