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
from collections.abc import Iterator
from contextlib import contextmanager, suppress
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
_ON_ONE_CORE = "--xla_cpu_parallel_codegen_split_count=1"
NOT_UNROLLED = "--xla_backend_extra_options=xla_cpu_disable_loop_unrolling"
PRECISIONS = ("float32", "tensorfloat32", "bfloat16")


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
    is_known = importlib.metadata.version("jaxlib").startswith("0.10.")
    if is_known:
        settings.append(_flag(_BY_EIGEN, "convolutions by Eigen"))
    if short:
        settings.append(_flag(NOT_UNROLLED, "loops not unrolled"))
        if is_known:
            settings.append(_flag(_ON_ONE_CORE, "programs not split"))
    return tuple(filter(None, settings))


def _keep_freed_memory() -> str:
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt is None or not all(mallopt(name, value) for name, value in _KEEP_FREED_MEMORY.items()):
        return ""
    return "freed memory kept"


def give_back_freed_memory() -> None:
    """Let the system have the memory that is free, such as what compiling took; with glibc alone.

    Left where it is, it lies between the arrays that come later, which then need more memory in all.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
    if trim is not None:
        trim(0)


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


def is_short(flags: str) -> bool:
    """Tell whether XLA_FLAGS are those of a process that was set up for a short run."""
    return NOT_UNROLLED in flags


@contextmanager
def precision(name: str) -> Iterator[None]:
    """Multiply matrices in this precision, in all threads, as long as the context lasts.

    CPUs multiply in single precision, whatever is asked for. GPUs and TPUs do so where "float32" is asked for; JAX's
    own choice is "tensorfloat32", with 10 bits after the point, or "bfloat16", with 7, which are faster.

    Raises:
        InputError: for another name.
    """
    if name not in PRECISIONS:
        raise InputError(f"precision must be one of {', '.join(PRECISIONS)}, but is {name!r}")
    import jax

    before = jax.config.values["jax_default_matmul_precision"]
    jax.config.update("jax_default_matmul_precision", name)
    try:
        yield
    finally:
        jax.config.update("jax_default_matmul_precision", before)


def memory() -> float:
    """Return the bytes of memory that this process can have: the least of what machine, container and limits leave."""
    return min([_of_machine(), _of_address_space(), *_of_container()])


def _of_machine() -> float:
    info = Path("/proc/meminfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return 1024.0 * int(line.split()[1])
    try:
        return float(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    except (AttributeError, ValueError, OSError):  # Windows
        return float("inf")


def _of_address_space() -> float:
    try:
        import resource
    except ImportError:  # Windows
        return float("inf")
    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    return float("inf") if limit == resource.RLIM_INFINITY else float(limit)


def _of_container() -> Iterator[float]:
    """Return the limits of the control groups, of both versions, that this process is in."""
    try:
        lines = Path("/proc/self/cgroup").read_text().splitlines()
    except OSError:
        return
    for _, kinds, name in (line.split(":", 2) for line in lines):
        if not kinds or "memory" in kinds.split(","):
            root, file = ("", "memory.max") if not kinds else ("memory", "memory.limit_in_bytes")
            for group in (Path(name), *Path(name).parents):
                with suppress(OSError, ValueError):  # there is no such group here, or it has no limit
                    yield float(Path("/sys/fs/cgroup", root, str(group).lstrip("/"), file).read_text())
