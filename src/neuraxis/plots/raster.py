"""Spike rasters."""

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike

from neuraxis.plots.style import COLORS


def raster(axes: Axes, times: ArrayLike, neurons: ArrayLike, **style) -> None:
    """Draw one mark for each spike.

    Args:
        axes: where to draw.
        times: of the spikes [ms], across.
        neurons: indices of the neurons that fired, up.
        style: of the marks, as `matplotlib.axes.Axes.scatter` takes it.
    """
    style = {"s": 3.0, "color": COLORS["blue"], "linewidths": 0, **style}
    axes.scatter(np.asarray(times), np.asarray(neurons), **style)
    axes.grid(False)
    axes.set_xlabel("time [ms]")
    axes.set_ylabel("neuron")
