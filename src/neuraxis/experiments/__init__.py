"""A file or folder per classic result: docstring (claim and citation), `Settings`, `QUICK`, `run(…)`, `plot(result)`.

Every file or folder here is an experiment; nothing else lists them. Its `PLACE` is the chapter it belongs to and its
number there; one without a place comes last. Its `EQUATIONS` are those of its model, in LaTeX, separated by empty
lines; the report, the pages of the documentation and the lab show them. Shared code is in `shared`.
"""

import ast
import importlib
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from neuraxis.names import check_name

CHAPTERS = (
    "Neurons",
    "Feedforward networks and learning",
    "Memory and sequences",
    "Generative models",
    "Robustness",
    "Population coding",
    "Further experiments",
)
_SHARED = "shared"


@cache
def _sources() -> dict[str, Path]:
    """Return the file that holds each experiment, by its name on the command line."""
    folder = Path(__file__).parent
    files = {path.stem: path for path in folder.glob("*.py") if path.stem != "__init__"}
    folders = {path.parent.name: path for path in folder.glob("*/__init__.py") if path.parent.name != _SHARED}
    return {stem.replace("_", "-"): path for stem, path in sorted((files | folders).items())}


def chapters() -> dict[str, list[str]]:
    """Names of all experiments, as the command line writes them, by chapter and in the order in which to read them."""
    places = {name: _place(name) for name in _sources()}
    ordered = sorted(places, key=lambda name: places[name][1])
    found = {chapter: [name for name in ordered if places[name][0] == chapter] for chapter in CHAPTERS}
    return {chapter: inside for chapter, inside in found.items() if inside}


def names() -> list[str]:
    """Names of all experiments, chapter by chapter."""
    return [name for inside in chapters().values() for name in inside]


def measures_time(name: str) -> bool:
    """Return whether an experiment makes claims about running times, so that nothing should run beside it."""
    return bool(constant(_sources()[name], "MEASURES_TIME"))


def _place(name: str) -> tuple[str, int]:
    """Return the chapter of an experiment and its number there."""
    chapter, number = constant(_sources()[name], "PLACE") or (CHAPTERS[-1], 0)
    return (chapter if chapter in CHAPTERS else CHAPTERS[-1]), number


def constant(path: Path, name: str) -> Any:
    """Return a constant of a module, read without importing it; None where there is none."""
    for node in parsed(path).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == name:
            return ast.literal_eval(node.value)
    return None


def docstring(name: str) -> str:
    """Return an experiment's docstring, read without importing it."""
    return ast.get_docstring(parsed(_sources()[name])) or ""


def settings(name: str) -> dict[str, Any]:
    """Return the defaults of an experiment's settings, read without importing it; None where it is calculated."""
    (found,) = (n for n in parsed(_sources()[name]).body if isinstance(n, ast.ClassDef) and n.name == "Settings")
    declared = (field for field in found.body if isinstance(field, ast.AnnAssign))
    return {ast.unparse(field.target): _literal(field.value) for field in declared if field.value is not None}


def _literal(node: ast.expr) -> Any:
    try:
        return ast.literal_eval(node)
    except ValueError:
        return None


@cache
def parsed(path: Path) -> ast.Module:
    """Return the syntax tree of a module."""
    return ast.parse(path.read_text(encoding="utf-8"))


def summary(name: str) -> str:
    """First line of an experiment's docstring."""
    return docstring(name).partition("\n")[0]


def equations(name: str) -> list[str]:
    """Return the equations of an experiment's model in LaTeX, read without importing it."""
    return each_equation(constant(_sources()[name], "EQUATIONS") or "")


def each_equation(text: str) -> list[str]:
    """Return the equations of a text that separates them by empty lines."""
    return [part.strip() for part in text.split("\n\n") if part.strip()]


def load(name: str) -> ModuleType:
    """Import an experiment.

    Raises:
        InputError: for an unknown name, with the nearest known one.
    """
    check_name("experiment", name, names())
    return importlib.import_module(f"neuraxis.experiments.{name.replace('-', '_')}")
