"""A progress bar on a terminal, plain lines elsewhere."""

import sys
import time
from datetime import timedelta
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar

from neuraxis.check import received
from neuraxis.errors import InputError

_SECONDS_BETWEEN_LINES = 10.0


def check_label(label: Any) -> None:
    """Check that the label of a progress bar is a string or None.

    Raises:
        InputError: for anything else.
    """
    if not (label is None or isinstance(label, str)):
        raise InputError(f"progress must be None, or a string to label the progress bar, but is {received(label)}")


class Progress:
    """Display of the progress of a long run, a note such as the loss, and the time left; `label=None` shows nothing.

    The time left is estimated from the mean rate since the first call of `advance`, as the time before is mostly spent
    on compilation; it is unknown until the second call.

    Use as a context manager and call `advance`. Writes to standard error, so that results can be piped.
    """

    def __init__(self, total: int, label: str | None, done: int = 0):
        self._total, self._label, self._done = total, label, done
        self._last_line = time.monotonic()
        self._compiled: tuple[float, int] | None = None  # time of, and steps done at, the first call of `advance`
        self._bar = None
        if label is not None and sys.stderr.isatty():
            columns = (
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TextColumn("{task.fields[note]}"),
                TimeElapsedColumn(),
                TextColumn("{task.fields[left]}"),
            )
            self._bar = Bar(*columns, console=Console(stderr=True))
            self._task = self._bar.add_task(label, total=total, completed=done, note="", left="")

    def __enter__(self) -> "Progress":
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(self, *_) -> None:
        if self._bar is not None:
            self._bar.stop()

    def advance(self, steps: int, note: str = "") -> None:
        """Report that `steps` more steps are done."""
        self._done += steps
        if self._label is None:
            return
        now = time.monotonic()
        left = self._seconds_left(now)
        if self._bar is not None:
            shown = "" if left is None else f"{timedelta(seconds=round(left))} left"
            self._bar.update(self._task, completed=self._done, note=note, left=shown)
        elif now - self._last_line > _SECONDS_BETWEEN_LINES:
            self._last_line = now
            parts = [f"{self._label}: {self._done}/{self._total}", note, "" if left is None else f"{left:.0f} s left"]
            print(", ".join(part for part in parts if part), file=sys.stderr, flush=True)

    def _seconds_left(self, now: float) -> float | None:
        if self._compiled is None:
            self._compiled = now, self._done
        since, first = self._compiled
        return (now - since) / (self._done - first) * (self._total - self._done) if self._done > first else None
