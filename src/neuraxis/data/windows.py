"""Windows of a long sequence, cut out when they are needed."""

import numpy as np
from jaxtyping import Int
from numpy.typing import ArrayLike

from neuraxis import check
from neuraxis.errors import InputError


class Windows:
    """All windows of `length` entries of a sequence, one for each place where one can begin, as a `kinds.Source`.

    They overlap, and are cut out when they are taken: nothing is stored but the sequence. For a language model with a
    context of T tokens, they are T + 1 long.

    Args:
        sequence: numbers, such as the tokens of a text, (time, …).
        length: entries of a window.
        every: distance between the beginnings of two windows; `length` gives windows that do not overlap.

    Raises:
        InputError: for a sequence that is shorter than a window, or lengths that are not positive.
    """

    def __init__(self, sequence: ArrayLike, length: int, *, every: int = 1):
        check.whole(length=length, every=every)
        numbers = np.asarray(check.array("sequence", sequence))
        if numbers.ndim < 1 or len(numbers) < length:
            held = "is a single number" if numbers.ndim < 1 else f"contains {len(numbers)}"
            raise InputError(f"sequence must contain at least the {length} entries of a window, but {held}")
        self._windows = np.moveaxis(np.lib.stride_tricks.sliding_window_view(numbers, length, axis=0), -1, 1)[::every]

    def __len__(self) -> int:
        return len(self._windows)

    def take(self, indices: Int[np.ndarray, " batch"]) -> tuple[np.ndarray]:
        """Cut out these windows, (batch, length, …)."""
        return (np.ascontiguousarray(self._windows[indices]),)
