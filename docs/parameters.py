"""A Markdown extension: a line `[parameters of neuraxis.neurons.LIF]` becomes a table of what the model takes.

Names and defaults are those of the class, units and meanings those of its fields' docstrings, or of the section `Args`
in the docstring of a class that has a constructor of its own.
"""

import importlib
import inspect
import re
import textwrap

from markdown import Markdown
from markdown.extensions import Extension
from markdown.preprocessors import Preprocessor

from neuraxis.described import meanings

_LINE = re.compile(r"^\[parameters of ([\w.]+)\]$")
_UNIT = re.compile(r"\s+\[([^\]]+)\]")  # and no list in code, such as `Sequential([network, logistic])`


class Parameters(Extension):
    """Make the tables before Markdown is read."""

    def extendMarkdown(self, md: Markdown) -> None:  # noqa: N802 (the name that Markdown calls)
        """Register the step."""
        md.preprocessors.register(_ToTables(md), "parameters", priority=40)


class _ToTables(Preprocessor):
    def run(self, lines: list[str]) -> list[str]:
        matches = [(line, _LINE.match(line)) for line in lines]
        return [new for line, match in matches for new in (table(match[1]) if match else [line])]


def table(path: str) -> list[str]:
    """Write the table of a class, such as "neuraxis.neurons.LIF"."""
    module, _, name = path.rpartition(".")
    cls = getattr(importlib.import_module(module), name)
    said: dict[str, str] = {}
    for base in reversed(cls.__mro__):
        if base.__module__.startswith("neuraxis"):
            said |= _arguments(base) or meanings(base)
    rows = []
    for parameter in inspect.signature(cls).parameters.values():
        text = said.get(parameter.name, "")
        unit = _UNIT.search(text)
        meaning = _UNIT.sub("", text, count=1) if unit else text
        default = "" if parameter.default is inspect.Parameter.empty else f"`{_written(parameter.default)}`"
        rows.append((f"`{parameter.name}`", default, unit[1] if unit else "", meaning))
    columns = zip((f"`{name}`", "default", "unit", "meaning"), *rows, strict=True)
    filled = [column for column in columns if any(column[1:])]
    first, *others = (f"| {' | '.join(row)} |" for row in zip(*filled, strict=True))
    return [first, f"|{' --- |' * len(filled)}", *others]


def _written(default: object) -> str:
    return getattr(default, "__name__", None) or re.sub(r"(?<=\() | (?=\))", "", " ".join(repr(default).split()))


def _arguments(cls: type) -> dict[str, str]:
    """Read the section `Args` of a docstring."""
    section = re.search(r"^Args:\n((?:[ ]+.*\n?|\n)+)", inspect.getdoc(cls) or "", re.MULTILINE)
    entries = re.split(r"\n(?=\w)", textwrap.dedent(section[1]).strip()) if section else []
    pairs = (entry.partition(":") for entry in entries)
    return {name: _sentence(text) for name, _, text in pairs}


def _sentence(text: str) -> str:
    words = text.split()
    is_symbol = len(words[0].rstrip(",.;:")) == 1  # such as σ
    return " ".join(words if is_symbol else [words[0][:1].upper() + words[0][1:], *words[1:]])


def makeExtension(**settings) -> Parameters:  # noqa: N802 (the name that Markdown calls)
    """Make the extension."""
    return Parameters(**settings)
