"""Compile a kernel once for each version of its source and of JAX, and register it with XLA."""

import ctypes
import hashlib
import os
import platform
import shutil
import stat
import subprocess
import tempfile
import threading
from functools import cache
from importlib.metadata import version
from pathlib import Path

import jax

_FLAGS = ("-std=c++17", "-O3", "-shared", "-fPIC", "-fvisibility=default")
_NATIVE = "-march=native"  # all instructions of this processor, some of which others may lack
_PROCESSOR = ("vendor_id", "cpu family", "model", "stepping", "flags", "CPU ", "Features")  # lines of /proc/cpuinfo
_TIMEOUT = 120  # [s]
_LOCK = threading.Lock()
_OTHERS = stat.S_IWGRP | stat.S_IWOTH


def compiled(kernel: str, *targets: str) -> bool:
    """Make the functions `targets` of the file `<kernel>.cc` callable by `jax.ffi.ffi_call` on a CPU.

    The compiled library is kept in the user's cache folder. It is loaded from there only if nobody else can have put it
    there and it is intact; otherwise it is recompiled, in a temporary folder if the cache folder is not safe. Where the
    processor is known, a library is specific to its kind and named accordingly, since several machines may share a
    home directory. Returns False, and changes nothing, if there is no compiler, the compiler fails, or the library
    lacks a function.
    """
    with _LOCK:  # XLA takes a name only once
        return _compiled(kernel, *targets)


@cache
def _compiled(kernel: str, *targets: str) -> bool:
    library = _library(Path(__file__).with_name(f"{kernel}.cc"))
    try:
        handlers = {name: jax.ffi.pycapsule(getattr(library, name)) for name in targets}
    except AttributeError:
        return False
    for name, handler in handlers.items():
        jax.ffi.register_ffi_target(name, handler, platform="cpu")
    return True


@cache
def _library(source: Path) -> ctypes.CDLL | None:
    for flags in ((*_FLAGS, _NATIVE), _FLAGS) if _processor() else (_FLAGS,):
        try:
            return _from_cache(source, flags) or _from_temporary_folder(source, flags)
        except (OSError, subprocess.SubprocessError):  # some compilers do not know the processor
            continue
    return None


def _from_cache(source: Path, flags: tuple[str, ...]) -> ctypes.CDLL | None:
    """Load the library from the cache, or compile it into the cache; return None if the cache is not safe to use.

    The name of a library contains a digest of its source and build settings, and a digest of its bytes.
    """
    try:
        folder = _cache_folder()
        if folder is None:
            return None
        stem = f"{source.stem}-{_digest(_text(source) + _how(flags))}"
        for library in folder.glob(f"{stem}-*.so"):
            if library.is_symlink() or library.name != f"{stem}-{_digest(library.read_bytes())}.so":
                library.unlink()  # truncated or altered
                continue
            return ctypes.CDLL(str(library))
        with tempfile.TemporaryDirectory(dir=folder) as place:
            made = _compile(source, Path(place), flags)
            made.chmod(stat.S_IRWXU)  # regardless of the umask
            library = folder / f"{stem}-{_digest(made.read_bytes())}.so"
            made.replace(library)  # atomic, so that another process never finds a partial file
        return ctypes.CDLL(str(library))
    except OSError:  # the disk is full, or the folder vanished
        return None


def _from_temporary_folder(source: Path, flags: tuple[str, ...]) -> ctypes.CDLL:
    with tempfile.TemporaryDirectory() as place:  # accessible to this user only
        return ctypes.CDLL(str(_compile(source, Path(place), flags)))  # stays loaded after the file is deleted


def _compile(source: Path, place: Path, flags: tuple[str, ...]) -> Path:
    compiler = next(filter(None, map(shutil.which, (os.environ.get("CXX", "c++"), "g++", "clang++"))), None)
    if compiler is None:
        raise FileNotFoundError("there is no C++ compiler")
    made = place / "kernel.so"
    command = [compiler, *flags, f"-I{jax.ffi.include_dir()}", str(source), "-o", str(made)]
    subprocess.run(command, check=True, capture_output=True, timeout=_TIMEOUT)
    return made


def _cache_folder() -> Path | None:
    """Return the folder for compiled kernels, created if necessary; None if other users can modify it."""
    if not hasattr(os, "getuid"):
        return None
    try:
        root = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    except RuntimeError:  # there is no home directory
        return None
    if not root.is_absolute():  # the XDG specification ignores relative paths
        return None
    root.mkdir(mode=stat.S_IRWXU, parents=True, exist_ok=True)
    folder = root.resolve() / "neuraxis" / "kernels"
    for part in (folder.parent, folder):
        part.mkdir(mode=stat.S_IRWXU, exist_ok=True)
    return folder if _is_safe(folder) else None


def _is_safe(folder: Path) -> bool:
    """Return whether a folder belongs to the user and nobody else can write to it or replace a folder above it."""
    own = folder.lstat()
    if not stat.S_ISDIR(own.st_mode) or own.st_uid != os.getuid() or own.st_mode & _OTHERS:
        return False
    for parent in folder.parents:
        info = parent.lstat()
        # In a folder with the sticky bit, such as /tmp, users cannot replace the files of others.
        closed = not info.st_mode & _OTHERS or info.st_mode & stat.S_ISVTX
        if not (stat.S_ISDIR(info.st_mode) and info.st_uid in (0, os.getuid()) and closed):
            return False
    return True


def _text(source: Path) -> bytes:
    """Read a kernel and the headers that it may include."""
    return b"".join(path.read_bytes() for path in (source, *sorted(source.parent.glob("*.h"))))


def _how(flags: tuple[str, ...]) -> bytes:
    processor = _processor() if _NATIVE in flags else ""
    return repr((flags, version("jaxlib"), platform.machine(), processor)).encode()


def _processor() -> str:
    """Return the models and features of the processors of this machine; empty if unknown."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    return "\n".join(sorted({line for line in lines if line.startswith(_PROCESSOR)}))


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]
