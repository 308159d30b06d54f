"""Figures of the experiment."""

from typing import Any

import numpy as np

from neuraxis import plots
from neuraxis.data import Gaussians
from neuraxis.experiments.gan.points import LEAST, coverage

_DRAWN, _DRAWN_SMALL = 2500, 1000  # points in a large and in a small panel
_TITLES = {"plain": "plain game", "relativistic": "relativistic, with penalties"}
_COLOURS = {"plain": plots.COLORS["orange"], "relativistic": plots.COLORS["blue"]}


def plot_modes(a: dict[str, Any]) -> plots.Figure:
    """Draw data and samples of both games, on the ring and on the grid."""
    fig, axes = plots.figure(
        2,
        3,
        caption="Points drawn from Gaussians on a ring and on a grid (grey), and samples of the same networks after "
        "the same number of steps of the plain game (orange) and of the relativistic one with gradient penalties "
        "(blue). Circles mark the modes. Each panel states how many of them receive at least a tenth of an equal "
        "share of the samples, and how many of all samples lie within three standard deviations of a mode.",
        width=8.4,
        height=6.0,
    )
    for row, (name, at) in zip(axes, a.items(), strict=True):
        mixture: Gaussians = at["mixture"]
        _panel(row[0], mixture.draw(_DRAWN, seed=1), mixture, plots.COLORS["grey"], size=2.0)
        row[0].set(title=f"{name}: data", ylabel="x₂")
        for ax, (game, frames) in zip(row[1:], at["samples"].items(), strict=True):
            _panel(ax, frames[-1][:_DRAWN], mixture, _COLOURS[game], size=2.0)
            found = coverage(frames[-1], mixture)
            counted = f"{found.covered(LEAST)} of {len(mixture.centres)} modes, {100 * found.share:.0f} % near"
            ax.set_title(f"{_TITLES[game]}\n{counted}")
    for ax in axes[1]:
        ax.set_xlabel("x₁")
    return fig


def plot_frames(a: dict[str, Any]) -> plots.Figure:
    """Draw samples in the course of the training."""
    columns = len(a["ring"]["samples"]["plain"])
    rows = [(name, game) for name in a for game in a[name]["samples"]]
    fig, axes = plots.figure(
        len(rows),
        columns,
        caption="Samples in the course of training: the plain game (orange) misses modes, or returns to some and "
        "loses others; the relativistic one (blue) spreads over all of them and then contracts.",
        width=1.45 * columns + 0.8,
        height=1.5 * len(rows) + 0.3,
    )
    for row, (name, game) in zip(np.reshape(axes, (len(rows), columns)), rows, strict=True):
        for i, (ax, samples) in enumerate(zip(row, a[name]["samples"][game], strict=True)):
            _panel(ax, samples[:_DRAWN_SMALL], a[name]["mixture"], _COLOURS[game], size=1.0)
            ax.set(xticks=[], yticks=[])
            ax.set_title(f"step {(i + 1) * a[name]['every']}", fontsize=9, fontweight="normal", loc="center")
        row[0].set_ylabel(f"{name}\n{game}", fontsize=9)
    return fig


def plot_images(a: dict[str, Any]) -> plots.Figure:
    """Draw real images and generated ones."""
    fig, (left, right) = plots.figure(
        1,
        2,
        caption="Real images, and generated images, in the order in which they were drawn.",
        width=8.4,
        height=2.6,
    )
    for ax, name, title in ((left, "real", "Real"), (right, "made", "Generated")):
        x = np.asarray(a[name])
        plots.image_grid(ax, x[..., 0] if x.shape[-1] == 1 else x, 10)
        ax.set_title(title)
    return fig


def _panel(ax: Any, points: np.ndarray, mixture: Gaussians, colour: str, size: float) -> None:
    reach = 1.25 * np.abs(mixture.centres).max() + 3 * mixture.deviation
    ax.scatter(*mixture.centres.T, s=60 * size, facecolors="none", edgecolors="#BBBBBB", linewidths=0.8)
    ax.scatter(*points.T, s=size, color=colour, alpha=0.4, linewidths=0)
    ax.set(xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal")
    ax.grid(False)
