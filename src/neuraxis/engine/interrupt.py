"""Deferral of Ctrl-C to the end of a step or of a write."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn


class InterruptBetweenSteps:
    """Defer an interrupt until `check` is called, so that the state is consistent when `KeyboardInterrupt` is raised.

    An exception raised at an arbitrary point can also be lost: Python ignores those raised in callbacks of the garbage
    collector, and JAX has one. A second Ctrl-C interrupts a long step at once; once `check` has raised, further ones
    have no effect until the context ends, so that the caller can save the state. Use as a context manager; it has no
    effect in threads other than the main one, or if the program handles the signal itself.
    """

    def __init__(self):
        self._asked = False
        self._ours = threading.current_thread() is threading.main_thread()

    def __enter__(self) -> "InterruptBetweenSteps":
        self._ours = self._ours and signal.getsignal(signal.SIGINT) is signal.default_int_handler
        if self._ours:
            signal.signal(signal.SIGINT, self._remember)
        return self

    def __exit__(self, kind, *_) -> None:
        if self._ours:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        if self._asked and kind is None:  # it came after the last check
            raise KeyboardInterrupt

    def _remember(self, signum, frame) -> None:
        self._asked = True
        signal.signal(signal.SIGINT, signal.default_int_handler)

    @property
    def asked(self) -> bool:
        """Whether an interrupt was requested in this process."""
        return self._asked

    def check(self) -> None:
        """Raise `KeyboardInterrupt` if an interrupt was requested."""
        if self._asked:
            self.stop()

    def stop(self) -> NoReturn:
        """Raise `KeyboardInterrupt`, whichever process it was requested in."""
        if self._ours:
            signal.signal(signal.SIGINT, lambda *_: None)
        raise KeyboardInterrupt


@contextmanager
def hold_interrupts() -> Iterator[None]:
    """Defer interrupts while something is written; one that occurs is handled at the end as usual.

    This has no effect in threads other than the main one, since Python handles signals in the main thread only.
    """
    usual = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(usual):
        yield
        return
    came: list[int] = []
    signal.signal(signal.SIGINT, lambda signum, _: came.append(signum))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, usual)
        if came:
            signal.raise_signal(signal.SIGINT)
