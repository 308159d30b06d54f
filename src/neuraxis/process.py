"""Settings of the whole process that make JAX faster on a CPU. They must be made before JAX is imported.

The command line and the benchmarks make them. A program that uses neuraxis as a library is left alone, unless it asks:

    import neuraxis.process
    neuraxis.process.tune()
    import jax
"""

import ctypes
import importlib.metadata
import os
import sys

from neuraxis.errors import InputError

# Names of glibc's mallopt parameters and their values.
_KEEP_FREED_MEMORY = {
    -4: 0,  # M_MMAP_MAX: large arrays come from the heap, too,
    -1: 2**31 - 1,  # M_TRIM_THRESHOLD: which is not given back
    -2: 64 << 20,  # M_TOP_PAD: and grows in large steps;
    -8: 1,  # M_ARENA_MAX: all threads share it.
}
_FLAG = "--xla_cpu_experimental_ynn_fusion_type"
_DOT_ONLY = f"{_FLAG}=LIBRARY_FUSION_TYPE_DOT,LIBRARY_FUSION_TYPE_INDIVIDUAL_DOT"


def tune() -> tuple[str, ...]:
    """Set the process up for speed on a CPU, and say in words what was set.

    - With glibc, freed memory is kept for the next array: JAX takes and gives back its arrays at every step, and
      without this much of the time of a step goes into fetching fresh pages. The process keeps its peak of memory.
    - With jaxlib 0.10, convolutions are left to Eigen, which is faster there than the library that XLA chooses. The
      flag goes into the environment variable XLA_FLAGS, unless it is there already.

    Raises:
        InputError: if JAX has been imported already.
    """
    if "jax" in sys.modules:
        raise InputError("neuraxis.process.tune() must be called before jax is imported, but jax is there already")
    return tuple(said for setting in (_keep_freed_memory, _convolve_by_eigen) if (said := setting()))


def _keep_freed_memory() -> str:
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt is None or not all(mallopt(name, value) for name, value in _KEEP_FREED_MEMORY.items()):
        return ""
    return "freed memory kept"


def _convolve_by_eigen() -> str:
    # XLA ends the process at a flag that it does not know, so it is set only where it is known.
    flags = os.environ.get("XLA_FLAGS", "")
    if not importlib.metadata.version("jaxlib").startswith("0.10.") or _FLAG in flags:
        return ""
    os.environ["XLA_FLAGS"] = f"{flags} {_DOT_ONLY}".strip()
    return "convolutions by Eigen"
