"""A sheet of small images in one axes."""

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike


def image_grid(axes: Axes, images: ArrayLike, columns: int, *, low: float = 0.0, high: float = 1.0) -> None:
    """Show images side by side, row by row, with thin lines of white between them.

    Args:
        axes: where to draw; it has no ticks afterwards.
        images: (count, height, width), grey, or (count, height, width, 3) in colour, from 0 to 1.
        columns: images in a row.
        low: the number that is white, in grey images.
        high: the number that is black.
    """
    sheet = np.asarray(images)
    blanks = -len(sheet) % columns
    colour = sheet.ndim == 4
    white = 1.0 if colour else low
    margins = ((0, blanks), (0, 1), (0, 1), *([(0, 0)] if colour else []))
    sheet = np.pad(sheet, margins, constant_values=white)
    rows = [np.concatenate(list(row), axis=1) for row in sheet.reshape(-1, columns, *sheet.shape[1:])]
    axes.imshow(np.concatenate(rows), cmap="gray_r", vmin=low, vmax=high, interpolation="nearest")
    axes.set(xticks=[], yticks=[])
    axes.grid(False)
    axes.spines[:].set_visible(False)
