"""The folder of a run: named once, held by one process at a time, and left only where something was made in it."""

import itertools
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from neuraxis.errors import InputError

try:
    import fcntl
except ImportError:  # Windows has no such locks: nothing is held there
    fcntl = None

PARENT = Path("runs")
_LOCK = ".lock"


@contextmanager
def hold(folder: Path | None, name: str) -> Iterator[Path]:
    """Make a folder and keep every other run out of it, even one on another host, until the context ends.

    What is empty then and was not there before is removed again. The lock is the system's, which forgets it with the
    process: a run that was killed holds nothing.

    Args:
        folder: the folder; None makes one in runs/ that is named after the run and the time.
        name: what is run.

    Raises:
        InputError: where the folder cannot be made, or another run holds it.
    """
    if folder is None:
        folder, made = _make_new(name)
    else:
        made = _make(folder)
    try:
        with _locked(folder):
            yield folder
    finally:
        _remove_empty(made)


def content(folder: Path) -> set[str]:
    """Name what lies in a folder, but for its lock; where there is no folder, that is nothing."""
    try:
        return {file.name for file in folder.iterdir()} - {_LOCK}
    except FileNotFoundError:
        return set()


def _make_new(name: str) -> tuple[Path, list[Path]]:
    made, stem = _make(PARENT), f"{name}-{datetime.now():%Y%m%d-%H%M%S}"
    for number in itertools.count(1):
        # Others may have begun in the same second.
        folder = PARENT / (stem if number == 1 else f"{stem}-{number}")
        if inner := _make(folder):
            return folder, inner + made
    raise AssertionError


def _make(folder: Path) -> list[Path]:
    """Make a folder and those that it lies in, and name the ones that were not there, from the inside out."""
    made = []
    try:
        for each in (*reversed(folder.parents), folder):
            try:
                each.mkdir()
            except FileExistsError:
                if not each.is_dir():
                    raise
            except OSError:  # such as a root that cannot be written, where it need not be
                if not each.is_dir():
                    raise
            else:
                made.insert(0, each)
    except (OSError, ValueError) as error:
        _remove_empty(made)
        why = getattr(error, "strerror", None) or error
        raise InputError(f"the folder {folder} cannot be created ({why}); choose another with --out") from None
    return made


def _remove_empty(folders: list[Path]) -> None:
    for folder in folders:
        try:
            folder.rmdir()
        except OSError:  # it holds something, or is gone
            return


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    path = folder / _LOCK
    handle = _lock(folder, path)
    try:
        yield
    finally:
        try:
            if os.path.samestat(os.fstat(handle), path.stat()):  # not where somebody removed it in the middle
                path.unlink()
        except OSError:
            pass
        os.close(handle)


def _lock(folder: Path, path: Path) -> int:
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            if fcntl is not None:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            owner = os.read(handle, 200).decode(errors="replace").strip()
            os.close(handle)
            raise InputError(f"{folder} is in use by another run that is still active ({owner})") from None
        except OSError:  # this file system has no locks
            pass
        try:
            if os.path.samestat(os.fstat(handle), path.stat()):
                break
        except FileNotFoundError:  # its last owner has just removed it
            pass
        os.close(handle)
    os.ftruncate(handle, 0)
    os.write(handle, f"process {os.getpid()} on {socket.gethostname()}\n".encode())
    return handle
