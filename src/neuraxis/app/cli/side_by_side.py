"""Tasks side by side, in a few processes that each take one after the other.

A quick experiment spends most of its time compiling, on one core: 37 of them took 4 min 4 s two at a time on two cores,
instead of 5 min 50 s. (`concurrent.futures` cannot interrupt a task that is under way and hear what it says to that.)
"""

import io
import multiprocessing
import os
import pickle
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection, wait
from typing import Any

from neuraxis import process
from neuraxis.app import cli

# A fresh interpreter each: JAX has threads, with which a process must not be forked.
_context = multiprocessing.get_context("spawn")


def run_all(tasks: Sequence[Callable[[], Any]], at_once: int) -> Generator[Any, None, None]:
    """Do all tasks, and give what they return in their order, each as soon as it and those before it are there.

    With `at_once=1` they are done in this process. An interrupt ends all that are under way; what they say of going on
    is in its message. Close the iterator when done with it early.

    Args:
        tasks: functions without arguments, which can be pickled, as what they return.
        at_once: how many processes.

    Raises:
        Exception: the first that a task raises; the others are interrupted then.
        MemoryError: where the system ended one of the processes.
    """
    if at_once == 1:
        yield from (task() for task in tasks)
        return
    workers = _Workers(min(at_once, len(tasks)))
    begun, done = 0, {}
    try:
        for index in range(len(tasks)):
            while index not in done:
                while begun < len(tasks) and workers.begin(begun, tasks[begun]):
                    begun += 1
                done |= workers.finished()
            yield done.pop(index)
    except KeyboardInterrupt as interrupt:
        said = [text.removeprefix("interrupted; ") for text in (str(interrupt), *workers.interrupt()) if text]
        raise KeyboardInterrupt("; ".join(["interrupted", *said])) from None
    except BaseException:
        workers.interrupt()
        raise
    finally:
        workers.end()


class _Workers:
    """Processes, by our end of the pipe to each."""

    def __init__(self, count: int):
        self._processes: dict[Any, Any] = {}
        self._busy: dict[Any, int | None] = {}  # with which task; None is with starting
        with _interrupts_ignored():
            for _ in range(count):
                ours, theirs = _context.Pipe()
                worker = _context.Process(target=_work, args=(theirs,), daemon=True)
                worker.start()
                theirs.close()
                self._processes[ours], self._busy[ours] = worker, None

    def begin(self, index: int, task: Callable[[], Any]) -> bool:
        """Begin a task where a process is free for it, and say whether there was one."""
        pipe = next((pipe for pipe in self._processes if pipe not in self._busy), None)
        if pipe is not None:
            self._busy[pipe] = index
            pipe.send(task)
        return pipe is not None

    def finished(self) -> dict[int, Any]:
        """Wait until a process is free, and give what the tasks that are done have returned, by their index."""
        found = {}
        pipes: list[Any] = wait(list(self._busy))
        for pipe in pipes:
            try:
                value, error = pipe.recv()
            except (EOFError, OSError):
                self._processes[pipe].join()
                code = self._processes[pipe].exitcode
                raise MemoryError(f"a process was ended from outside, with code {code}") from None
            finally:
                index = self._busy.pop(pipe)
            if error is not None:
                raise error
            if index is not None:
                found[index] = value
        return found

    def interrupt(self) -> list[str]:
        """End what is under way, let it save what it has, and give what it says of that."""
        working = [pipe for pipe, index in self._busy.items() if index is not None]
        for pipe in working:
            os.kill(self._processes[pipe].pid, signal.SIGINT)
        said = []
        for pipe in working:
            with suppress(EOFError, OSError):
                _, error = pipe.recv()
                if isinstance(error, KeyboardInterrupt):
                    said.append(str(error))
        return said

    def end(self) -> None:
        for pipe in self._processes:
            pipe.close()


@contextmanager
def _interrupts_ignored() -> Iterator[None]:
    """Let processes that are started be deaf to Ctrl-C until they say otherwise."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    usual = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, usual)


def _work(pipe: Connection) -> None:
    """Do the tasks that come through the pipe, until it is closed."""
    if hasattr(os, "setpgrp"):
        os.setpgrp()  # Ctrl-C reaches the program alone, which passes it on: once, whoever sent it
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.unraisablehook = cli.interrupt_again
    # Progress bars of several processes would overwrite each other: plain lines do not.
    sys.stderr = _Lines(sys.stderr.buffer, errors="replace", line_buffering=True)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    process.tune()
    try:
        pipe.send((None, None))  # it has started
        while True:
            pipe.send(_answer(pipe.recv()))
    except (EOFError, OSError, KeyboardInterrupt):  # nobody waits for more
        pass


def _answer(task: Callable[[], Any]) -> tuple[Any, BaseException | None]:
    try:
        return task(), None
    except KeyboardInterrupt as interrupt:
        return None, KeyboardInterrupt(str(interrupt))
    except Exception as error:
        error.add_note("".join(traceback.format_exception(error)))
        try:
            pickle.loads(pickle.dumps(error))
        except Exception:
            return None, RuntimeError("".join(traceback.format_exception(error)))
        return None, error


class _Lines(io.TextIOWrapper):
    def isatty(self) -> bool:
        return False


def _end_with_parent() -> None:
    """Do not go on for minutes where the program was killed."""
    if parent := multiprocessing.parent_process():
        parent.join()
        os._exit(1)
