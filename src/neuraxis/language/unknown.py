"""Error messages for words that are not in a vocabulary."""

import difflib
from collections.abc import Container, Sequence
from itertools import islice
from typing import Any

from neuraxis import check
from neuraxis.errors import InputError

_SEARCHED = 5_000  # most frequent words compared with an unknown one; more would take too long
_SHORT = 60  # characters of a word shown in a message


def unknown_word(word: Any, words: Sequence[str], known: Container[str]) -> InputError:
    """Return an error for an unknown word that suggests the nearest known words.

    Args:
        word: the word asked for.
        words: all known words, the most frequent first.
        known: the same words, for fast look-up.
    """
    if not isinstance(word, str):
        return InputError(f"a word must be text, but is {check.received(word)}")
    forms = dict.fromkeys([word.lower(), word.capitalize(), word.title(), word.upper(), word.replace(" ", "_")])
    near = [form for form in forms if form in known]
    near += [found for found in difflib.get_close_matches(word[:_SHORT], islice(words, _SEARCHED)) if found not in near]
    hint = f"the nearest known are {', '.join(map(repr, near[:3]))}" if near else f"{len(words)} others are"
    return InputError(f"the word {word[:_SHORT]!r} is not known; {hint}")
