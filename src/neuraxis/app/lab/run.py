"""A running page: its model advances in its own thread, and its pictures are sent to the browser."""

import queue
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from neuraxis.app.lab import controls
from neuraxis.app.lab.address import Start
from neuraxis.app.lab.live import Live
from neuraxis.app.lab.page import Page
from neuraxis.app.lab.wire import encode
from neuraxis.errors import InputError

_PERIOD = 1 / 30  # between two pictures [s]
_AHEAD = 2  # pictures sent that the browser has not painted yet


class Run:
    """One page in one browser tab.

    `receive` takes the messages of the browser, from any thread; `work` is run by the thread of the page until `close`.
    Every message sent is a dictionary, encoded by `wire`.
    """

    def __init__(self, page: Page, start: Start, send: Callable[[bytes], None]):
        self._page, self._start, self._send_bytes = page, start, send
        self._inbox: queue.SimpleQueue = queue.SimpleQueue()
        self._closed = threading.Event()
        self._running = True
        self._speed = 1.0
        self._owed = 0.0  # steps; in slow motion also fractions of one
        self._on_the_way = 0

    def receive(self, message: Mapping[str, Any]) -> None:
        """Take a message from the browser."""
        self._inbox.put(message)

    def close(self) -> None:
        """End the thread after its current step."""
        self._closed.set()
        self._inbox.put({})

    def work(self) -> None:
        """Advance and send pictures until the page is closed."""
        self._send(status="compiling")
        self._live = Live(self._page, self._start.controls, self._start.seed)
        self._replay()
        self._show()
        due = time.monotonic()
        while not self._closed.is_set():
            wait = max(0.0, due - time.monotonic()) if self._moves() else None
            changed = self._take_messages(wait)
            if self._moves() and time.monotonic() >= due:
                due = max(due + _PERIOD, time.monotonic())
                changed = self._move() or changed
            if changed:
                self._show()

    def _moves(self) -> bool:
        return self._running and not self._live.stopped and self._on_the_way < _AHEAD

    def _take_messages(self, wait: float | None) -> bool:
        """Wait for a message and process all received; return whether the picture has changed."""
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
                self._live.step()
                return True
            case {"speed": int() | float() as speed}:
                self._speed = min(max(float(speed), 0.01), 1.0)
            case {"reset": int() as seed} if 0 <= seed < 2**31:
                self._live.seed = seed
                self._begin()
                return True
            case {"script": _}:
                self._running = False
                self._send(**self._live.script())
                return True
            case {"link": _}:
                self._running = False
                self._send(**self._live.link())
                return True
        return False

    def _set(self, texts: Mapping[str, Any]) -> bool:
        """Change controls; invalid values are answered with a message."""
        values, problems = {}, {}
        for name, text in texts.items():
            try:
                values[name] = controls.read(self._page.controls, name, str(text))
                problems[name] = ""
            except InputError as error:
                problems[name] = str(error)
        self._send(problems=problems)
        moved = {name: value for name, value in values.items() if value != getattr(self._live.controls, name)}
        if moved and self._live.change(moved):
            self._begin()
        return bool(moved)

    def _begin(self) -> None:
        """Restart from the current controls."""
        self._send(status="compiling")
        self._owed = 0.0
        self._live.begin(self._live.controls)

    def _replay(self) -> None:
        """Advance to the step of a link, with the changes of controls on the way, and pause there."""
        for number in range(self._start.steps + 1):
            if self._closed.is_set() or self._live.stopped:
                return
            self._live.change(self._start.changes.get(number, {}))
            if number < self._start.steps:
                self._live.step()
        self._running = self._start.steps == 0

    def _move(self) -> bool:
        """Take the steps between two pictures; return whether there were any."""
        self._owed += self._page.module.STEPS * self._speed
        steps = int(self._owed)
        self._owed -= steps
        for _ in range(steps):
            self._live.step()
        return steps > 0

    def _show(self) -> None:
        """Send the picture and the status of the run."""
        content = self._live.content()
        # The first step compiles.
        running = "running" if self._live.steps else "compiling"
        status = "stopped" if self._live.stopped else running if self._running else "paused"
        self._on_the_way += 1
        self._send(
            status=status,
            stopped=self._live.stopped,
            step=self._live.steps,
            seed=self._live.seed,
            controls=self._live.values(),
            picture=content,
        )

    def _send(self, **message: Any) -> None:
        if not self._closed.is_set():
            self._send_bytes(encode(message))
