"""Figures of the experiment."""

import numpy as np

from neuraxis import plots
from neuraxis.experiment import Result
from neuraxis.experiments.population_coding.representation import FUNCTIONS, NEURONS


def plot_tuning(result: Result) -> plots.Figure:
    """Draw the tuning curves of some neurons of each model."""
    a, m = result.arrays, result.metrics
    fig, axes = plots.figure(
        1, 3, height=3.0, sharey=True,
        caption="Tuning curves of some neurons of three ensembles with the same encoders, maximum rates and "
        "intercepts but different neuron models, and the root mean square error with which each represents x.",
    )  # fmt: skip
    for ax, name in zip(axes, NEURONS, strict=True):
        ax.plot(a["grid"], a[f"tuning_{name}"], linewidth=1.0)
        ax.set(title=f"{name}, error {m[f'rms_error_{name}']:.4f}", xlabel="x")
    axes[0].set_ylabel("rate [Hz]")
    return fig


def plot_decoded(result: Result) -> plots.Figure:
    """Draw functions as they are decoded, and the error."""
    a, m = result.arrays, result.metrics
    fig, axes = plots.figure(
        2, 3, height=4.2, ratios=(3.0, 2.0), sharex=True, sharey="row",
        caption="Top: three functions decoded from the steady rates of one ensemble of LIF neurons (blue), over the "
        "exact ones (grey). Bottom: their difference, and its root mean square.",
    )  # fmt: skip
    for (top, bottom), name in zip(axes.T, FUNCTIONS, strict=True):
        error = a[f"decoded_{name}"] - a[f"exact_{name}"]
        top.plot(a["grid"], a[f"exact_{name}"], color=plots.COLORS["grey"], linewidth=4, alpha=0.5, label="exact")
        top.plot(a["grid"], a[f"decoded_{name}"], color=plots.COLORS["blue"], label="decoded")
        top.set_title(name)
        bottom.plot(a["grid"], error, color=plots.COLORS["orange"])
        bottom.set(xlabel="x", title=f"error {m[f'rms_error_of_{name}']:.4f}")
    axes[0, 0].set_ylabel("f(x)")
    axes[1, 0].set_ylabel("decoded − exact")
    plots.legend(axes[0, 0], loc="upper left")
    return fig


def plot_size(result: Result) -> plots.Figure:
    """Draw both parts of the error against the number of neurons."""
    a, m = result.arrays, result.metrics
    fig, ax = plots.figure(
        caption="Mean squared error of x against the number of neurons. Each dot is an ensemble; the lines are fitted "
        "to the geometric means of each size. Noise on the activities adds an error that falls as 1/N; the "
        "distortion of x without noise falls faster.",
    )  # fmt: skip
    rng = np.random.default_rng(0)
    for part, (name, color) in enumerate((("distortion", "blue"), ("noise", "orange"))):
        values = a["error_parts"][..., part]
        apart = np.exp(0.04 * rng.uniform(-1, 1, values.shape))  # so that dots do not hide each other
        ax.loglog(a["sizes"][:, None] * apart, values, ".", ms=4, color=plots.COLORS[color], alpha=0.5)
        line = np.exp(np.polyval(a["error_lines"][part], np.log(a["sizes"])))
        ax.loglog(a["sizes"], line, color=plots.COLORS[color], label=f"{name}, slope {m[f'{name}_slope']:.2f}")
    ax.set(xlabel="number of neurons N", ylabel="mean squared error", title="Error against size")
    plots.legend(ax, loc="upper right")
    return fig


def plot_learning(result: Result) -> plots.Figure:
    """Draw the error of the decoders while PES learns."""
    a, m = result.arrays, result.metrics
    fig, (left, right) = plots.figure(
        1, 2, height=3.2,
        caption="Root mean square error of the decoded x² while PES learns it from scratch, compared with that of the "
        "solved decoders. Left: in steps, from the rates at random points. Right: in time, from spikes driven by a "
        "sine, with the error of the output itself, a function of filtered spikes.",
    )  # fmt: skip
    left.loglog(a["pes_examples"], a["pes_curve"], color=plots.COLORS["blue"], label="PES")
    seconds = np.arange(1, len(a["online_curve"]) + 1)
    right.semilogy(seconds, a["online_errors"], color=plots.COLORS["sky"], label="output in time")
    right.semilogy(seconds, a["online_curve"], color=plots.COLORS["blue"], label="PES, on steady rates")
    for ax in (left, right):
        ax.axhline(m["solved_rms_error"], color=plots.COLORS["grey"], linestyle="--", label="solved")
        plots.legend(ax)
    left.set(title="In steps", xlabel="examples", ylabel="error of x²")
    right.set(title="In time", xlabel="time [s]")
    return fig


def plot_spikes(result: Result) -> plots.Figure:
    """Draw spikes, and what is decoded from them."""
    a = result.arrays
    fig, (top, middle, bottom) = plots.figure(
        3, 1, height=6.5, ratios=(3.0, 2.0, 2.0), sharex=True,
        caption="Top: spikes of an ensemble that represents a sine; neurons that prefer negative x are at the bottom, "
        "each half ordered by the x at which neurons start firing. Bottom: the sine and its square, decoded from "
        "these spikes through a synapse, over the exact ones filtered by the same synapse.",
    )  # fmt: skip
    plots.raster(top, a["raster_times"], a["raster_neurons"])
    top.set_xlabel("")
    top.set_title("Spikes")
    for ax, column, name in ((middle, 0, "x"), (bottom, 1, "x²")):
        ax.plot(a["times"], a["spiking_wanted"][:, column], color=plots.COLORS["grey"], linewidth=4, alpha=0.5,
                label="exact, filtered")  # fmt: skip
        ax.plot(a["times"], a["spiking_decoded"][:, column], color=plots.COLORS["orange"], label="decoded")
        ax.set_ylabel(name)
    bottom.set_xlabel("time [ms]")
    plots.legend(middle, loc="upper right", ncols=2)
    return fig
