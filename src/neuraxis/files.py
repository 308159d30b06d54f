"""Atomic writing of files."""

import os
import re
import socket
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedIOBase
from pathlib import Path


def write_atomically(path: os.PathLike | str, content: bytes | str) -> None:
    """Write to a temporary file beside `path` and rename it, so that readers see the complete old or new content.

    Raises:
        OSError: if the folder cannot be written or is full; an existing file is then left unchanged.
    """
    with writing(path) as file:
        file.write(content.encode() if isinstance(content, str) else content)


@contextmanager
def writing(path: os.PathLike | str) -> Iterator[BufferedIOBase]:
    """Open a temporary file beside `path`, which is renamed to it on exit: `write_atomically` in several writes.

    An existing file keeps its permissions, and a symbolic link still leads to the file that is written.

    Raises:
        OSError: if the folder cannot be written or is full; an existing file is then left unchanged.
    """
    path = _target(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.{_host()}.{os.getpid()}.")
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, stat.S_IMODE(path.stat().st_mode) if path.exists() else 0o666 & ~_umask())
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def check_writable(path: os.PathLike | str) -> None:
    """Check, before a long computation, that a file can be written at `path`, by creating an empty one beside it.

    Raises:
        OSError: if the folder cannot be written.
    """
    path = _target(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=path.parent):
        pass


def sweep(path: os.PathLike | str) -> None:
    """Remove the temporary files beside `path` whose writers were killed.

    Call this before the process writes to `path` itself. Files of running processes are kept, as are those of other
    hosts, whose processes cannot be checked from here.
    """
    path = _target(path)
    leftover = re.compile(rf"\.{re.escape(path.name)}\.{re.escape(_host())}\.(\d+)\.\w+")
    for file in path.parent.iterdir() if path.parent.is_dir() else ():
        match = leftover.fullmatch(file.name)
        if match and not _is_another_living_process(int(match[1])):
            file.unlink(missing_ok=True)


def _target(path: os.PathLike | str) -> Path:
    """Return the path of the file itself, if `path` is a symbolic link to it."""
    return Path(os.path.realpath(path)) if os.path.islink(path) else Path(path)


def _host() -> str:
    return re.sub(r"[^\w-]", "-", socket.gethostname())


def _is_another_living_process(number: int) -> bool:
    if number == os.getpid():  # in a container, a process often has the ID of its predecessor
        return False
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    except OSError:  # the process belongs to another user
        pass
    return True


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
