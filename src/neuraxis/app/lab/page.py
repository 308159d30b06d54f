"""A lab page: one file in `pages`, found by its name.

Such a file has

- a docstring: "Title: what it shows.", and below it what to try;
- `EXPERIMENT`: the name of its experiment, which determines its chapter;
- `Controls`: a frozen dataclass (`controls`);
- `start(controls, key)`, `step(state, controls)` and `picture(state, controls)`: the initial state, the state one step
  later, and the panels to draw. They use only the public API, because *Show Python* shows them;
- `numbers(state, controls)`: the values shown, by label with the unit in brackets;
- `STEPS`: the number of steps between two pictures at full speed;

and optionally `EQUATIONS` in LaTeX (by default those of its experiment), `PRESETS` (values of controls by
name), `MISSIONS` (`missions.Mission`) and `measures(state, controls)`, by which these are checked.
"""

import ast
import importlib
import inspect
from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any

from neuraxis import experiments
from neuraxis.app.lab.controls import Control, control_of, describe, labels, write_all
from neuraxis.app.lab.equation import mathml
from neuraxis.names import check_name

_FOLDER = Path(__file__).parent / "pages"


@dataclass(frozen=True)
class Page:
    """A page: its name and its module."""

    name: str
    module: Any

    @property
    def title(self) -> str:
        """Title of the page."""
        return _split(inspect.getdoc(self.module) or "")[0]

    @property
    def experiment(self) -> str:
        """Name of its experiment."""
        return self.module.EXPERIMENT

    @property
    def controls(self) -> type:
        """The class of its controls."""
        return self.module.Controls

    @cached_property
    def labels(self) -> dict[str, tuple[str, str]]:
        """Label and unit of every control."""
        return labels(self.controls)

    @property
    def equations(self) -> Sequence[str]:
        """The page's own equations, or else those of its experiment, in LaTeX."""
        return getattr(self.module, "EQUATIONS", None) or experiments.equations(self.experiment)

    def control(self, name: str) -> Control:
        """Return one of its controls."""
        return control_of(next(each for each in fields(self.controls) if each.name == name))

    @property
    def missions(self) -> tuple:
        """Missions of the page."""
        return getattr(self.module, "MISSIONS", ())

    @property
    def presets(self) -> dict[str, dict[str, Any]]:
        """Values of controls, by the name of the result that they show."""
        return getattr(self.module, "PRESETS", {})

    def measures(self, state: Any, values: Any) -> dict[str, float]:
        """Return the measures that check the missions."""
        return self.module.measures(state, values) if self.missions else {}

    def describe(self) -> dict[str, Any]:
        """Describe the page to the browser."""
        title, summary, text = _split(inspect.getdoc(self.module) or "")
        presets = {name: write_all(self.controls(**values)) for name, values in self.presets.items()}
        return {
            "name": self.name,
            "title": title,
            "summary": summary,
            "text": text,
            "equations": [mathml(latex) for latex in self.equations],
            "controls": describe(self.controls),
            "presets": presets,
            "missions": [mission.text for mission in self.missions],
        }


def _split(docstring: str) -> tuple[str, str, list[str]]:
    """Return the title, the summary, and the paragraphs below."""
    first, _, rest = docstring.partition("\n\n")
    title, _, summary = " ".join(first.split()).partition(": ")
    paragraphs = [" ".join(paragraph.split()) for paragraph in rest.split("\n\n")]
    return title, summary[:1].upper() + summary[1:], [paragraph for paragraph in paragraphs if paragraph]


def names() -> list[str]:
    """Names of all pages, in the order of their experiments."""
    return [name for inside in chapters().values() for name in inside]


def chapters() -> dict[str, list[str]]:
    """Names of all pages by the chapter of their experiment."""
    belongs = {path.stem.replace("_", "-"): experiments.constant(path, "EXPERIMENT") for path in _paths()}
    found = {
        chapter: [page for name in inside for page in belongs if belongs[page] == name]
        for chapter, inside in experiments.chapters().items()
    }
    return {chapter: pages for chapter, pages in found.items() if pages}


def check(name: str) -> None:
    """Check that there is a page of this name, without importing it.

    Raises:
        InputError: for an unknown name, with the nearest known one.
    """
    check_name("lab page", name, names())


def load(name: str) -> Page:
    """Import a page.

    Raises:
        InputError: for an unknown name, with the nearest known one.
    """
    check(name)
    return Page(name, importlib.import_module(f"neuraxis.app.lab.pages.{name.replace('-', '_')}"))


def index() -> list[dict[str, Any]]:
    """Describe all pages by chapter, without importing them."""
    return [
        {"chapter": chapter, "pages": [_in_short(name) for name in inside]} for chapter, inside in chapters().items()
    ]


def _in_short(name: str) -> dict[str, str]:
    title, summary, _ = _split(ast.get_docstring(experiments.parsed(_FOLDER / f"{name.replace('-', '_')}.py")) or "")
    return {"name": name, "title": title, "summary": summary}


def _paths() -> list[Path]:
    return sorted(path for path in _FOLDER.glob("*.py") if path.stem != "__init__")
