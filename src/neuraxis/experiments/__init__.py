"""A file or folder per classic result: docstring (claim and citation), `Settings`, `QUICK`, `run(…)`, `plot(result)`.

An experiment exists by its file or folder lying here; nothing else lists it. What several share is in `shared`.
"""

import ast
import importlib
from pathlib import Path
from types import ModuleType

from neuraxis.names import check_name

_SHARED = "shared"


def _sources() -> dict[str, Path]:
    """Give the file that holds each experiment, by its name on the command line."""
    folder = Path(__file__).parent
    files = {path.stem: path for path in folder.glob("*.py") if path.stem != "__init__"}
    folders = {path.parent.name: path for path in folder.glob("*/__init__.py") if path.parent.name != _SHARED}
    return {stem.replace("_", "-"): path for stem, path in sorted((files | folders).items())}


def names() -> list[str]:
    """Names of all experiments, as the command line writes them."""
    return list(_sources())


def docstring(name: str) -> str:
    """Give an experiment's docstring, read without importing it."""
    return ast.get_docstring(ast.parse(_sources()[name].read_text(encoding="utf-8"))) or ""


def summary(name: str) -> str:
    """First line of an experiment's docstring."""
    return docstring(name).partition("\n")[0]


def load(name: str) -> ModuleType:
    """Import an experiment.

    Raises:
        InputError: for an unknown name, with the nearest known one.
    """
    check_name("experiment", name, names())
    return importlib.import_module(f"neuraxis.experiments.{name.replace('-', '_')}")
