"""Compile a kernel once for each version of its source and of JAX, and hand it to XLA."""

import ctypes
import hashlib
import os
import platform
import shutil
import subprocess
import tempfile
from functools import cache
from importlib.metadata import version
from pathlib import Path

import jax

_FLAGS = ("-std=c++17", "-O3", "-shared", "-fPIC", "-fvisibility=default")
_TIMEOUT = 120  # [s]


@cache
def compiled(kernel: str, *targets: str) -> bool:
    """Make the functions `targets` of the file `<kernel>.cc` callable by `jax.ffi.ffi_call` on a CPU.

    Returns False, and changes nothing, where that cannot be done: there is no compiler, the folder of compiled kernels
    cannot be written or found, or the compiler fails.
    """
    try:
        library = ctypes.CDLL(str(_library(Path(__file__).with_name(f"{kernel}.cc"))))
        handlers = {name: jax.ffi.pycapsule(getattr(library, name)) for name in targets}
    except (OSError, RuntimeError, subprocess.SubprocessError, AttributeError):  # RuntimeError: there is no home folder
        return False
    for name, handler in handlers.items():
        jax.ffi.register_ffi_target(name, handler, platform="cpu")
    return True


def _library(source: Path) -> Path:
    """Give the compiled file, made now unless it is there already."""
    compiler = next(filter(None, map(shutil.which, (os.environ.get("CXX", "c++"), "g++", "clang++"))), None)
    if compiler is None:
        raise FileNotFoundError("there is no C++ compiler")
    text = source.read_bytes()
    made_of = text + repr((_FLAGS, version("jaxlib"), platform.machine())).encode()
    folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "neuraxis" / "kernels"
    library = folder / f"{source.stem}-{hashlib.sha256(made_of).hexdigest()[:16]}.so"
    if not library.exists():
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder) as place:
            made = Path(place) / library.name
            command = [compiler, *_FLAGS, f"-I{jax.ffi.include_dir()}", str(source), "-o", str(made)]
            subprocess.run(command, check=True, capture_output=True, timeout=_TIMEOUT)
            made.replace(library)  # at once, so that another process never finds half a file
    return library
