"""Arguments for spatial axes, such as sizes and strides: one number for all axes, or one for each.

The spatial axes of signals are (time,), those of images (height, width); the channel axis follows them.
"""

import math
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from neuraxis import check
from neuraxis.errors import InputError

Whole = int | np.integer
Steps = Whole | Sequence[Whole]
Padding = Literal["valid", "same"] | Whole | Sequence[Whole | tuple[Whole, Whole]]
Pairs = tuple[tuple[int, int], ...]

_NAMES = {1: "time", 2: "height, width", 3: "depth, height, width"}


def names(space: int) -> str:
    """Return the names of that many spatial axes, for messages."""
    return _NAMES.get(space, f"{space} spatial axes")


def for_each_axis(space: int, **numbers: Any) -> tuple[int, ...]:
    """Return an integer of at least 1 for each spatial axis.

    Raises:
        InputError: for other values, or not one for each axis.
    """
    ((name, value),) = numbers.items()
    each = tuple(value) if _are_several(value) else (value,) * space
    if len(each) != space:
        raise InputError(
            f"{name} must be one number or one for each of the spatial axes ({names(space)}), but is "
            f"{check.received(value)}"
        )
    for number in each:
        check.whole(**{name: number})
    return tuple(map(int, each))


def window(size: Any) -> tuple[int, ...]:
    """Return the size of a kernel or window along each spatial axis; one number stands for height and width.

    Raises:
        InputError: for anything but an integer of at least 1, or a sequence of these.
    """
    if _are_several(size) and not len(size):
        raise InputError(f"size must have a number for each spatial axis, such as (3, 3), but is {size}")
    return for_each_axis(len(size) if _are_several(size) else 2, size=size)


def count_of_axes(axes: Any) -> int:
    """Check a number of axes, and return it as an int.

    Raises:
        InputError: for anything but an integer of at least 1.
    """
    check.whole(axes=axes)
    return int(axes)


def padding_for(space: int, padding: Any) -> Literal["valid", "same"] | Pairs:
    """Return the padding as (before, after) for each spatial axis; "valid" and "same" are returned as they are.

    Raises:
        InputError: for other strings, negative numbers, or not one for each axis.
    """
    if isinstance(padding, str) and padding in ("valid", "same"):
        return padding
    wanted = f"padding must be 'valid', 'same', a number of zeros, or for each of ({names(space)}) a number or a pair"
    each = tuple(padding) if _are_several(padding) else (padding,) * space
    pairs = [tuple(p) if _are_several(p) else (p, p) for p in each]
    if isinstance(padding, str) or padding is None or len(pairs) != space or any(len(pair) != 2 for pair in pairs):
        raise InputError(f"{wanted} (before, after), but is {check.received(padding)}")
    for before, after in pairs:
        check.whole(0, **{"padding before": before, "padding after": after})
    return tuple((int(before), int(after)) for before, after in pairs)


def around(padding: Padding, sizes: Sequence[int], reach: Sequence[int], strides: Sequence[int]) -> Pairs:
    """Return the padding (before, after) of each spatial axis, for windows that extend over `reach` entries."""
    padding = padding_for(len(sizes), padding)
    if padding == "valid":
        return ((0, 0),) * len(sizes)
    if padding == "same":
        totals = [max((-(-n // s) - 1) * s + r - n, 0) for n, r, s in zip(sizes, reach, strides, strict=True)]
        return tuple((total // 2, total - total // 2) for total in totals)
    return padding


def places(sizes: Sequence[int], reach: Sequence[int], strides: Sequence[int]) -> tuple[int, ...]:
    """Return the number of window positions along each spatial axis: ⌊(n − reach)/stride⌋ + 1."""
    return tuple((n - r) // s + 1 for n, r, s in zip(sizes, reach, strides, strict=True))


def flatten_leading(x: Any, space: int) -> Any:
    """Merge all axes before the spatial ones into one, even if there are none or if they are empty."""
    kept = x.shape[x.ndim - 1 - space :]
    return x.reshape(math.prod(x.shape[: x.ndim - 1 - space]), *kept)


def _are_several(value: Any) -> bool:
    return isinstance(value, list | tuple) or (isinstance(value, np.ndarray) and value.ndim > 0)
