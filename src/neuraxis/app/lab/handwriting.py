"""Digits drawn by the visitor, preprocessed like the images of the data set.

The images of `data.load("digits")` were cropped, scaled until the digit filled the height, centred, and averaged over
4×4 pixels to 8×8 grey levels. A digit on the pad can have any size and position, so it is treated in the same way. The
pad has twice as many pixels along each side: digits drawn small on 8×8 pixels cannot be distinguished.
"""

from typing import Any

import numpy as np

from neuraxis.app.lab.controls import drawing, pixels

_SIZE = 8  # of the data set's images
_SIDE = 2 * _SIZE  # of the pad
_INK = 0.2  # of the darkest pixel: lighter ones are the edge of a stroke
_FINE = 8  # samples per pixel along each side


def handwriting(digit: str) -> Any:
    """Declare a pad to draw a digit on; `digit` is the default, an 8×8 image of the data set as hexadecimal digits."""
    rows = [digit[start : start + _SIZE] for start in range(0, len(digit), _SIZE)]
    return drawing("".join(2 * "".join(2 * level for level in row) for row in rows), _SIDE, _SIDE)


def handwritten(drawn: str) -> np.ndarray:
    """Return the drawing as an image of the data set (8, 8), from 0 to 1: scaled to full size, centred, averaged."""
    image = pixels(drawn, _SIDE, _SIDE)
    if not image.any():
        return np.zeros((_SIZE, _SIZE), np.float32)
    ink = image > _INK * image.max()
    (top, bottom), (left, right) = (_ends(ink.any(axis=axis)) for axis in (1, 0))
    side = max(bottom - top, right - left)
    across = ((np.arange(_SIZE * _FINE) + 0.5) / (_SIZE * _FINE) - 0.5) * side
    rows, columns = (_weights((low + high) / 2 + across) for low, high in ((top, bottom), (left, right)))
    small = rows @ image @ columns.T
    return (small / small.max()).astype(np.float32)


def _ends(inked: np.ndarray) -> tuple[int, int]:
    found = np.flatnonzero(inked)
    return int(found[0]), int(found[-1]) + 1


def _weights(places: np.ndarray) -> np.ndarray:
    """Interpolate linearly between the pixels of the pad at these places, and average over each pixel: (8, 16)."""
    distance = np.abs(places[:, None] - (np.arange(_SIDE) + 0.5))
    return np.maximum(0, 1 - distance).reshape(_SIZE, _FINE, _SIDE).mean(axis=1)
