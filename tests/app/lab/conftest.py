"""A page that needs no compiling: it counts, and does on demand what a page can do wrong."""

import sys
import types

import pytest

from neuraxis.app.lab.page import Page

_SOURCE = '''"""A counter: what a page does at least.

Move the stride.
"""

from dataclasses import dataclass
from typing import NamedTuple

import jax
import numpy as np

from neuraxis.app.lab import Line, Mission, Plot, button, choice, slider
from neuraxis.errors import InputError
from neuraxis.experiment import Claim

EXPERIMENT = "lif"
EQUATIONS = (r"x \\leftarrow x + s",)
STEPS = 2


@dataclass(frozen=True)
class Controls:
    """Controls of the page."""

    stride: float = slider(1.0, -10.0, 10.0, symbol="s")
    """Stride."""
    size: int = slider(3, 1, 9, restarts=True)
    """Number of counters."""
    fault: str = choice("none", ("none", "nan", "refused", "broken"))
    """Fault."""
    double: int = button()
    """Double."""


class State(NamedTuple):
    """The counters, and the presses seen."""

    x: np.ndarray
    doubled: int


def start(controls, key):
    """Begin at the seed."""
    return State(np.full(controls.size, float(jax.random.key_data(key)[-1])), controls.double)


def step(state, controls):
    """Add the stride."""
    if controls.fault == "refused":
        raise InputError("the stride must be longer, but is short")
    if controls.fault == "broken":
        raise KeyError("left out")
    x = state.x * 2 if controls.double != state.doubled else state.x
    return State(x + (np.nan if controls.fault == "nan" else controls.stride), controls.double)


def picture(state, controls):
    """Draw the counters."""
    return (Plot([Line(np.arange(len(state.x)), state.x, "x", symbol="x")], "Counter", "Count"),)


def numbers(state, controls):
    """Return the first counter."""
    return {"x": state.x[0]}


def measures(state, controls):
    """Return the first counter, once it has moved."""
    return {"count": float(state.x[0])} if state.x[0] else {}


PRESETS = {"Backwards": {"stride": -1.0}}
MISSIONS = (Mission("Count to 100 or more.", (Claim("count", ">=", 100.0),)),)
'''


@pytest.fixture
def counter(tmp_path, monkeypatch) -> Page:
    path = tmp_path / "counter.py"
    path.write_text(_SOURCE, encoding="utf-8")
    module = types.ModuleType("counter")
    module.__file__ = str(path)
    monkeypatch.setitem(sys.modules, "counter", module)
    exec(compile(_SOURCE, path, "exec"), vars(module))
    return Page("counter", module)
