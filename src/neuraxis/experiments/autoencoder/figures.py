"""Figures of the experiment."""

from typing import Any

import numpy as np

from neuraxis import plots
from neuraxis.experiment import Result
from neuraxis.experiments.shared import code_map

_SIZE = 3.0  # of a point


def plot_subspace(result: Result) -> plots.Figure:
    """Draw the principal angles, and the errors at equal size of the code."""
    m, angles = result.metrics, result.arrays["angles"]
    fig, (left, right) = plots.figure(
        1,
        2,
        caption="Left: angles between the subspace that the weights of the linear network span and that of the first "
        f"{len(angles)} principal components; the dashed line is the claimed bound. Right: mean squared error per "
        f"pixel of the test images, with a code of {len(angles)} numbers.",
        height=3.2,
    )
    left.bar(np.arange(1, len(angles) + 1), angles, color=plots.COLORS["blue"])
    left.axhline(5, color=plots.COLORS["grey"], linestyle="--", linewidth=1)
    left.set(xlabel="angle, by size", ylabel="principal angle [degrees]", ylim=(0, max(5.5, 1.1 * angles.max())))
    left.set_xticks(np.arange(1, len(angles) + 1, max(1, len(angles) // 8)))
    left.grid(False, axis="x")
    names = {"deep": "deep network", "linear": "linear network", "pca": "PCA"}
    right.barh(list(names.values()), [m[f"{name}_error"] for name in names], color=plots.COLORS["blue"], height=0.6)
    right.set(xlabel="mean squared error per pixel")
    right.grid(False, axis="y")
    return fig


def plot_reconstructions(a: dict[str, Any]) -> plots.Figure:
    """Draw test images and what comes out of the networks and of PCA."""
    fig, axes = plots.figure(
        caption="Test images, and their reconstructions from a code of the same size: by the deep network, by PCA, "
        "and by the linear network, which matches PCA.",
        height=2.4,
    )
    rows = {"original": "originals", "deep network": "deep", "PCA": "pca", "linear network": "linear"}
    plots.show_strips(axes, [plots.squares(a[name]) for name in rows.values()], list(rows), low=0.0)
    return fig


def plot_denoising(a: dict[str, Any]) -> plots.Figure:
    """Draw damaged images and what is made of them."""
    fig, axes = plots.figure(
        2,
        caption="Test images with normal noise (top) and with hidden pixels, shown in white (bottom), and their "
        "reconstructions: by a network trained to restore such images, by one trained on clean images only, and by "
        "PCA.",
        height=6.4,
    )
    rows = {"damaged": "damaged", "denoising": "restored", "plain network": "plain", "PCA": "pca"}
    for ax, name, title in zip(axes, ("noise", "hidden"), ("Normal noise", "Hidden pixels"), strict=True):
        images = [a["originals"], *(a[name][key] for key in rows.values())]
        plots.show_strips(ax, [plots.squares(x) for x in images], ["original", *rows], low=0.0)
        ax.set_title(title)
    return fig


def plot_map(a: dict[str, Any]) -> plots.Figure:
    """Draw the test images in two numbers, by PCA and by the network, and the images of a grid of codes."""
    fig, (left, middle, right) = plots.figure(
        1,
        3,
        caption="Two-dimensional codes of the test images: the first two principal components, and the codes of a "
        "deep network; colour shows the class, which neither was given. Right: images decoded from a grid of codes "
        "over the frame in the middle.",
        width=11.0,
        height=4.3,
    )
    _scatter(left, a["scores"], a, "Principal components", "component")
    _scatter(middle, a["codes"], a, "Codes", "code")
    low, high = a["corners"]
    middle.plot(*np.transpose([low, (high[0], low[1]), high, (low[0], high[1]), low]), color="#222222", linewidth=1)
    plots.image_grid(right, plots.squares(a["grid"].reshape(-1, a["grid"].shape[-1])), len(a["grid"]))
    right.set(xlabel="code 1", ylabel="code 2", title="Decoded")
    code_map.legend(fig, left, size=_SIZE)
    return fig


def _scatter(axes: Any, points: np.ndarray, a: dict[str, Any], title: str, name: str) -> None:
    code_map.scatter(axes, points, a["labels"], a["classes"], size=_SIZE)
    low, high = np.quantile(points, (0.002, 0.998), axis=0)
    margin = 0.05 * (high - low)
    axes.set(xlim=(low[0] - margin[0], high[0] + margin[0]), ylim=(low[1] - margin[1], high[1] + margin[1]))
    axes.set(xlabel=f"{name} 1", ylabel=f"{name} 2", title=title)
