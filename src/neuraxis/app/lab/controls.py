"""What a visitor can move: the fields of a page's `Controls`, and how their values are written as text.

    @dataclass(frozen=True)
    class Controls:
        current: float = slider(10.0, 0, 180, symbol="J")
        \"\"\"Injected current [µA/cm²].\"\"\"

The docstring of a field is its label, with the unit in brackets. A value travels as text, in the address of the page
and from the browser; one that cannot be is refused with a sentence.
"""

import math
from collections.abc import Mapping
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
    """What all controls have: the symbol in the equation, and whether a change starts the run anew."""

    symbol: str = ""
    restarts: bool = False

    def read(self, text: str, kind: type) -> Any:
        """Return the value that a text writes.

        Raises:
            InputError: where it writes none that is allowed; the message goes on from the control's name.
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
        """Read a number, a whole one where the field is one."""
        try:
            value = kind(text)
        except ValueError:
            expected = "a whole number" if kind is int else "a number"
            raise InputError(f"must be {expected}, but is {check.received(text)}") from None
        if not (math.isfinite(value) and self.low <= value <= self.high):
            raise InputError(f"must lie from {self.low:g} to {self.high:g}, but is {value:g}")
        return value

    def write(self, value: int | float) -> str:
        """Write the shortest text that reads as the same number."""
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
    """How often a button was pressed; a page acts where the number is not the one that its state remembers."""

    def read(self, text: str, kind: type) -> int:
        """Read a count."""
        if not (text.isdecimal() and text.isascii() and len(text) < 7):
            raise InputError(f"must be a number of presses, but is {check.received(text)}")
        return int(text)


@dataclass(frozen=True)
class Text(Control):
    """A text that the visitor types."""

    longest: int = 100

    def read(self, text: str, kind: type) -> str:
        """Read a text that can be printed and is not too long."""
        if len(text) > self.longest:
            raise InputError(f"must have at most {self.longest} characters, but has {len(text)}")
        if not text.strip():
            raise InputError("must not be empty")
        for place, character in enumerate(text):
            if not (character.isprintable() or character == "\n"):
                raise InputError(f"must be text, but its character {place + 1} cannot be printed: {character!r}")
        return text


@dataclass(frozen=True)
class Drawing(Control):
    """An image that the visitor draws, in 16 levels of grey: one hexadecimal digit a pixel, row by row."""

    height: int = 8
    width: int = 8

    def read(self, text: str, kind: type) -> str:
        """Read one digit a pixel."""
        if len(text) != self.height * self.width or not set(text) <= set(_LEVELS):
            raise InputError(
                f"must be {self.height * self.width} hexadecimal digits, one a pixel, but is {check.received(text)}"
            )
        return text


@dataclass(frozen=True)
class Table(Control):
    """Rows of numbers, as a CSV file has them; empty where the page brings its own."""

    columns: tuple[str, ...] = ()
    longest: int = 2000  # rows

    def read(self, text: str, kind: type) -> str:
        """Read a text of as many numbers in each row as there are columns."""
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
    """Declare a number from `low` to `high`; `restarts` is for what decides sizes, so that the run starts anew."""
    return _declared(default, Slider(symbol, restarts, low, high, logarithmic))


def choice(default: str, options: tuple[str, ...], *, restarts: bool = False) -> Any:
    """Declare one of several names."""
    return _declared(default, Choice("", restarts, options))


def switch(default: bool, *, restarts: bool = False) -> Any:
    """Declare what is on or off."""
    return _declared(default, Switch("", restarts))


def button() -> Any:
    """Declare a button; the value of the field is how often it was pressed."""
    return _declared(0, Button())


def text(default: str, longest: int = 100, *, restarts: bool = False) -> Any:
    """Declare a text of at most `longest` characters."""
    return _declared(default, Text("", restarts, longest))


def drawing(default: str, height: int, width: int) -> Any:
    """Declare an image that can be drawn; `pixels` gives its values."""
    return _declared(default, Drawing("", False, height, width))


def table(columns: tuple[str, ...], *, longest: int = 2000) -> Any:
    """Declare a CSV file that can be dropped, with these columns of numbers; `rows` gives its values."""
    return _declared("", Table("", True, columns, longest))


def _declared(default: Any, control: Control) -> Any:
    return field(default=default, metadata={"control": control})


def pixels(drawn: str, height: int, width: int) -> np.ndarray:
    """Return the values of a drawing, from 0 to 1, as an array (height, width)."""
    return np.array([_LEVELS.index(level) for level in drawn], np.float32).reshape(height, width) / (len(_LEVELS) - 1)


def rows(text: str, columns: tuple[str, ...]) -> np.ndarray:
    """Return the numbers of a table as an array (rows, columns); a first line of names is passed over.

    Raises:
        InputError: for a line with other than one number for each column, with the number of the line.
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
    """Return the label and the unit of every control, from the docstrings of its field."""
    found = {}
    for name, meaning in meanings(kind).items():
        label, _, unit = meaning.removesuffix(".").partition(" [")
        found[name] = label, unit.removesuffix("]")
    return found


def read(kind: type, name: str, written: str) -> Any:
    """Return the value that a text writes for the control `name`.

    Raises:
        InputError: where there is no such control, or no such value; the message begins with the control's label.
    """
    found = {each.name: each for each in fields(kind)}
    if name not in found:
        raise InputError(f"there is no control called {check.received(name)}")
    try:
        return control_of(found[name]).read(written, get_type_hints(kind)[name])
    except InputError as error:
        raise InputError(f"{labels(kind)[name][0]} {error}") from None


def read_all(kind: type, written: Mapping[str, str]) -> tuple[Any, list[str]]:
    """Make `Controls` of texts, such as those of an address; what cannot be is left at its default, and said."""
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
