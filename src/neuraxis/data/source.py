"""Arrays that remain in place, such as memory-mapped files, as data that are loaded batch by batch."""

import mmap
import os
import weakref
from typing import Any

import numpy as np
from jaxtyping import Int

from neuraxis import check
from neuraxis.errors import DataError, InputError


class ArraySource:
    """Arrays that agree along their first axis as a `kinds.Source`: examples are copied when they are taken.

    Examples of memory-mapped arrays (`numpy.memmap`) are read from the file, not through the mapping, whose pages would
    accumulate in the memory of this process. Training on files of any size thus takes little memory; caching is left
    to the operating system.

    Raises:
        InputError: for arrays that are empty or do not agree in length.
    """

    def __init__(self, *arrays: Any):
        if not arrays:
            raise InputError("an ArraySource needs at least one array")
        arrays = tuple(check.host_array(f"arrays[{i}]", x) for i, x in enumerate(arrays))
        check.same_length(**{f"arrays[{i}]": x for i, x in enumerate(arrays)})
        self._arrays = tuple(_Rows.of(x) if isinstance(x, np.memmap) else x for x in arrays)

    def __len__(self) -> int:
        return len(self._arrays[0])

    def take(self, indices: Int[np.ndarray, " batch"]) -> tuple[np.ndarray, ...]:
        """Copy the examples with these indices."""
        return tuple(np.asarray(x[indices]) for x in self._arrays)


class _Rows:
    """The rows of a memory-mapped array, read from its file."""

    def __init__(self, array: np.memmap, file: int, first: int):
        self._array, self._file, self._first = array, file, first
        weakref.finalize(self, os.close, file)

    @staticmethod
    def of(array: np.memmap) -> "_Rows | np.memmap":
        """Open the file of an array; return the array itself if that fails, or the file has been replaced."""
        mapped: Any = array
        while isinstance(mapped, np.ndarray):
            mapped = mapped.base
        plain = array[:1].flags.c_contiguous and array.strides[0] >= array[:1].nbytes > 0
        named = array.filename is not None and isinstance(mapped, mmap.mmap)
        if not (plain and named and array.mode != "c" and hasattr(os, "preadv")):
            return array
        try:
            file = os.open(str(array.filename), os.O_RDONLY)  # stays open as long as the rows exist
        except OSError:
            return array
        begins = array.offset - array.offset % mmap.ALLOCATIONGRANULARITY  # offset in the file of the mapped memory
        rows = _Rows(array, file, begins + array.ctypes.data - np.frombuffer(mapped, np.uint8).ctypes.data)
        ends = np.array([0, len(array) - 1])
        try:
            return rows if rows[ends].tobytes() == array[ends].tobytes() else array
        except DataError:
            return array

    def __len__(self) -> int:
        return len(self._array)

    def __getitem__(self, indices: Int[np.ndarray, " batch"]) -> np.ndarray:
        rows = np.empty((len(indices), *self._array.shape[1:]), self._array.dtype)
        for row, index in zip(rows.reshape(len(rows), -1).view(np.uint8), indices, strict=True):
            place = self._first + int(index) * self._array.strides[0]
            if os.preadv(self._file, [row], place) != row.size:
                raise DataError(f"{self._array.filename} has become shorter than the array that is mapped from it")
        return rows
