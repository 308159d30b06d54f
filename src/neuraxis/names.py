"""Validation of names given by the user."""

import difflib
from collections.abc import Iterable

from neuraxis.errors import InputError

_SHORT = 60  # maximum number of characters of a name quoted in a message


def check_name(kind: str, name: str, names: Iterable[str]) -> None:
    """Raise `InputError` if `name` is not one of `names`; the message suggests the closest match."""
    if not isinstance(name, str):
        raise InputError(f"the name of a {kind} must be text, but is of the type {type(name).__name__}")
    names = sorted(names)
    if name not in names:
        near = difflib.get_close_matches(name, names, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"choose from {', '.join(names)}"
        raise InputError(f"unknown {kind} {name[:_SHORT]!r}; {hint}")
