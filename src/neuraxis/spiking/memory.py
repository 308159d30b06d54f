"""Whether there is memory for what is about to be made: a sentence before the work, and not an abort in its middle."""

from neuraxis import process
from neuraxis.errors import InputError


def check_memory(what: str, size: int | float) -> None:
    """Refuse to make what takes more bytes than this process can have.

    Raises:
        InputError: with the estimate.
    """
    free = process.memory()
    if size > free:
        raise InputError(f"{what} would take about {_written(size)} of memory, but only {_written(free)} are free")


def _written(size: int | float) -> str:
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
        if size < 1024:
            return f"{size:.0f} {unit}"
        size /= 1024
    return f"{size:.3g} PiB"
