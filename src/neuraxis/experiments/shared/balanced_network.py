"""What the experiments with balanced networks of excitation and inhibition share: connections, measures, figures."""

from collections.abc import Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from neuraxis import plots
from neuraxis.neurons.spike_train import firing_rates, intervals, rate_histogram, trains, variation
from neuraxis.spiking.connections import SparseConnections, connect
from neuraxis.spiking.connectivity import fixed_probability
from neuraxis.spiking.spiking_network import NetworkState, packed_events, record_packed

BIN = 5.0  # width of a bin of the rate over time [ms]
SHOWN = 3  # neurons whose potential is drawn
_SAMPLE = 400  # neurons in the raster
_WINDOW = 300.0  # length of the raster and of the potentials, at the end of the run [ms]


def excitatory(neurons: int) -> int:
    """Return the number of excitatory neurons, which come first: four in five."""
    return round(0.8 * neurons)


def memory(neurons: int, probability: float, steps: float, delay: float = 0.0) -> float:
    """Estimate the memory of a run [bytes]: connections while they are laid out, the state, and the record twice."""
    connections, words = probability * float(neurons) ** 2, neurons / 32 + SHOWN + 1
    return 80 * connections + 24 * (delay + 4) * neurons + 8 * words * steps


def connections(
    neurons: int, probability: float, areas: Sequence[float], *, key: jax.Array, delay: float = 0.0, dt: float = 0.1
) -> SparseConnections:
    """Connect all pairs with one probability: excitatory neurons onto receptor 0, inhibitory ones onto receptor 1."""
    edge, whole = excitatory(neurons), slice(0, neurons)
    parts = [
        fixed_probability(population, whole, probability, key=key, weight=area, delay=delay, receptor=k)
        for k, (population, key, area) in enumerate(
            zip((slice(0, edge), slice(edge, neurons)), jax.random.split(key), areas, strict=True)
        )
    ]
    return connect(*parts, size=neurons, receptors=2, dt=dt)


def record_activity(state: NetworkState, spikes: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Record all spikes as bits, and the potentials of the first neurons."""
    return record_packed(state, spikes), state.v[:SHOWN]


def lost_events(connections: SparseConnections) -> float:
    """Count the connections over which nothing arrives when all neurons fire in one step."""
    ones = eqx.tree_at(lambda c: c.weights, connections, jnp.ones_like(connections.weights))
    pending = jnp.zeros((ones.depth, ones.receptors, ones.size))
    arrived = ones.deliver(pending, jnp.ones(ones.size), jnp.int32(0))
    return float(len(ones.weights) - np.asarray(arrived, float).sum())


def measure(record: tuple[Any, Any], neurons: int, dt: float) -> tuple[dict[str, float], dict[str, Any]]:
    """Return firing rates, irregularity and what the figures need of a record of `record_activity`."""
    words, v = (np.asarray(part) for part in record)
    duration, edge = len(words) * dt, excitatory(neurons)
    times, who = packed_events(words, dt)
    spikes = trains(times, who, neurons)
    rate, irregular, between = firing_rates(spikes, duration), variation(spikes), intervals(spikes)
    bins = max(1, int(duration / BIN))
    centers, over_time = rate_histogram(np.where(spikes <= bins * BIN, spikes, np.inf), bins * BIN, BIN)
    metrics = {
        "firing_rate_hz": float(rate.mean()),
        "excitatory_rate_hz": float(rate[:edge].mean()),
        "inhibitory_rate_hz": float(rate[edge:].mean()),
        "last_quarter_rate_hz": float((times > 0.75 * duration).sum() / neurons / (0.25 * duration / 1000)),
        # Where no neuron fires three times there is no irregularity to be seen.
        "mean_cv": float(irregular[np.isfinite(irregular)].mean()) if np.isfinite(irregular).any() else 0.0,
    }
    arrays = {
        "times": times, "neurons": who, "size": neurons, "duration": duration, "dt": dt, "v": v,
        "bin_centers": centers, "rate_over_time": over_time,
        "intervals": between[np.isfinite(between)], "cv": irregular[np.isfinite(irregular)],
    }  # fmt: skip
    return metrics, arrays


def plot_raster(a: dict[str, Any], caption: str) -> plots.Figure:
    """Draw spikes of a sample of neurons, and the rate of the whole network, over the end of the run."""
    fig, (spikes, rate) = plots.figure(2, 1, height=5.5, ratios=(3.0, 1.3), sharex=True, caption=caption)
    start = max(0.0, a["duration"] - _WINDOW)
    stride = max(1, a["size"] // _SAMPLE)
    edge = excitatory(a["size"])
    for label, color, part in (
        ("excitatory", "blue", a["neurons"] < edge),
        ("inhibitory", "orange", a["neurons"] >= edge),
    ):
        kept = part & (a["neurons"] % stride == 0) & (a["times"] > start)
        plots.raster(spikes, a["times"][kept], a["neurons"][kept], color=plots.COLORS[color], label=label)
    spikes.set(xlim=(start, a["duration"]), ylim=(0, a["size"]), ylabel="neuron")
    spikes.set_title("Spikes", loc="left")
    spikes.legend(
        fontsize=9, frameon=False, loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=2, markerscale=4, borderpad=0
    )
    spikes.set_xlabel("")
    rate.plot(a["bin_centers"], a["rate_over_time"], linewidth=1)
    rate.set_title("Mean rate of all neurons", loc="left")
    rate.set(xlabel="time [ms]", ylabel="rate [Hz]")
    rate.set_ylim(bottom=0)
    return fig


def plot_regularity(a: dict[str, Any], caption: str) -> plots.Figure:
    """Draw the distributions of inter-spike intervals and of their coefficients of variation."""
    fig, (interval, cv) = plots.figure(1, 2, height=3.4, caption=caption)
    longest = max(a["intervals"].max(initial=1), 10)
    interval.hist(a["intervals"], np.geomspace(1, longest, 50), color=plots.COLORS["blue"])
    interval.set_title("Intervals", loc="left")
    interval.set(xscale="log", xlabel="inter-spike interval [ms]", ylabel="number of intervals")
    cv.hist(a["cv"], 50, range=(0, max(2, a["cv"].max(initial=0))), color=plots.COLORS["blue"])
    cv.axvline(1, color=plots.COLORS["grey"], linestyle="--", label="Poisson process")
    cv.set_title("Irregularity", loc="left")
    cv.set(xlabel="coefficient of variation", ylabel="number of neurons")
    cv.set_ylim(top=1.25 * cv.get_ylim()[1])
    plots.legend(cv, loc="upper right")
    return fig


def plot_potentials(a: dict[str, Any], caption: str, threshold: float) -> plots.Figure:
    """Draw the membrane potentials of some neurons."""
    fig, axes = plots.figure(SHOWN, 1, height=4.8, sharex=True, sharey=True, caption=caption)
    steps = min(len(a["v"]), round(_WINDOW / a["dt"]))
    times = a["duration"] + a["dt"] * np.arange(1 - steps, 1)
    for k, ax in enumerate(axes):
        fired = a["times"][(a["neurons"] == k) & (a["times"] > times[0])]
        ax.plot(times, a["v"][-steps:, k], linewidth=1, label="potential")
        ax.axhline(threshold, color=plots.COLORS["grey"], linestyle="--", linewidth=1, label="threshold")
        ax.vlines(fired, threshold, threshold + 6, color=plots.COLORS["orange"], label="spikes")
        ax.set(ylabel="V [mV]")
    axes[0].set_title("Membrane potentials", loc="left")
    axes[0].legend(fontsize=9, frameon=False, loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=3, borderpad=0)
    axes[-1].set_xlabel("time [ms]")
    return fig
