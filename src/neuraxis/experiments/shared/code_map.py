"""Codes of two numbers as points, coloured by class."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from neuraxis import plots


def scatter(axes: Any, points: np.ndarray, labels: np.ndarray, classes: Sequence[str], *, size: float) -> None:
    """Draw points (N, 2) in the colours of their classes.

    Args:
        axes: where to draw.
        points: (N, 2).
        labels: class of each, (N,).
        classes: their names, at most ten.
        size: of a point [points²].
    """
    for k, label in enumerate(classes):
        axes.scatter(*points[labels == k].T, color=plots.CLASS_COLORS[k], s=size, alpha=0.8, linewidths=0, label=label)


def legend(fig: plots.Figure, axes: Any, *, size: float) -> None:
    """Name the classes below the figure, with marks of one size, whatever that of the points."""
    fig.legend(
        *axes.get_legend_handles_labels(),
        loc="outside lower left",
        ncols=10,
        frameon=False,
        fontsize=9,
        handletextpad=0.0,
        markerscale=9 / size**0.5,
    )
