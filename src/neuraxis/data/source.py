"""Arrays that stay where they are, such as files mapped into memory, as data that are loaded batch by batch."""

import mmap
from typing import Any

import numpy as np
from jaxtyping import Int

from neuraxis import check

_PAGES_KEPT = 64 << 20  # bytes that may be read before the pages they came from are given back


class ArraySource:
    """Arrays that agree along their first axis as a `kinds.Source`: examples are copied when they are taken.

    Of arrays mapped from files (`numpy.memmap`) the pages that were read are given back from time to time, so that a
    pass through a file of any size takes little memory; the operating system keeps what it likes in its own cache.

    Raises:
        InputError: for arrays that are empty or do not agree in length.
    """

    def __init__(self, *arrays: Any):
        check.same_length(**{f"arrays[{i}]": x for i, x in enumerate(arrays)})
        self._arrays = arrays
        self._read = 0

    def __len__(self) -> int:
        return len(self._arrays[0])

    def take(self, indices: Int[np.ndarray, " batch"]) -> tuple[np.ndarray, ...]:
        """Copy these examples."""
        taken = tuple(np.asarray(x[indices]) for x in self._arrays)
        # A page is read whole, however little of it is taken.
        self._read += sum(max(x.nbytes, mmap.PAGESIZE * len(x)) for x in taken)
        if self._read > _PAGES_KEPT:
            self._read = 0
            for x in self._arrays:
                _give_pages_back(x)
        return taken


def _give_pages_back(array: Any) -> None:
    """Let the operating system take back the memory that mirrors the file; what changes a private copy is kept."""
    if not isinstance(array, np.memmap) or array.mode == "c" or not hasattr(mmap, "MADV_DONTNEED"):
        return
    mapped = array.base
    while isinstance(mapped, np.ndarray):
        mapped = mapped.base
    if isinstance(mapped, mmap.mmap):
        mapped.madvise(mmap.MADV_DONTNEED)
