"""The controls of a page: the fields of its `Controls`, and how their values are written as text.

    @dataclass(frozen=True)
    class Controls:
        current: float = slider(10.0, 0, 180, symbol="J")
        \"\"\"Injected current [µA/cm²].\"\"\"

The docstring of a field is its label, with the unit in brackets. A value travels as text, in the address of the page
and from the browser; an invalid one is refused with a message.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, Field, dataclass, field, fields, replace
from typing import Any, get_type_hints

import numpy as np

from neuraxis import check
from neuraxis.described import meanings
from neuraxis.errors import InputError

_LEVELS = "0123456789abcdef"  # of grey in a drawing
_LONGEST_TABLE = 200_000  # characters of a CSV file


@dataclass(frozen=True)
class Control:
    """Base of all controls: the symbol in the equations, and whether a change restarts the run."""

    symbol: str = ""
    restarts: bool = False

    def read(self, text: str, kind: type) -> Any:
        """Return the value of a text.

        Raises:
            InputError: if the text is no valid value; the message continues the label of the control.
        """
        raise NotImplementedError

    def write(self, value: Any) -> str:
        """Write a value as text."""
        return str(value)


@dataclass(frozen=True)
class Slider(Control):
    """A number in a range."""

    low: int | float = 0.0
    high: int | float = 1.0
    logarithmic: bool = False

    def read(self, text: str, kind: type) -> int | float:
        """Read a number, a whole number if the field is an `int`."""
        try:
            value = kind(text)
        except ValueError:
            expected = "a whole number" if kind is int else "a number"
            raise InputError(f"must be {expected}, but is {check.received(text)}") from None
        if not (math.isfinite(value) and self.low <= value <= self.high):
            raise InputError(f"must be between {self.low:g} and {self.high:g}, but is {value:g}")
        return value

    def write(self, value: int | float) -> str:
        """Write the shortest text that is read as the same number."""
        return f"{value!r}".removesuffix(".0")


@dataclass(frozen=True)
class Choice(Control):
    """One of several names."""

    options: tuple[str, ...] = ()

    def read(self, text: str, kind: type) -> str:
        """Read one of the options."""
        if text not in self.options:
            raise InputError(f"must be one of {', '.join(self.options)}, but is {check.received(text)}")
        return text


@dataclass(frozen=True)
class Switch(Control):
    """On or off."""

    def read(self, text: str, kind: type) -> bool:
        """Read on or off."""
        if text not in ("on", "off"):
            raise InputError(f"must be on or off, but is {check.received(text)}")
        return text == "on"

    def write(self, value: bool) -> str:
        """Write on or off."""
        return "on" if value else "off"


@dataclass(frozen=True)
class Button(Control):
    """Number of times a button was pressed; a page acts if it differs from the number in its state."""

    def read(self, text: str, kind: type) -> int:
        """Read a count."""
        if not (text.isdecimal() and text.isascii() and len(text) < 7):
            raise InputError(f"must be a number of presses, but is {check.received(text)}")
        return int(text)


@dataclass(frozen=True)
class Text(Control):
    """A text typed by the visitor."""

    longest: int = 100
    alphabet: str = ""  # the characters that a model knows; empty: all that can be printed

    def read(self, text: str, kind: type) -> str:
        """Read a printable text that is not too long, in the alphabet."""
        if len(text) > self.longest:
            raise InputError(f"must have at most {self.longest} characters, but has {len(text)}")
        if not text.strip():
            raise InputError("must not be empty")
        for place, character in enumerate(text):
            if not (character.isprintable() or character == "\n"):
                raise InputError(
                    f"must be printable text, but its character {place + 1} is not printable: {character!r}"
                )
            if self.alphabet and character not in self.alphabet:
                raise InputError(
                    f"must have only characters of the training text, but its character {place + 1} is {character!r}"
                )
        return text


@dataclass(frozen=True)
class Drawing(Control):
    """An image drawn by the visitor, in 16 grey levels: one hexadecimal digit per pixel, row by row."""

    height: int = 8
    width: int = 8

    def read(self, text: str, kind: type) -> str:
        """Read one digit per pixel."""
        if len(text) != self.height * self.width or not set(text) <= set(_LEVELS):
            raise InputError(
                f"must be {self.height * self.width} hexadecimal digits, one per pixel, but is {check.received(text)}"
            )
        return text


@dataclass(frozen=True)
class Table(Control):
    """Rows of numbers from a CSV file; empty for the built-in data of the page."""

    columns: tuple[str, ...] = ()
    longest: int = 2000  # rows

    def read(self, text: str, kind: type) -> str:
        """Read a text with one number per column in each row."""
        if text and len(rows(text, self.columns)) > self.longest:
            raise InputError(f"must have at most {self.longest} rows, but has {len(rows(text, self.columns))}")
        return text


def slider(
    default: int | float,
    low: int | float,
    high: int | float,
    *,
    symbol: str = "",
    logarithmic: bool = False,
    restarts: bool = False,
) -> Any:
    """Declare a number from `low` to `high`; `restarts` is for sizes, whose change restarts the run."""
    return _declared(default, Slider(symbol, restarts, low, high, logarithmic))


def choice(default: str, options: tuple[str, ...], *, restarts: bool = False) -> Any:
    """Declare one of several names."""
    return _declared(default, Choice("", restarts, options))


def switch(default: bool, *, restarts: bool = False) -> Any:
    """Declare a switch that is on or off."""
    return _declared(default, Switch("", restarts))


def button() -> Any:
    """Declare a button; the value of the field is the number of times it was pressed."""
    return _declared(0, Button())


def text(default: str, longest: int = 100, *, alphabet: str | Sequence[str] = "", restarts: bool = False) -> Any:
    """Declare a text of at most `longest` characters, which may all have to be of an alphabet."""
    return _declared(default, Text("", restarts, longest, "".join(alphabet)))


def drawing(default: str, height: int, width: int) -> Any:
    """Declare an image to draw; `pixels` returns its values."""
    return _declared(default, Drawing("", False, height, width))


def table(columns: tuple[str, ...], *, longest: int = 2000) -> Any:
    """Declare a CSV file to load, with these columns of numbers; `rows` returns its values."""
    return _declared("", Table("", True, columns, longest))


def _declared(default: Any, control: Control) -> Any:
    return field(default=default, metadata={"control": control})


def pixels(drawn: str, height: int, width: int) -> np.ndarray:
    """Return the values of a drawing, from 0 to 1, as an array (height, width)."""
    return np.array([_LEVELS.index(level) for level in drawn], np.float32).reshape(height, width) / (len(_LEVELS) - 1)


def rows(text: str, columns: tuple[str, ...]) -> np.ndarray:
    """Return the numbers of a table as an array (rows, columns); a header line is skipped.

    Raises:
        InputError: if a line does not have one number for each column; the message names the line.
    """
    if len(text) > _LONGEST_TABLE:
        raise InputError(f"must have at most {_LONGEST_TABLE} characters, but has {len(text)}")
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        cells = [cell.strip() for cell in line.replace(";", ",").replace("\t", ",").split(",")]
        try:
            values = [float(cell) for cell in cells]
        except ValueError:
            if number == 1 or not line.strip():
                continue
            values = []
        if len(values) != len(columns) or not all(map(math.isfinite, values)):
            raise InputError(
                f"must have one number for each of {', '.join(columns)} in every line, "
                f"but line {number} is {check.received(line)}"
            )
        found.append(values)
    if not found:
        raise InputError(f"must have rows of {', '.join(columns)}, but has none")
    return np.array(found, np.float32)


def control_of(each: Field) -> Control:
    """Return the control of a field of `Controls`."""
    return each.metadata["control"]


def labels(kind: type) -> dict[str, tuple[str, str]]:
    """Return the label and the unit of every control, from the docstring of its field."""
    found = {}
    for name, meaning in meanings(kind).items():
        label, _, unit = meaning.removesuffix(".").partition(" [")
        found[name] = label, unit.removesuffix("]")
    return found


def read(kind: type, name: str, written: str) -> Any:
    """Return the value of a text for the control `name`.

    Raises:
        InputError: if there is no such control, or the text is no valid value; the message begins with its label.
    """
    found = {each.name: each for each in fields(kind)}
    if name not in found:
        raise InputError(f"there is no control called {check.received(name)}")
    try:
        return control_of(found[name]).read(written, get_type_hints(kind)[name])
    except InputError as error:
        raise InputError(f"{labels(kind)[name][0]} {error}") from None


def read_all(kind: type, written: Mapping[str, str]) -> tuple[Any, list[str]]:
    """Create `Controls` from texts, such as those of an address; invalid ones keep their defaults, with a message."""
    controls, ignored = kind(), []
    for name, value in written.items():
        try:
            controls = replace(controls, **{name: read(kind, name, value)})
        except InputError as error:
            ignored.append(str(error))
    return controls, ignored


def write_all(controls: Any) -> dict[str, str]:
    """Write every control as text."""
    return {each.name: control_of(each).write(getattr(controls, each.name)) for each in fields(controls)}


def describe(kind: type) -> list[dict[str, Any]]:
    """Describe the controls to the browser."""
    found = []
    for each in fields(kind):
        control = control_of(each)
        label, unit = labels(kind)[each.name]
        assert each.default is not MISSING
        found.append(
            {
                "name": each.name,
                "kind": type(control).__name__.lower(),
                "label": label,
                "unit": unit,
                "default": control.write(each.default),
                "whole": get_type_hints(kind)[each.name] is int,
                **{part.name: getattr(control, part.name) for part in fields(control)},
            }
        )
    return found
