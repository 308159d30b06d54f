"""A page that runs: its state moves on in a thread of its own, and its pictures go to the browser."""

import queue
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from neuraxis.app.lab import controls
from neuraxis.app.lab.address import Start, write
from neuraxis.app.lab.page import Page
from neuraxis.app.lab.script import command, script
from neuraxis.app.lab.wire import encode
from neuraxis.errors import DivergedError, InputError

PERIOD = 1 / 30  # between two pictures [s]
_AHEAD = 2  # pictures on their way that the browser has not painted yet
_MISTAKE = "this is a mistake in neuraxis, not in what you did; the terminal shows it: "


@dataclass
class Run:
    """One page in one browser tab.

    `receive` takes the messages of the browser, from any thread; `work` is what the page's own thread does until
    `close`. Every message that goes back is a dictionary, encoded by `wire`.
    """

    page: Page
    begun: Start  # how it starts, as its address says
    send: Callable[[bytes], None]
    _inbox: queue.SimpleQueue = field(default_factory=queue.SimpleQueue)
    _closed: threading.Event = field(default_factory=threading.Event)
    _running: bool = True
    _speed: float = 1.0
    _owed: float = 0.0  # steps, in slow motion also parts of one
    _on_the_way: int = 0
    _stopped: str = ""  # why it cannot go on
    _seed: int = 0
    _first: Any = None  # the controls at step 0
    _controls: Any = None
    _changes: dict[int, dict[str, Any]] = field(default_factory=dict)
    _number: int = 0  # of steps done
    _state: Any = None

    def receive(self, message: Mapping[str, Any]) -> None:
        """Take a message of the browser."""
        self._inbox.put(message)

    def close(self) -> None:
        """End the thread after the step that it is in."""
        self._closed.set()
        self._inbox.put({})

    def work(self) -> None:
        """Move on and send pictures until the page is closed."""
        self._seed, self._first = self.begun.seed, self.begun.controls
        self._begin()
        self._replay()
        due = time.monotonic()
        while not self._closed.is_set():
            moves = self._running and not self._stopped and self._on_the_way < _AHEAD
            wait = max(0.0, due - time.monotonic()) if moves else None
            changed = self._take_messages(wait)
            if self._closed.is_set():
                return
            if moves and self._running and not self._stopped and time.monotonic() >= due:
                due = max(due + PERIOD, time.monotonic())
                changed = self._move() or changed
            if changed:
                self._show()

    def _take_messages(self, wait: float | None) -> bool:
        """Wait for a message and take all that have come; say whether the picture is another then."""
        changed = False
        try:
            changed = self._take(self._inbox.get(timeout=wait))
            while True:
                changed = self._take(self._inbox.get_nowait()) or changed
        except queue.Empty:
            return changed

    def _take(self, message: Mapping[str, Any]) -> bool:
        match message:
            case {"painted": int()}:
                self._on_the_way = max(0, self._on_the_way - 1)
            case {"set": dict() as texts}:
                return self._set(texts)
            case {"run": bool() as running}:
                self._running = running
                return True
            case {"step": _}:
                self._running = False
                self._guarded(self._step)
                return True
            case {"speed": int() | float() as speed}:
                self._speed = min(max(float(speed), 0.01), 1.0)
            case {"reset": int() as seed} if 0 <= seed < 2**31:
                self._seed, self._first = seed, self._controls
                self._begin()
                return True
            case {"script": _}:
                self._running = False
                self._send(script=self._script(), command=command(self.page, self._controls))
            case {"link": _}:
                self._running = False
                self._send(link=write(self.page, self._first, self._seed, self._number, self._changes))
        return False

    def _set(self, texts: Mapping[str, Any]) -> bool:
        """Move controls; what cannot be is answered with a sentence."""
        values, problems = {}, {}
        for name, text in texts.items():
            try:
                values[name] = controls.read(self.page.controls, name, str(text))
                problems[name] = ""
            except InputError as error:
                problems[name] = str(error)
        self._send(problems=problems)
        values = {name: value for name, value in values.items() if value != getattr(self._controls, name)}
        if not values:
            return False
        self._controls = replace(self._controls, **values)
        if any(self.page.control(name).restarts for name in values) or self._stopped:
            self._first = self._controls
            self._begin()
        else:
            self._changes.setdefault(self._number, {}).update(values)
        return True

    def _begin(self) -> None:
        """Start from the first controls."""
        self._send(status="compiling")
        self._stopped, self._changes, self._number, self._owed = "", {}, 0, 0.0
        self._controls = self._first
        self._state = None
        self._guarded(self._start)
        self._show()

    def _start(self) -> None:
        self._state = self.page.module.start(self._controls, jax.random.key(self._seed))

    def _replay(self) -> None:
        """Go on to the step that a link tells, with what was moved on the way."""
        for _ in range(self.begun.steps):
            if self._closed.is_set() or self._stopped:
                break
            self._change(self.begun.changes.get(self._number, {}))
            self._guarded(self._step)
        if self.begun.steps:
            self._change(self.begun.changes.get(self._number, {}))
            self._running = False
            self._show()

    def _change(self, values: Mapping[str, Any]) -> None:
        if values:
            self._controls = replace(self._controls, **values)
            self._changes[self._number] = dict(values)

    def _move(self) -> bool:
        """Take the steps between two pictures; say whether there were any."""
        self._owed += self.page.module.STEPS * self._speed
        steps = int(self._owed)
        self._owed -= steps
        for _ in range(steps):
            if not self._stopped:
                self._guarded(self._step)
        return steps > 0

    def _step(self) -> None:
        self._state = self.page.module.step(self._state, self._controls)
        self._number += 1
        if name := _not_finite(self._state):
            self._stopped = f"{name} is no longer finite after step {self._number}; reset, or choose other values"

    def _show(self) -> None:
        """Send the picture, with the numbers and missions that belong to it."""
        content = {} if self._state is None else self._guarded(self._content) or {}
        status = "stopped" if self._stopped else "running" if self._running else "paused"
        texts = controls.write_all(self._controls)
        self._on_the_way += 1
        self._send(
            status=status, stopped=self._stopped, step=self._number, seed=self._seed, controls=texts, picture=content
        )

    def _content(self) -> dict[str, Any]:
        module = self.page.module
        measures = self.page.measures(self._state, self._controls)
        return {
            "panels": module.picture(self._state, self._controls),
            "numbers": module.numbers(self._state, self._controls),
            "missions": [mission.is_done(measures) for mission in self.page.missions],
        }

    def _script(self) -> str:
        return script(self.page, self._first, self._changes, self._seed, self._number)

    def _guarded(self, action: Callable[[], Any]) -> Any:
        """Do what may fail; then the run stops and says why."""
        try:
            return action()
        except (InputError, DivergedError) as error:
            self._stopped = str(error)
        except Exception as error:
            traceback.print_exception(error)
            self._stopped = _MISTAKE + (str(error).partition("\n")[0] or type(error).__name__)
        return None

    def _send(self, **message: Any) -> None:
        if not self._closed.is_set():
            self.send(encode(message))


def _not_finite(state: Any) -> str:
    """Name the first part of a state that holds NaN or ∞, if one does."""
    for path, leaf in jax.tree_util.tree_leaves_with_path(state):
        if isinstance(leaf, jax.Array | np.ndarray) and jnp.issubdtype(leaf.dtype, np.floating):
            if not np.isfinite(np.asarray(leaf)).all():
                return jax.tree_util.keystr(path).lstrip(".")
        elif isinstance(leaf, float) and not np.isfinite(leaf):
            return jax.tree_util.keystr(path).lstrip(".")
    return ""
