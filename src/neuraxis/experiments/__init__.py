"""One file per classic result: docstring (claim and citation), `Settings`, `QUICK`, `run(settings)`, `plot(result)`.

An experiment exists by its file lying in this folder; nothing else lists it.
"""

import ast
import importlib
from pathlib import Path
from types import ModuleType

from neuraxis.names import check_name


def names() -> list[str]:
    """Names of all experiments, as the command line writes them."""
    return sorted(p.stem.replace("_", "-") for p in Path(__file__).parent.glob("*.py") if not p.stem.startswith("_"))


def summary(name: str) -> str:
    """First line of an experiment's docstring, read without importing it."""
    source = (Path(__file__).parent / f"{name.replace('-', '_')}.py").read_text(encoding="utf-8")
    return (ast.get_docstring(ast.parse(source)) or "").partition("\n")[0]


def load(name: str) -> ModuleType:
    """Import an experiment.

    Raises:
        InputError: for an unknown name, with the nearest known one.
    """
    check_name("experiment", name, names())
    return importlib.import_module(f"neuraxis.experiments.{name.replace('-', '_')}")
