"""Settings of the whole process that make JAX faster on a CPU. They must be made before JAX is imported.

The command line and the benchmarks make them. A program that uses neuraxis as a library is left alone, unless it asks:

    import neuraxis.process
    neuraxis.process.tune()
    import jax
"""

import ctypes
import importlib.metadata
import os
import platform
import sys
from functools import cache
from pathlib import Path

from neuraxis.errors import InputError

# Names of glibc's mallopt parameters and their values.
_KEEP_FREED_MEMORY = {
    -4: 0,  # M_MMAP_MAX: large arrays come from the heap, too,
    -1: 2**31 - 1,  # M_TRIM_THRESHOLD: which is not given back
    -2: 64 << 20,  # M_TOP_PAD: and grows in large steps;
    -8: 1,  # M_ARENA_MAX: all threads share it.
}
_BY_EIGEN = "--xla_cpu_experimental_ynn_fusion_type=LIBRARY_FUSION_TYPE_DOT,LIBRARY_FUSION_TYPE_INDIVIDUAL_DOT"
_NOT_UNROLLED = "--xla_backend_extra_options=xla_cpu_disable_loop_unrolling"


def tune(*, short: bool = False) -> tuple[str, ...]:
    """Set the process up for speed on a CPU, and say in words what was set.

    - With glibc, freed memory is kept for the next array: JAX takes and gives back its arrays at every step, and
      without this much of the time of a step goes into fetching fresh pages. The process keeps its peak of memory.
    - With jaxlib 0.10, convolutions are left to Eigen, which is faster there than the library that XLA chooses. The
      flag goes into the environment variable XLA_FLAGS, unless it is there already.
    - For a short run, XLA does not unroll loops, which it does at length for small arrays: compiling takes a third to a
      half less time, and some programs run a little slower.

    Args:
        short: whether compiling will take much of the time.

    Raises:
        InputError: if JAX has been imported already.
    """
    if "jax" in sys.modules:
        raise InputError("neuraxis.process.tune() must be called before jax is imported, but jax is there already")
    settings = [_keep_freed_memory()]
    if importlib.metadata.version("jaxlib").startswith("0.10."):
        settings.append(_flag(_BY_EIGEN, "convolutions by Eigen"))
    if short:
        settings.append(_flag(_NOT_UNROLLED, "loops not unrolled"))
    return tuple(filter(None, settings))


def _keep_freed_memory() -> str:
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt is None or not all(mallopt(name, value) for name, value in _KEEP_FREED_MEMORY.items()):
        return ""
    return "freed memory kept"


def _flag(flag: str, what: str) -> str:
    """Add a flag that this jaxlib is known to have: XLA ends the process at one that it does not know."""
    flags = os.environ.get("XLA_FLAGS", "")
    if flag.split("=")[0] in flags:
        return ""
    os.environ["XLA_FLAGS"] = f"{flags} {flag}".strip()
    return what


@cache
def instruction_set() -> str:
    """Name the widest vectors that this processor has, on which speed depends: "AVX-512", "AVX2", or else its kind."""
    info = Path("/proc/cpuinfo")
    flags = info.read_text().split() if info.exists() else []
    return "AVX-512" if "avx512f" in flags else "AVX2" if "avx2" in flags else platform.machine()
