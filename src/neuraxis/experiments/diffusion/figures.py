"""Figures of the experiment."""

from typing import Any

import numpy as np

from neuraxis import plots
from neuraxis.experiments.shared.scorer import plot_table

_NAMES = {"moons": "Two moons", "roll": "Swiss roll"}
_WHAT = {"noise": "ε", "v": "v", "velocity": "velocity"}


def plot_points(a: dict[str, Any]) -> plots.Figure:
    """Draw real points beside generated ones."""
    fig, axes = plots.figure(
        2,
        2,
        caption="Points of two densities of the plane (left), and as many that were drawn by DDPM from a network that "
        "has learnt from other points of the same density (right).",
        height=7.0,
    )
    for row, (name, title) in zip(axes, _NAMES.items(), strict=True):
        for ax, side, color in zip(row, ("real", "generated"), ("grey", "blue"), strict=True):
            ax.scatter(*a[name][side].T, s=3, linewidths=0, color=plots.COLORS[color])
            ax.set(xlim=(-2.6, 2.6), ylim=(-2.6, 2.6), aspect="equal", xlabel="x₁", ylabel="x₂")
            ax.set_title(f"{title}, {side}")
    return fig


def plot_optimum(a: dict[str, Any]) -> plots.Figure:
    """Draw how far networks are from the closed form, at every time."""
    fig, axes = plots.figure(
        caption="How far the noise that a network finds in normally distributed data is from the best prediction there "
        "is, which is known in closed form; both are near 1 in size where there is much noise. The networks have "
        "learnt to predict the noise ε, v, or the velocity of flow matching.",
        height=3.2,
    )
    for (name, error), color in zip(a["errors"].items(), ("blue", "orange", "green"), strict=True):
        t = np.arange(1, len(error) + 1) / len(error)
        axes.semilogy(t, error, color=plots.COLORS[color], label=f"learnt as {_WHAT[name]}")
    axes.set(xlabel="time t/T (0 is data, 1 is noise)", ylabel="mean squared error of ε", ylim=(1e-6, None))
    plots.legend(axes)
    return fig


def plot_samples(a: dict[str, Any]) -> plots.Figure:
    """Draw images beside real ones."""
    fig, axes = plots.figure(
        1,
        2,
        caption="Test images (left), and images drawn by DDPM with all steps, of no class in particular (right).",
        height=2.6,
    )
    for ax, name, title in zip(axes, ("real", "samples"), ("Test images", "Samples"), strict=True):
        plots.image_grid(ax, a[name][..., 0], 10)
        ax.set_title(title)
    return fig


def plot_reverse(a: dict[str, Any]) -> plots.Figure:
    """Draw the way from noise to images, and the image that the network expects at each step."""
    reverse = a["reverse"]
    frames, count = reverse["x"].shape[:2]
    fig, axes = plots.figure(
        2,
        caption="From noise to four images, one in each row: x_t at some of the times t (above), and the image x̂₀ that "
        "the network takes it for in the step that leads there (below). Grey is 0; what lies outside of the range of "
        "the pixels is cut.",
        height=6.4,
    )
    x = np.swapaxes(reverse["x"], 0, 1)
    clean = np.concatenate([np.full_like(x[:, :1], -1.0), np.swapaxes(reverse["clean"], 0, 1)], axis=1)
    for ax, images, title in ((axes[0], x, "Noisy images x_t"), (axes[1], clean, "Estimates of the image")):
        plots.image_grid(ax, images.reshape(count * frames, *images.shape[2:4]), frames, low=-1.0)
        size = images.shape[3] + 1
        ax.set_xticks((np.arange(frames) + 0.5) * size - 1, [f"{t}" for t in reverse["times"]])
        ax.tick_params(length=0)
        ax.set(xlabel="time t")
        ax.set_title(title)
    return fig


def plot_guidance(a: dict[str, Any]) -> plots.Figure:
    """Draw every class without guidance and with it."""
    fig, axes = plots.figure(
        2,
        caption="Two images of each class, by DDIM from the same noise: of the network that is told the class, without "
        "guidance (above), and with it (below).",
        height=3.8,
    )
    for ax, images, title in zip(axes, a["guided"].values(), ("Told the class", "With guidance"), strict=True):
        plots.image_grid(ax, images[..., 0], len(images) // 2)
        ax.set_title(title)
    return fig


def plot_steps(a: dict[str, Any]) -> plots.Figure:
    """Draw quality against the number of steps, and images after each number."""
    curves = a["curves"]
    fig, axes = plots.figure(
        2,
        2,
        caption="Quality of the samples against the number of steps, in the eyes of a classifier: Fréchet distance of "
        "its features from those of real images (lower is better; dashed: of other real images), and how sure it is "
        "of a class. Below: the same noise after each number of steps.",
        width=9.0,
        height=6.4,
    )
    for ax, field, label in (
        (axes[0, 0], "frechet_distance", "Fréchet distance"),
        (axes[0, 1], "confidence", "confidence"),
    ):
        for (name, curve), color in zip(curves.items(), ("blue", "orange", "green"), strict=True):
            values = [getattr(score, field) for score in curve.values()]
            ax.plot(list(curve), values, "o-", color=plots.COLORS[color], label=name, markersize=4)
        ax.axhline(getattr(a["rows"]["test images"], field), color=plots.COLORS["grey"], linestyle="--", linewidth=1)
        ax.set_xscale("log", base=2)
        steps = list(curves["DDPM"])
        ax.set_xticks(steps, [str(s) for s in steps])
        ax.set(xlabel="sampling steps", ylabel=label)
    axes[0, 0].set_yscale("log")
    plots.legend(axes[0, 0])
    for ax, name in zip(axes[1], ("DDPM", "flow matching"), strict=True):
        sheets = a["drawn"][name]
        names = ["1 step" if steps == 1 else f"{steps} steps" for steps in curves[name]]
        plots.show_strips(ax, [sheet[..., 0] for sheet in sheets], names, low=0.0)
        ax.set_title(name)
    return fig


def plot_scores(a: dict[str, Any]) -> plots.Figure:
    """Draw the scores between the two ends of the scale."""
    return plot_table(a["rows"])
