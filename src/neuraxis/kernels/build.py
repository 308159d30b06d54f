"""Compile a kernel once for each version of its source and of JAX, and hand it to XLA."""

import ctypes
import hashlib
import os
import platform
import shutil
import stat
import subprocess
import tempfile
from functools import cache
from importlib.metadata import version
from pathlib import Path

import jax

_FLAGS = ("-std=c++17", "-O3", "-shared", "-fPIC", "-fvisibility=default")
_NATIVE = "-march=native"  # all instructions that this processor has, which another may lack
_PROCESSOR = ("vendor_id", "cpu family", "model", "stepping", "flags", "CPU ", "Features")  # lines of /proc/cpuinfo
_TIMEOUT = 120  # [s]
_OTHERS = stat.S_IWGRP | stat.S_IWOTH


@cache
def compiled(kernel: str, *targets: str) -> bool:
    """Make the functions `targets` of the file `<kernel>.cc` callable by `jax.ffi.ffi_call` on a CPU.

    What is compiled is kept in the user's cache folder. It is loaded from there only while nobody else can have put it
    there, and if it is whole; else it is compiled anew, in a temporary folder where the cache folder is not safe.
    Where the processor is known, a library is for processors of its kind only, and says so in its name: several
    machines may share a home. Returns False, and changes nothing, where there is no compiler, the compiler fails, or
    the library lacks a function.
    """
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
    """Load what was compiled before, or compile it into the cache; None where the cache cannot be used safely.

    The name of a library says what it was made of and the digest of its bytes.
    """
    try:
        folder = _cache_folder()
        if folder is None:
            return None
        stem = f"{source.stem}-{_digest(_text(source) + _how(flags))}"
        for library in folder.glob(f"{stem}-*.so"):
            if library.is_symlink() or library.name != f"{stem}-{_digest(library.read_bytes())}.so":
                library.unlink()  # cut short, or changed
                continue
            return ctypes.CDLL(str(library))
        with tempfile.TemporaryDirectory(dir=folder) as place:
            made = _compile(source, Path(place), flags)
            made.chmod(stat.S_IRWXU)  # whatever the umask
            library = folder / f"{stem}-{_digest(made.read_bytes())}.so"
            made.replace(library)  # at once, so that another process never finds half a file
        return ctypes.CDLL(str(library))
    except OSError:  # the disk is full, or the folder vanished
        return None


def _from_temporary_folder(source: Path, flags: tuple[str, ...]) -> ctypes.CDLL:
    with tempfile.TemporaryDirectory() as place:  # for this user only
        return ctypes.CDLL(str(_compile(source, Path(place), flags)))  # stays loaded when the file is gone


def _compile(source: Path, place: Path, flags: tuple[str, ...]) -> Path:
    compiler = next(filter(None, map(shutil.which, (os.environ.get("CXX", "c++"), "g++", "clang++"))), None)
    if compiler is None:
        raise FileNotFoundError("there is no C++ compiler")
    made = place / "kernel.so"
    command = [compiler, *flags, f"-I{jax.ffi.include_dir()}", str(source), "-o", str(made)]
    subprocess.run(command, check=True, capture_output=True, timeout=_TIMEOUT)
    return made


def _cache_folder() -> Path | None:
    """Return the folder for compiled kernels, made now if need be; None if others than the user can change it."""
    if not hasattr(os, "getuid"):
        return None
    try:
        root = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    except RuntimeError:  # there is no home
        return None
    if not root.is_absolute():  # the standard says to ignore it
        return None
    root.mkdir(mode=stat.S_IRWXU, parents=True, exist_ok=True)
    folder = root.resolve() / "neuraxis" / "kernels"
    for part in (folder.parent, folder):
        part.mkdir(mode=stat.S_IRWXU, exist_ok=True)
    return folder if _is_safe(folder) else None


def _is_safe(folder: Path) -> bool:
    """Tell whether a folder is the user's own and whether nobody else can write to it or exchange what is above it."""
    own = folder.lstat()
    if not stat.S_ISDIR(own.st_mode) or own.st_uid != os.getuid() or own.st_mode & _OTHERS:
        return False
    for parent in folder.parents:
        info = parent.lstat()
        # In a folder with the sticky bit, such as /tmp, nobody can exchange what belongs to another.
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
    """Tell the kinds of the processors of this machine, and all that they can do; nothing where that is not known."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    return "\n".join(sorted({line for line in lines if line.startswith(_PROCESSOR)}))


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]
