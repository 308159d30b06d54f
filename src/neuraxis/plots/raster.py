"""Spike rasters."""

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike

from neuraxis.plots.style import COLORS


def raster(axes: Axes, times: ArrayLike, neurons: ArrayLike, **style) -> None:
    """Draw one mark for each spike.

    Args:
        axes: axes to draw on.
        times: spike times [ms], on the horizontal axis.
        neurons: indices of the neurons that fired, on the vertical axis.
        style: style of the marks, passed to `matplotlib.axes.Axes.scatter`.
    """
    style = {"s": 3.0, "color": COLORS["blue"], "linewidths": 0, **style}
    axes.scatter(np.asarray(times), np.asarray(neurons), **style)
    axes.grid(False)
    axes.set_xlabel("time [ms]")
    axes.set_ylabel("neuron")
