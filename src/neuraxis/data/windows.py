"""Windows of a long sequence, extracted on demand."""

import numpy as np
from jaxtyping import Int
from numpy.typing import ArrayLike

from neuraxis import check
from neuraxis.errors import InputError


class Windows:
    """All windows of `length` entries of a sequence, one for each possible starting point, as a `kinds.Source`.

    They overlap, and are extracted when they are taken: only the sequence is stored. For a language model with a
    context of T tokens, the length is T + 1.

    Args:
        sequence: sequence of numbers (time, …), such as the tokens of a text.
        length: length of a window.
        every: distance between the starts of consecutive windows; windows do not overlap if it equals `length`.

    Raises:
        InputError: for a sequence that is shorter than a window, or lengths that are not positive.
    """

    def __init__(self, sequence: ArrayLike, length: int, *, every: int = 1):
        check.whole(length=length, every=every)
        numbers = np.asarray(check.host_array("sequence", sequence))
        if numbers.ndim < 1 or len(numbers) < length:
            held = "is a single number" if numbers.ndim < 1 else f"contains {len(numbers)}"
            raise InputError(f"sequence must contain at least the {length} entries of a window, but {held}")
        self._windows = np.moveaxis(np.lib.stride_tricks.sliding_window_view(numbers, length, axis=0), -1, 1)[::every]

    def __len__(self) -> int:
        return len(self._windows)

    def take(self, indices: Int[np.ndarray, " batch"]) -> tuple[np.ndarray]:
        """Extract the windows with these indices, (batch, length, …)."""
        return (np.ascontiguousarray(self._windows[indices]),)
