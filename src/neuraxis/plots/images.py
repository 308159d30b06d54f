"""Images side by side."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike


def show_images(
    axes: np.ndarray, images: Sequence[ArrayLike], titles: Sequence[str] = (), *, cmap: str = "gray_r"
) -> None:
    """Show grey images (height, width) in an array of axes, each with its title; further axes are left blank."""
    flat: list[Axes] = list(np.ravel(axes))
    for ax in flat:
        ax.set_axis_off()
    for ax, image in zip(flat, images, strict=False):
        image = np.asarray(image)
        limit = np.abs(image).max()
        ax.imshow(image, cmap=cmap, vmin=-limit if image.min() < 0 else 0, vmax=limit, interpolation="nearest")
    for ax, title in zip(flat, titles, strict=False):
        ax.set_title(title, fontsize=9, fontweight="normal", loc="center")
