"""Figures of the experiment."""

import numpy as np

from neuraxis import plots
from neuraxis.experiment import Result

_TITLES = {
    "channel": "Channel, x",
    "square": "Square, x²",
    "product": "Product, x₁x₂",
    "chain": "Chain, 2(2x² − 1)² − 1",
}


def plot_channel(result: Result) -> plots.Figure:
    """Draw a signal, what comes out of the spiking channel, and the error."""
    a, m = result.arrays, result.metrics
    fig, (top, bottom) = plots.figure(
        2, 1, height=4.5, ratios=(3.0, 1.5), sharex=True,
        caption="A signal passes through two populations of spiking neurons. The value decoded from the second agrees "
        "with the signal after the same two synapses, which delay it slightly; the error is their difference.",
    )  # fmt: skip
    exact, found = a["channel_exact"], a["channel_spiking"]
    top.plot(a["times"], a["input"], color=plots.COLORS["grey"], linestyle=":", label="signal")
    top.plot(a["times"], exact, color=plots.COLORS["grey"], linewidth=4, alpha=0.5, label="after two synapses")
    top.plot(a["times"], found, color=plots.COLORS["orange"], linewidth=1.0, label="decoded from spikes")
    top.set(ylabel="x", title="Communication channel", ylim=(-1.1, 1.5))
    plots.legend(top, loc="upper right", ncols=3)
    bottom.plot(a["times"], found - exact, color=plots.COLORS["orange"], linewidth=0.8)
    error = m["channel_spiking_rms_error"]
    bottom.set(xlabel="time [ms]", ylabel="error", title=f"Root mean square error {error:.4f}")
    return fig


def plot_functions(result: Result) -> plots.Figure:
    """Draw what the other networks compute, in rates and in spikes."""
    a, m = result.arrays, result.metrics
    names = [name for name in _TITLES if name != "channel"]
    fig, axes = plots.figure(
        len(names), 1, height=6.5, sharex=True,
        caption="Functions computed by networks of populations, with steady rates (blue) and with spikes (orange), "
        "compared with exact functions and the same synapses (grey).",
    )  # fmt: skip
    for ax, name in zip(axes, names, strict=True):
        ax.plot(a["times"], a[f"{name}_exact"], color=plots.COLORS["grey"], linewidth=4, alpha=0.5, label="exact")
        for mode, color in (("spiking", "orange"), ("rate", "blue")):
            label = f"{mode}, error {m[f'{name}_{mode}_rms_error']:.3f}"
            ax.plot(a["times"], a[f"{name}_{mode}"], color=plots.COLORS[color], linewidth=1.0, label=label)
        low, high = ax.get_ylim()
        ax.set_ylim(low, high + 0.35 * (high - low))  # room for the legend
        ax.set_title(_TITLES[name])
        plots.legend(ax, loc="upper right", ncols=3)
    axes[-1].set_xlabel("time [ms]")
    return fig


def plot_weights(result: Result) -> plots.Figure:
    """Draw the full matrix."""
    w = result.arrays["weights"]
    fig, ax = plots.figure(
        height=4.5, width=5.5,
        caption="All individual weights between two populations that compute 2x² − 1: decoders times encoders, a "
        "matrix of rank 1 with a checkerboard of signs. Neurons are ordered by their preferred sign and by the x at "
        "which they start firing.",
    )  # fmt: skip
    largest = np.quantile(np.abs(w), 0.98)
    image = ax.imshow(w, cmap="RdBu_r", vmin=-largest, vmax=largest, aspect="auto", interpolation="nearest")
    ax.grid(False)
    ax.set(title="Full weights W = D E", xlabel="neuron of B", ylabel="neuron of A")
    fig.colorbar(image, ax=ax, label="drive for 1 Hz")
    return fig


def plot_cost(result: Result) -> plots.Figure:
    """Draw the number of weights and the time of a step against the size."""
    a = result.arrays
    fig, (left, right) = plots.figure(
        1, 2, height=3.4,
        caption="Cost of connecting two populations of equal size by decoding and encoding, and by the full matrix: "
        "multiplications per step, and the time per step of the whole spiking network on this machine.",
    )  # fmt: skip
    for i, (name, color) in enumerate((("factored", "blue"), ("full", "orange"))):
        left.loglog(a["sizes"], a["multiplications"][i], "o-", ms=4, color=plots.COLORS[color], label=name)
        right.loglog(a["sizes"], a["us_per_step"][i], "o-", ms=4, color=plots.COLORS[color], label=name)
    left.set(title="Multiplications", xlabel="neurons of each population", ylabel="in a step")
    right.set(title="Time", xlabel="neurons of each population", ylabel="of a step [µs]")
    plots.legend(left)
    plots.legend(right)
    return fig
