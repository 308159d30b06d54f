"""Common style of all figures: a palette suitable for colour-blind readers, light grids, no boxes."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any

import matplotlib as mpl
import numpy as np
from cycler import cycler
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Figure

# Okabe and Ito's palette, without its yellow, which is too light for lines on white.
COLORS = {
    "blue": "#0072B2",
    "orange": "#D55E00",
    "green": "#009E73",
    "purple": "#CC79A7",
    "sky": "#56B4E9",
    "gold": "#E69F00",
    "grey": "#7A7A7A",
}

# Ten classes, for points: Paul Tol's muted scheme (Colour schemes, SRON 2021), with black in place of its pale grey.
CLASS_COLORS = (
    *("#332288", "#88CCEE", "#44AA99", "#117733", "#999933", "#DDCC77", "#CC6677", "#882255", "#AA4499", "#000000"),
)

_STYLE: dict[Any, Any] = {
    "font.size": 10.0,
    "axes.titlesize": 11.0,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#E4E4E4",
    "grid.linewidth": 0.8,
    "axes.edgecolor": "#555555",
    "axes.prop_cycle": cycler(color=list(COLORS.values())),
    "lines.linewidth": 1.6,
    "xtick.color": "#555555",
    "ytick.color": "#555555",
    "xtick.labelcolor": "#222222",
    "ytick.labelcolor": "#222222",
}


def style() -> AbstractContextManager[None]:
    """Apply the common style within a `with` block: matplotlib reads some settings only when a title is set."""
    return mpl.rc_context(_STYLE)


def figure(
    rows: int = 1,
    columns: int = 1,
    *,
    caption: str,
    width: float = 7.5,
    height: float = 4.0,
    ratios: Sequence[float] | None = None,
    **subplots: Any,
) -> tuple[Figure, Any]:
    """Make a figure in the common style and its axes: one `Axes`, or an array of several.

    Args:
        rows: number of rows of axes.
        columns: number of columns of axes.
        caption: one or two sentences that describe the figure, printed below it in the report.
        width: width of the figure [inch].
        height: height of the figure [inch].
        ratios: relative heights of the rows.
        subplots: passed to `matplotlib.figure.Figure.subplots`, such as `sharex=True`.
    """
    with style():
        fig = Figure(figsize=(width, height), layout="constrained")
        fig.set_label(caption)
        axes = fig.subplots(rows, columns, squeeze=False, height_ratios=ratios, **subplots)
    return fig, np.squeeze(axes) if axes.size > 1 else axes[0, 0]


def legend(axes: Axes, **where: Any) -> None:
    """Add a small legend without a frame."""
    axes.legend(fontsize=9, frameon=False, **where)
