"""Figures of the experiment."""

from typing import Any

import numpy as np

from neuraxis import plots
from neuraxis.experiment import Result
from neuraxis.experiments.shared import code_map


def plot_learning(result: Result) -> plots.Figure:
    """Draw the bound over the epochs, and beside it the estimate of ln p(x)."""
    m, history = result.metrics, result.arrays["history"]
    fig, axes = plots.figure(
        caption="The bound −ELBO on the training images (mean over each epoch, during training) and on held-out ones. "
        f"Dashed: −ln p(x) of the test images by importance sampling, {m['negative_log_likelihood']:.2f} ± "
        f"{m['standard_error']:.2f} nats; the bound there is {m['negative_elbo']:.2f}.",
        height=3.4,
    )
    epochs = np.arange(1, len(history["loss"]) + 1)
    axes.plot(epochs, history["loss"], label="−ELBO, training")
    axes.plot(epochs, history["validation_loss"], label="−ELBO, held out")
    axes.axhline(m["negative_log_likelihood"], color="#222222", linestyle="--", linewidth=1, label="−ln p(x), test")
    low = min(m["negative_log_likelihood"], *history["loss"], *history["validation_loss"])
    later = max(history["loss"][len(epochs) // 10 :].max(), history["validation_loss"][len(epochs) // 10 :].max())
    margin = 0.08 * (later - low)
    axes.set(ylabel="nats per image", title="Bound and estimate", ylim=(low - margin, later + margin))
    plots.epochs_along(axes)
    plots.legend(axes)
    return fig


def plot_samples(a: dict[str, Any]) -> plots.Figure:
    """Draw images that were decoded from random codes."""
    fig, axes = plots.figure(
        caption="Generated images: z is drawn from the standard normal distribution, and each pixel shows its "
        "probability of being black.",
        width=5.0,
        height=5.0,
    )
    plots.image_grid(axes, plots.squares(a["samples"]), 10)
    return fig


def plot_reconstructions(a: dict[str, Any]) -> plots.Figure:
    """Draw test images, what was drawn of them, and what comes back."""
    fig, axes = plots.figure(
        caption="Test images, the black-and-white pixels that the network sees, and their reconstructions.",
        height=2.4,
    )
    rows = {"original": "grey", "binary": "binary", "reconstruction": "reconstructed"}
    plots.show_strips(axes, [plots.squares(a[name]) for name in rows.values()], list(rows), low=0.0)
    return fig


def plot_interpolation(a: dict[str, Any]) -> plots.Figure:
    """Draw the images on straight lines between two codes."""
    fig, axes = plots.figure(
        caption="From one test image (left) to another (right): images decoded from codes at equal steps along the "
        "straight line between theirs.",
        height=3.6,
    )
    plots.image_grid(axes, plots.squares(a["between"].reshape(-1, a["between"].shape[-1])), a["between"].shape[1])
    return fig


def plot_plane(a: dict[str, Any]) -> plots.Figure:
    """Draw the codes of the test images in the plane, and the images of a grid of codes."""
    fig, (left, right) = plots.figure(
        1,
        2,
        caption="A two-dimensional code. Left: the mean of z for each test image; colour shows its class, which the "
        "network was not given, and the circle contains 95 % of the standard normal distribution. Right: images "
        "decoded from a grid over the plane whose cells are equally probable.",
        width=10.0,
        height=5.6,
    )
    size = float(np.clip(5000 / len(a["codes"]), 3, 14))
    code_map.scatter(left, a["codes"], a["labels"], a["classes"], size=size)
    angle, radius = np.linspace(0, 2 * np.pi, 200), np.sqrt(-2 * np.log(0.05))
    left.plot(radius * np.cos(angle), radius * np.sin(angle), color="#222222", linewidth=1)
    left.set(xlabel="z₁", ylabel="z₂", title="Codes", aspect="equal", xlim=(-4, 4), ylim=(-4, 4))
    plots.image_grid(right, plots.squares(a["plane"].reshape(-1, a["plane"].shape[-1])), len(a["plane"]))
    right.set(xlabel="z₁", ylabel="z₂", title="Decoded")
    code_map.legend(fig, left, size=size)
    return fig
