"""Images side by side."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike


def show_images(
    axes: np.ndarray,
    images: Sequence[ArrayLike],
    titles: Sequence[str] = (),
    *,
    cmap: str = "gray_r",
    limit: float | None = None,
) -> None:
    """Show grey images in an array of axes; further axes are left blank.

    Args:
        axes: as `matplotlib.pyplot.subplots` gives them.
        images: each (height, width).
        titles: one for each image.
        cmap: the colours; where there are negative numbers, 0 is in the middle.
        limit: size of the number at the end of the scale; by default each image has its own.
    """
    flat: list[Axes] = list(np.ravel(axes))
    for ax in flat:
        ax.set_axis_off()
    for ax, image in zip(flat, images, strict=False):
        image = np.asarray(image)
        end = np.abs(image).max() if limit is None else limit
        ax.imshow(image, cmap=cmap, vmin=-end if image.min() < 0 else 0, vmax=end, interpolation="nearest")
    for ax, title in zip(flat, titles, strict=False):
        ax.set_title(title, fontsize=9, fontweight="normal", loc="center")


def image_grid(axes: Axes, images: ArrayLike, columns: int, *, low: float = 0.0) -> None:
    """Show images side by side, row by row, with thin lines of white between them.

    Args:
        axes: where to draw; it has no ticks afterwards.
        images: (count, height, width), grey, or (count, height, width, 3) in colour, from 0 to 1.
        columns: images in a row.
        low: the number that is white, in grey images; 1 is black.
    """
    sheet = np.asarray(images)
    blanks = -len(sheet) % columns
    colour = sheet.ndim == 4
    white = 1.0 if colour else low
    margins = ((0, blanks), (0, 1), (0, 1), *([(0, 0)] if colour else []))
    sheet = np.pad(sheet, margins, constant_values=white)
    rows = [np.concatenate(list(row), axis=1) for row in sheet.reshape(-1, columns, *sheet.shape[1:])]
    axes.imshow(np.concatenate(rows), cmap="gray_r", vmin=low, vmax=1, interpolation="nearest")
    axes.set(xticks=[], yticks=[])
    axes.grid(False)
    axes.spines[:].set_visible(False)


def show_strips(axes: Axes, rows: Sequence[np.ndarray], names: Sequence[str], *, low: float) -> None:
    """Show rows of grey images in one axes, each row with its name.

    Args:
        axes: where to draw.
        rows: each (count, height, width).
        names: of the rows.
        low: the number that is white; 1 is black.
    """
    image_grid(axes, np.concatenate(rows), len(rows[0]), low=low)
    height = rows[0].shape[1] + 1
    axes.set_yticks((np.arange(len(rows)) + 0.5) * height - 1, names)
    axes.tick_params(length=0)


def squares(vectors: ArrayLike) -> np.ndarray:
    """Return images (…, side, side) of vectors (…, side²)."""
    flat = np.asarray(vectors)
    side = round(flat.shape[-1] ** 0.5)
    return flat.reshape(*flat.shape[:-1], side, side)
