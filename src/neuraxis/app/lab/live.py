"""The running model of a page: its state, its controls, and their changes so far."""

import traceback
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from neuraxis.app.lab import controls
from neuraxis.app.lab.address import write
from neuraxis.app.lab.page import Page
from neuraxis.app.lab.script import command, script
from neuraxis.errors import DivergedError, InputError

_MISTAKE = "this is a bug in neuraxis, not your mistake; see the terminal for details"


class Live:
    """The model of a page, started from a seed and initial controls; `stopped` says why it cannot continue, if so.

    Changes of controls are kept by the step at which they were made, for the script and the link that repeat the run.
    """

    def __init__(self, page: Page, first: Any, seed: int):
        self.page, self.seed = page, seed
        self.begin(first)

    def begin(self, first: Any) -> None:
        """Restart from these controls."""
        self.first = self.controls = first
        self.changes: dict[int, dict[str, Any]] = {}
        self.steps = 0
        self.stopped = ""
        self._state = None
        self._state = self._guarded(lambda: self.page.module.start(first, jax.random.key(self.seed)), None)

    def change(self, values: Mapping[str, Any]) -> bool:
        """Change controls; return whether the model has to be restarted."""
        self.controls = replace(self.controls, **values)
        if self.stopped or any(self.page.control(name).restarts for name in values):
            return True
        if values:
            self.changes.setdefault(self.steps, {}).update(values)
        return False

    def step(self) -> None:
        """Take one step, unless the model has stopped."""
        if not self.stopped:
            self._state = self._guarded(lambda: self.page.module.step(self._state, self.controls), self._state)
            self.steps += 1
        if not self.stopped and (name := _not_finite(self._state)):
            self.stopped = f"{name} is no longer finite after step {self.steps}; reset, or choose other values"

    def content(self) -> dict[str, Any]:
        """Return the picture, the numbers, and which missions are done; nothing if there is no state."""
        return {} if self._state is None else self._guarded(self._content, {})

    def _content(self) -> dict[str, Any]:
        module, now = self.page.module, (self._state, self.controls)
        measures = self.page.measures(*now)
        return {
            "panels": module.picture(*now),
            "numbers": module.numbers(*now),
            "missions": [mission.is_done(measures) for mission in self.page.missions],
        }

    def values(self) -> dict[str, str]:
        """Return the controls as texts."""
        return controls.write_all(self.controls)

    def script(self) -> dict[str, str]:
        """Write the script that repeats the run, and the command that runs the experiment."""
        written = script(self.page, self.first, self.changes, self.seed, self.steps)
        return {"script": written, "command": command(self.page, self.controls)}

    def link(self) -> dict[str, str]:
        """Write the address of this picture, or say why there is none."""
        try:
            return {"link": write(self.page, self.first, self.seed, self.steps, self.changes)}
        except InputError as error:
            return {"refused": str(error)}

    def _guarded(self, action: Callable[[], Any], otherwise: Any) -> Any:
        """Run an action; if it fails, the model stops and says why."""
        try:
            return action()
        except (InputError, DivergedError) as error:
            self.stopped = str(error)
        except Exception as error:
            traceback.print_exception(error)
            what, _, _ = str(error).partition("\n")
            self.stopped = f"{_MISTAKE}: {what or type(error).__name__}"
        return otherwise


def _not_finite(state: Any) -> str:
    """Return the name of the first part of a state that holds NaN or ∞, if any."""
    for path, leaf in jax.tree_util.tree_leaves_with_path(state):
        is_number = isinstance(leaf, float | jax.Array | np.ndarray)
        if is_number and jnp.issubdtype(jnp.result_type(leaf), np.floating) and not np.isfinite(np.asarray(leaf)).all():
            return jax.tree_util.keystr(path).lstrip(".")
    return ""
