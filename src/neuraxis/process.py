"""Process-wide settings that make JAX faster on a CPU. They must be made before JAX is imported.

The command line and the benchmarks make them. Programs that use neuraxis as a library have to ask for them:

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

# Parameters of glibc's mallopt and their values.
_KEEP_FREED_MEMORY = {
    -4: 0,  # M_MMAP_MAX: allocate large arrays on the heap, too
    -1: 2**31 - 1,  # M_TRIM_THRESHOLD: do not return free memory at the top of the heap
    -2: 64 << 20,  # M_TOP_PAD: grow the heap in large steps
    -8: 1,  # M_ARENA_MAX: share one heap between all threads
}
_BY_EIGEN = "--xla_cpu_experimental_ynn_fusion_type=LIBRARY_FUSION_TYPE_DOT,LIBRARY_FUSION_TYPE_INDIVIDUAL_DOT"
_ON_ONE_CORE = "--xla_cpu_parallel_codegen_split_count=1"
NOT_UNROLLED = "--xla_backend_extra_options=xla_cpu_disable_loop_unrolling"
PRECISIONS = ("float32", "tensorfloat32", "bfloat16")


def tune(*, short: bool = False) -> tuple[str, ...]:
    """Configure the process for speed on a CPU, and return a description of each setting made.

    - With glibc, freed memory is kept for the next array: JAX allocates and frees its arrays at every step, and without
      this setting much of the time of a step is spent on page faults. The process then keeps its peak memory.
    - With jaxlib 0.10, convolutions are computed by Eigen, which is faster there than the library that XLA chooses. The
      flag is added to the environment variable XLA_FLAGS, unless it is set already.
    - For a short run, XLA does not unroll loops, which takes long for small arrays: compilation takes a third to a half
      less time, and some programs run slightly slower.

    Args:
        short: whether compilation will take much of the time.

    Raises:
        InputError: if JAX has been imported already.
    """
    if "jax" in sys.modules:
        raise InputError("neuraxis.process.tune() must be called before jax is imported, but jax is imported already")
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
    """Return free memory, such as that used for compilation, to the system (with glibc only).

    Otherwise it fragments the heap, so that arrays allocated later need more memory in total.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
    if trim is not None:
        trim(0)


def _flag(flag: str, what: str) -> str:
    """Add a flag that this jaxlib is known to support: XLA ends the process on an unknown one."""
    flags = os.environ.get("XLA_FLAGS", "")
    if flag.split("=")[0] in flags:
        return ""
    os.environ["XLA_FLAGS"] = f"{flags} {flag}".strip()
    return what


@cache
def instruction_set() -> str:
    """Return the widest vector extension of this processor, "AVX-512" or "AVX2", or else its architecture."""
    info = Path("/proc/cpuinfo")
    flags = info.read_text().split() if info.exists() else []
    return "AVX-512" if "avx512f" in flags else "AVX2" if "avx2" in flags else platform.machine()


def is_short(flags: str) -> bool:
    """Return whether XLA_FLAGS are those of a process configured for a short run."""
    return NOT_UNROLLED in flags


@contextmanager
def precision(name: str) -> Iterator[None]:
    """Set the precision of matrix products, in all threads, within this context.

    CPUs multiply in single precision regardless. GPUs and TPUs do so for "float32"; JAX's default there is
    "tensorfloat32", with 10 fractional bits, or "bfloat16", with 7, which are faster.

    Raises:
        InputError: for an unknown name.
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
    """Return the memory available to this process [bytes]: the least that machine, limits and container leave."""
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
    """Return the memory limits of the control groups (v1 and v2) that this process belongs to [bytes]."""
    try:
        lines = Path("/proc/self/cgroup").read_text().splitlines()
    except OSError:
        return
    for _, kinds, name in (line.split(":", 2) for line in lines):
        if not kinds or "memory" in kinds.split(","):
            root, file = ("", "memory.max") if not kinds else ("memory", "memory.limit_in_bytes")
            for group in (Path(name), *Path(name).parents):
                with suppress(OSError, ValueError):  # the group does not exist here, or has no limit
                    yield float(Path("/sys/fs/cgroup", root, str(group).lstrip("/"), file).read_text())
