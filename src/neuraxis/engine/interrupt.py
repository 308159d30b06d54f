"""Ctrl-C between two steps instead of in the middle of one."""

import signal
import threading


class InterruptBetweenSteps:
    """Hold an interrupt back until `check` is called, so that the state is whole when `KeyboardInterrupt` is raised.

    An exception raised wherever the program happens to be can also be lost: Python ignores those that fall into a
    garbage collector's callback, and JAX has one. A second Ctrl-C interrupts at once. Use as a context manager; in
    threads other than the main one, and where the program handles the signal itself, nothing changes.
    """

    def __init__(self):
        self._asked = False
        self._ours = threading.current_thread() is threading.main_thread()

    def __enter__(self) -> "InterruptBetweenSteps":
        self._ours = self._ours and signal.getsignal(signal.SIGINT) is signal.default_int_handler
        if self._ours:
            signal.signal(signal.SIGINT, self._remember)
        return self

    def __exit__(self, *_) -> None:
        if self._ours:
            signal.signal(signal.SIGINT, signal.default_int_handler)

    def _remember(self, signum, frame) -> None:
        self._asked = True
        signal.signal(signal.SIGINT, signal.default_int_handler)

    def check(self) -> None:
        """Raise `KeyboardInterrupt` if an interrupt was asked for."""
        if self._asked:
            raise KeyboardInterrupt
