"""Arrays that stay where they are, such as files mapped into memory, as data that are loaded batch by batch."""

import mmap
import os
from typing import Any

import numpy as np
from jaxtyping import Int

from neuraxis import check
from neuraxis.errors import DataError


class ArraySource:
    """Arrays that agree along their first axis as a `kinds.Source`: examples are copied when they are taken.

    Of arrays mapped from files (`numpy.memmap`) the examples are read from the file, not from the mapped memory, of
    which ever more would else lie in this process. So training on files of any size takes little memory; the
    operating system keeps what it likes in its own cache.

    Raises:
        InputError: for arrays that are empty or do not agree in length.
    """

    def __init__(self, *arrays: Any):
        check.same_length(**{f"arrays[{i}]": x for i, x in enumerate(arrays)})
        self._arrays = arrays

    def __len__(self) -> int:
        return len(self._arrays[0])

    def take(self, indices: Int[np.ndarray, " batch"]) -> tuple[np.ndarray, ...]:
        """Copy these examples."""
        return tuple(_read(x, indices) if _is_plain_file(x) else np.asarray(x[indices]) for x in self._arrays)


def _is_plain_file(array: Any) -> bool:
    """Say whether the rows of an array are pieces of a file, which hold what the mapped memory does."""
    return (
        isinstance(array, np.memmap)
        and array.mode != "c"
        and isinstance(_mapping(array), mmap.mmap)
        and array[:1].flags.c_contiguous
        and array.strides[0] >= array[:1].nbytes > 0
        and hasattr(os, "preadv")
    )


def _mapping(array: np.ndarray) -> Any:
    """Give the mapped file that an array looks at."""
    mapped: Any = array
    while isinstance(mapped, np.ndarray):
        mapped = mapped.base
    return mapped


def _read(array: np.memmap, indices: Int[np.ndarray, " batch"]) -> np.ndarray:
    """Read rows from the file."""
    rows = np.empty((len(indices), *array.shape[1:]), array.dtype)
    mapped = np.frombuffer(_mapping(array), np.uint8)
    begins = array.offset - array.offset % mmap.ALLOCATIONGRANULARITY  # where in the file the mapped memory begins
    first = begins + array.ctypes.data - mapped.ctypes.data
    with open(array.filename, "rb", buffering=0) as file:
        for row, index in zip(rows.reshape(len(rows), -1).view(np.uint8), indices, strict=True):
            if os.preadv(file.fileno(), [row], first + int(index) * array.strides[0]) != row.size:
                raise DataError(f"{array.filename} has become shorter than the array that is mapped from it")
    return rows
