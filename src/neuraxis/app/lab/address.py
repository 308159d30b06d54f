"""The address of a page, whose query part holds its controls.

`?current=12.5&seed=3` are the controls that differ from their defaults. A link to one picture adds the step at
which it was drawn and the earlier changes of controls: `&at=412&118.current=12.5`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from neuraxis import check
from neuraxis.app.lab import controls
from neuraxis.app.lab.page import Page
from neuraxis.errors import InputError

_MOST_STEPS = 100_000  # replayed by a link
_LONGEST = 7000  # characters of an address; servers refuse lines beyond 8192
_CHANGE = re.compile(r"(\d{1,6})\.(\w+)")


@dataclass(frozen=True)
class Start:
    """How a page starts."""

    controls: Any
    seed: int = 0
    steps: int = 0
    changes: Mapping[int, Mapping[str, Any]] = field(default_factory=dict)


def read(page: Page, query: Mapping[str, str]) -> tuple[Start, list[str]]:
    """Read an address; invalid parts keep their defaults and are returned as messages."""
    moved = {name: text for name, text in query.items() if _CHANGE.fullmatch(name)}
    others = {name: text for name, text in query.items() if name not in moved and name not in ("seed", "at")}
    values, ignored = controls.read_all(page.controls, others)
    seed = _count("seed", query.get("seed", "0"), 2**31 - 1, ignored)
    steps = _count("at", query.get("at", "0"), _MOST_STEPS, ignored)
    changes: dict[int, dict[str, Any]] = {}
    for key, text in moved.items():
        number, name = key.split(".")
        try:
            value = controls.read(page.controls, name, text)
        except InputError as error:
            ignored.append(str(error))
            continue
        if page.control(name).restarts:
            ignored.append(f"{page.labels[name][0]} restarts the run, so that it cannot change at step {number}")
        else:
            changes.setdefault(int(number), {})[name] = value
    return Start(values, seed, steps, changes), ignored


def write(page: Page, first: Any, seed: int, steps: int, changes: Mapping[int, Mapping[str, Any]]) -> str:
    """Write the address of the picture after `steps` steps.

    Raises:
        InputError: for more steps than a link repeats, or more text than an address holds.
    """
    if steps > _MOST_STEPS:
        raise InputError(f"a link repeats at most {_MOST_STEPS} steps, but the run has taken {steps}; reset it first")
    default = controls.write_all(page.controls())
    texts = controls.write_all(first)
    query = {name: text for name, text in texts.items() if text != default[name]}
    query |= {"seed": str(seed), "at": str(steps)}
    for number, values in changes.items():
        query |= {f"{number}.{name}": page.control(name).write(value) for name, value in values.items()}
    written = f"?{urlencode(query)}"
    if len(written) > _LONGEST:
        raise InputError(
            f"a link holds at most {_LONGEST} characters, but your own data and the changes of controls need "
            f"{len(written)}; Show Python has no such limit"
        )
    return written


def _count(name: str, text: str, most: int, ignored: list[str]) -> int:
    if text.isdecimal() and text.isascii() and len(text) < 11 and int(text) <= most:
        return int(text)
    ignored.append(f"{name} must be a whole number from 0 to {most}, but is {check.received(text)}")
    return 0
