"""Images side by side."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike


def show_images(
    axes: np.ndarray, images: Sequence[ArrayLike], titles: Sequence[str] = (), *, cmap: str = "gray_r"
) -> None:
    """Show grey images in an array of axes; further axes are left blank.

    Args:
        axes: as `matplotlib.pyplot.subplots` gives them.
        images: each (height, width).
        titles: one for each image.
        cmap: the colours; where there are negative numbers, 0 is in the middle.
    """
    flat: list[Axes] = list(np.ravel(axes))
    for ax in flat:
        ax.set_axis_off()
    for ax, image in zip(flat, images, strict=False):
        image = np.asarray(image)
        limit = np.abs(image).max()
        ax.imshow(image, cmap=cmap, vmin=-limit if image.min() < 0 else 0, vmax=limit, interpolation="nearest")
    for ax, title in zip(flat, titles, strict=False):
        ax.set_title(title, fontsize=9, fontweight="normal", loc="center")


def show_strips(axes: Axes, rows: Sequence[np.ndarray], names: Sequence[str], *, low: float) -> None:
    """Show rows of images in one axes.

    Args:
        axes: where to draw.
        rows: each (count, height, width).
        names: of the rows.
        low: the number that is white; 1 is black.
    """
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
