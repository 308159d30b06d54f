"""Draw a picture of the lab with matplotlib, for its scripts."""

import io
from collections.abc import Callable, Sequence
from os import PathLike
from typing import Any

import numpy as np

from neuraxis import plots
from neuraxis.app.lab.panels import (
    Arrows,
    Bars,
    Dots,
    Graph,
    Heat,
    Images,
    Labels,
    Line,
    Matrix,
    Panel,
    Plot,
    Range,
    Regions,
    Spikes,
)
from neuraxis.files import write_atomically

_INCHES = 2.6  # height of a panel


def show(panels: Sequence[Panel], path: str | PathLike[str]) -> None:
    """Draw panels one below the other into a PNG file.

    Raises:
        OSError: if the file cannot be written.
    """
    ratios = [float(panel.height) for panel in panels]
    fig, axes = plots.figure(len(panels), caption="", height=_INCHES * sum(ratios), ratios=ratios)
    with plots.style():
        for ax, panel in zip(np.atleast_1d(axes), panels, strict=True):
            _PANELS[type(panel)](ax, panel)
            ax.set_title(panel.title)
    drawn = io.BytesIO()
    fig.savefig(drawn, format="png", dpi=150)
    write_atomically(path, drawn.getvalue())


def _plot(ax: Any, panel: Plot) -> None:
    for mark in panel.marks:
        _MARKS[type(mark)](ax, mark)
    ax.set(xlabel=panel.x, ylabel=panel.y)
    if panel.x_logarithmic:
        ax.set_xscale("log")
    if panel.y_logarithmic:
        ax.set_yscale("log")
    if panel.x_range:
        ax.set_xlim(panel.x_range)
    if panel.y_range:
        ax.set_ylim(panel.y_range)
    if panel.equal:
        ax.set_aspect("equal")
    if any(getattr(mark, "label", "") for mark in panel.marks):
        plots.legend(ax, loc="upper right")


def _line(ax: Any, mark: Line) -> None:
    style: dict[str, Any] = {"color": plots.COLORS["grey"]} if mark.reference else {}
    style |= {"marker": "o", "markevery": [-1]} if mark.head else {}
    ax.plot(mark.x, mark.y, "--" if mark.dashed else "-", label=mark.label or None, **style)


def _dots(ax: Any, mark: Dots) -> None:
    color = None if mark.groups is None else [plots.CLASS_COLORS[group % 10] for group in np.asarray(mark.groups)]
    ax.scatter(mark.x, mark.y, s=mark.size**2, c=color, label=mark.label or None, linewidths=0)


def _spikes(ax: Any, mark: Spikes) -> None:
    lines = list(plots.COLORS.values())
    color = "black" if mark.groups is None else [lines[group % len(lines)] for group in np.asarray(mark.groups)]
    ax.scatter(mark.times, mark.neurons, s=1, c=color, linewidths=0)


def _heat(ax: Any, mark: Heat) -> None:
    low, high = _limits(mark.values, mark.range, mark.signed)
    extent = (*mark.x, *mark.y)
    colors = "RdBu_r" if mark.signed else "Greys" if mark.grey else "viridis"
    shown = ax.imshow(mark.values, origin="lower", extent=extent, aspect="auto", cmap=colors, vmin=low, vmax=high)
    ax.grid(False)
    if mark.label:
        ax.figure.colorbar(shown, ax=ax, label=mark.label)


def _regions(ax: Any, mark: Regions) -> None:
    colors = np.array([list(bytes.fromhex(color[1:])) for color in plots.CLASS_COLORS]) / 255
    shares = 0.5 * np.asarray(mark.weights)[..., None]
    ax.imshow(
        1 - shares * (1 - colors[np.asarray(mark.groups) % 10]),
        origin="lower",
        extent=(*mark.x, *mark.y),
        aspect="auto",
    )
    ax.grid(False)


def _bars(ax: Any, mark: Bars) -> None:
    places = np.arange(len(mark.names))
    colors = [plots.COLORS["orange" if k == mark.highlighted else "blue"] for k in places]
    ax.bar(places, mark.heights, color=colors, label=mark.label or None)
    ax.set_xticks(places, mark.names)


def _arrows(ax: Any, mark: Arrows) -> None:
    how = {"angles": "xy", "scale_units": "xy", "scale": 1, "width": 0.002}
    ax.quiver(mark.x, mark.y, mark.u, mark.v, color=plots.COLORS["grey"], **how)


def _labels(ax: Any, mark: Labels) -> None:
    for k, text in enumerate(mark.texts):
        color = plots.COLORS["orange"] if k in mark.highlighted else "black"
        ax.plot(mark.x[k], mark.y[k], ".", color=color)
        ax.annotate(text, (mark.x[k], mark.y[k]), (4, 0), textcoords="offset points", va="center", color=color)


def _images(ax: Any, panel: Images) -> None:
    images = np.asarray(panel.images, float)
    low, high = _limits(images, panel.range, panel.signed)
    plots.image_grid(ax, (images - low) / (high - low), panel.columns or min(len(images), 10))


def _matrix(ax: Any, panel: Matrix) -> None:
    low, high = _limits(panel.values, panel.range, panel.signed)
    ax.imshow(panel.values, aspect="auto", cmap="RdBu_r" if panel.signed else "viridis", vmin=low, vmax=high)
    ax.set_xticks(range(len(panel.columns)), panel.columns)
    ax.set_yticks(range(len(panel.rows)), panel.rows)
    ax.grid(False)


def _graph(ax: Any, panel: Graph) -> None:
    for first, last in panel.edges:
        start, end = panel.nodes[first], panel.nodes[last]
        arrow = {"arrowstyle": "->", "color": plots.COLORS["grey"], "shrinkA": 14, "shrinkB": 14}
        ax.annotate("", (end.x, 1 - end.y), (start.x, 1 - start.y), arrowprops=arrow)
    for k, node in enumerate(panel.nodes):
        color = plots.COLORS["orange"] if k in panel.highlighted else "black"
        ax.text(node.x, 1 - node.y, f"{node.label}\n{node.below}".strip(), ha="center", va="center", color=color)
    ax.set(xlim=(-0.05, 1.05), ylim=(-0.05, 1.05))
    ax.set_axis_off()


def _limits(values: Any, limits: Range, signed: bool) -> tuple[float, float]:
    """Return the limits of the colour scale, which differ."""
    low, high = limits or (float(np.nanmin(values)), float(np.nanmax(values)))
    if signed:
        high = max(abs(low), abs(high))
        low = -high
    return low, high if high > low else low + 1.0


_MARKS: dict[type, Callable[[Any, Any], None]] = {
    Arrows: _arrows,
    Bars: _bars,
    Dots: _dots,
    Heat: _heat,
    Labels: _labels,
    Line: _line,
    Regions: _regions,
    Spikes: _spikes,
}
_PANELS: dict[type, Callable[[Any, Any], None]] = {Graph: _graph, Images: _images, Matrix: _matrix, Plot: _plot}
