"""Learning curves."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from neuraxis.plots.style import COLORS, Figure, figure, legend


def loss_curves(axes: Axes, history: Mapping[str, np.ndarray], ylabel: str = "cross-entropy [nats]") -> None:
    """Draw the loss of every epoch on the training data and, if it was measured, on the held-out data.

    Args:
        axes: axes to draw on.
        history: history of a training run, as returned by `fit`.
        ylabel: name and unit of the loss.
    """
    labels = {"loss": "training", "validation_loss": "held out"}
    for name, label in labels.items():
        if name in history:
            axes.semilogy(*_by_epoch(history[name]), _mark(history[name]), ms=4, label=label)
    axes.set(ylabel=ylabel, title="Loss")
    epochs_along(axes)
    legend(axes)


def error_curve(axes: Axes, accuracy: np.ndarray) -> None:
    """Draw the percentage of held-out images that are misclassified after every epoch."""
    axes.plot(*_by_epoch(100 * (1 - accuracy)), _mark(accuracy), ms=4, color=COLORS["orange"])
    axes.set(ylabel="held-out error [%]", title="Error")
    axes.set_ylim(bottom=0)
    epochs_along(axes)


def epochs_along(axes: Axes) -> None:
    """Label the horizontal axis as epochs, with ticks at integers."""
    axes.set_xlabel("epoch")
    axes.xaxis.set_major_locator(MaxNLocator("auto", integer=True))


def learning_curves(history: Mapping[str, np.ndarray], how: str = "Learning") -> Figure:
    """Plot the training of a classifier: losses on the left, errors on the right."""
    fig, (left, right) = figure(
        1,
        2,
        caption=f"{how}: the loss on the training images (mean over each epoch, during training) and on held-out "
        "images, and the percentage of held-out images that are misclassified.",
        height=3.2,
    )
    loss_curves(left, history)
    error_curve(right, history["accuracy"])
    return fig


def _by_epoch(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return np.arange(1, len(values) + 1), values


def _mark(values: np.ndarray) -> str:
    return "o-" if len(values) <= 30 else "-"
