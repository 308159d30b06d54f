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
    """Show greyscale images in an array of axes; remaining axes are left blank.

    Args:
        axes: array of axes, as returned by `matplotlib.pyplot.subplots`.
        images: images of shape (height, width).
        titles: one title per image.
        cmap: colormap, centred on 0 if an image contains negative numbers.
        limit: magnitude at the end of the colour scale; by default each image has its own.
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
    """Show images in a grid, row by row, separated by thin white lines.

    Args:
        axes: axes to draw on, without ticks afterwards.
        images: greyscale images (count, height, width), or colour images (count, height, width, 3) from 0 to 1.
        columns: number of images in a row.
        low: value shown as white in greyscale images; 1 is black.
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
    """Show rows of greyscale images in one axes, each row labelled with its name.

    Args:
        axes: axes to draw on.
        rows: images of each row, (count, height, width).
        names: names of the rows.
        low: value shown as white; 1 is black.
    """
    image_grid(axes, np.concatenate(rows), len(rows[0]), low=low)
    height = rows[0].shape[1] + 1
    axes.set_yticks((np.arange(len(rows)) + 0.5) * height - 1, names)
    axes.tick_params(length=0)


def squares(vectors: ArrayLike) -> np.ndarray:
    """Reshape vectors (…, side²) to square images (…, side, side)."""
    flat = np.asarray(vectors)
    side = round(flat.shape[-1] ** 0.5)
    return flat.reshape(*flat.shape[:-1], side, side)
