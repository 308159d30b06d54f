"""Whether there is memory for what is about to be made: a sentence before the work, and not an abort in its middle."""

import os
from contextlib import suppress
from pathlib import Path

from neuraxis.errors import InputError


def check_memory(what: str, size: int | float) -> None:
    """Refuse to make what takes more bytes than are free.

    Raises:
        InputError: with the estimate, where this process cannot have as much.
    """
    free = free_memory()
    if size > free:
        raise InputError(f"{what} would take about {_written(size)} of memory, but only {_written(free)} are free")


def free_memory() -> float:
    """Give the bytes that this process can still have: of the machine, of its group, and of its own limit."""
    found = [float("inf")]
    # Each of these exists on some systems only.
    with suppress(OSError, ValueError, IndexError):
        lines = dict(line.split(":") for line in Path("/proc/meminfo").read_text().splitlines())
        found.append(float(lines["MemAvailable"].split()[0]) * 1024)
    with suppress(OSError, ValueError):
        group = Path("/sys/fs/cgroup")
        found.append(float((group / "memory.max").read_text()) - float((group / "memory.current").read_text()))
    with suppress(OSError, ValueError, ImportError):
        import resource

        limit = resource.getrlimit(resource.RLIMIT_AS)[0]
        if limit != resource.RLIM_INFINITY:
            pages = int(Path("/proc/self/statm").read_text().split()[0])
            found.append(float(limit - pages * os.sysconf("SC_PAGE_SIZE")))
    return max(0.0, min(found))


def _written(size: int | float) -> str:
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
        if size < 1024:
            return f"{size:.0f} {unit}"
        size /= 1024
    return f"{size:.3g} PiB"
