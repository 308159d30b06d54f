"""A progress bar on a terminal, plain lines where there is none."""

import sys
import time

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

_SECONDS_BETWEEN_LINES = 10.0


class Progress:
    """Shows how far a long run is, a note such as the loss, and the time left; `label=None` shows nothing.

    Use as a context manager and call `advance`. Writes to standard error, so that results can be piped.
    """

    def __init__(self, total: int, label: str | None, done: int = 0):
        self._total, self._label, self._done, self._first = total, label, done, done
        self._began = self._last_line = time.monotonic()
        self._bar = None
        if label is not None and sys.stderr.isatty():
            columns = (
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TextColumn("{task.fields[note]}"),
                TimeElapsedColumn(),
                TextColumn("left"),
                TimeRemainingColumn(),
            )
            self._bar = Bar(*columns, console=Console(stderr=True))
            self._task = self._bar.add_task(label, total=total, completed=done, note="")

    def __enter__(self) -> "Progress":
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(self, *_) -> None:
        if self._bar is not None:
            self._bar.stop()

    def advance(self, steps: int, note: str = "") -> None:
        """Say that `steps` more steps are done."""
        self._done += steps
        if self._bar is not None:
            self._bar.update(self._task, completed=self._done, note=note)
        elif self._label is not None and time.monotonic() - self._last_line > _SECONDS_BETWEEN_LINES:
            self._last_line = time.monotonic()
            left = (self._last_line - self._began) / (self._done - self._first) * (self._total - self._done)
            parts = [f"{self._label}: {self._done}/{self._total}", note, f"{left:.0f} s left"]
            print(", ".join(part for part in parts if part), file=sys.stderr, flush=True)
