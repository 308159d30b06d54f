"""Rows of images in one axes, for before and after."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes


def show_strips(axes: Axes, rows: Sequence[np.ndarray], names: Sequence[str], *, low: float) -> None:
    """Show rows of images (count, height, width) in one axes, with the name of each row; `low` is white and 1 black."""
    padded = [np.pad(row, ((0, 0), (1, 1), (1, 1)), constant_values=low) for row in rows]
    axes.imshow(
        np.vstack([np.hstack(list(row)) for row in padded]), cmap="gray_r", vmin=low, vmax=1, interpolation="nearest"
    )
    height = padded[0].shape[1]
    axes.set_yticks((np.arange(len(rows)) + 0.5) * height - 0.5, names)
    axes.set_xticks([])
    axes.grid(False)
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
