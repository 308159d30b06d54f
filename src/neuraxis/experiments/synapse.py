"""Synapses: exactly filtered spike trains let a population follow its input.

A synapse turns each spike into a smooth pulse h(t) = k tⁿ e^(−t/τ_s) of area 1. The areas are measured for the orders n
= 0 to 5. A population of LIF neurons with random preferred directions, maximum rates and intercepts encodes a signal in
spikes, whose times lie anywhere between the steps. Its spike trains are filtered by the definition, a sum over all
spike times in double precision, and by the recursive filter that a simulation uses, in single precision. Both must
agree; the error of ignoring the times within the steps is shown for comparison.

The filtered trains, weighted by least squares on the first half of the run, then follow the signal in the second half.
How well depends on the time constant: a short one leaves the noise of single spikes, a long one blurs the signal.

Sources: Rall, J. Neurophysiology 30:1138 (1967); Rotter & Diesmann, Biological Cybernetics 81:381 (1999); Eliasmith &
Anderson, Neural Engineering (2003), chapter 4.
"""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from scipy.integrate import cumulative_simpson, simpson

from neuraxis import check, plots
from neuraxis.engine import simulate
from neuraxis.errors import InputError
from neuraxis.experiment import Claim, Result, check_range, check_settings, check_some, check_steps
from neuraxis.experiments.shared import memory
from neuraxis.experiments.shared.stages import stages
from neuraxis.neurons.lif import LIF
from neuraxis.neurons.spike_train import firing_rates, trains
from neuraxis.neurons.spikes import Spikes, events, record_spikes
from neuraxis.neurons.synapse import Synapse

PLACE = ("Neurons", 3)
EQUATIONS = r"""
h(t) = k\, t^n e^{-t/\tau_s} \quad (t \ge 0), \qquad k = \frac{1}{n!\,\tau_s^{n+1}}, \qquad \int_0^\infty h(t)\,dt = 1
"""


@dataclass(frozen=True)
class Settings:
    """Settings of the experiment."""

    tau_s: float = 5.0
    """Time constant of the synapses [ms]."""
    order: int = 1
    """Order of the synapses that decode the signal: 0 exponential, 1 alpha."""
    dt: float = 1.0
    """Length of a step [ms]."""
    duration: float = 10000.0
    """Simulated time [ms]; the first half trains the decoding weights, the second tests them."""
    neurons: int = 100
    """Size of the population."""
    frequency: float = 2.0
    """Highest frequency of the signal [Hz]."""
    time_constants: tuple[float, ...] = (1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0)
    """Time constants over which the error of decoding is measured [ms]."""
    seed: int = 0
    """Seed for the signal and the population's encoders, maximum rates and intercepts."""

    def __post_init__(self):
        check_settings(self)
        check.positive(tau_s=self.tau_s, dt=self.dt, duration=self.duration, frequency=self.frequency)
        check.positive(time_constants=np.asarray(self.time_constants, float))
        check.whole(neurons=self.neurons)
        check_range(self.dt / 100, 1e6, tau_s=self.tau_s)
        check_some(time_constants=self.time_constants)
        check_range(0, 20, order=self.order)
        check_range(0, 500 / self.dt, frequency=self.frequency)
        if self.frequency * self.duration < 4000:
            raise InputError(
                f"duration must cover at least 4 periods of the highest frequency, {self.frequency} Hz, but is "
                f"{self.duration} ms"
            )
        check_steps(self.dt, 10, duration=self.duration)

    def memory(self) -> float:
        """Estimate the minimum memory of a run [bytes]."""
        impulse = memory.simulation(60 * self.tau_s, self.dt, 2)
        return max(impulse, memory.simulation(self.duration, self.dt, 5 * self.neurons))


QUICK = Settings(duration=4000.0, neurons=60, time_constants=(2.0, 10.0, 100.0))

CORRELATION = Claim("correlation", ">=", 0.95)
_CLAIMS = (
    Claim("area_error", "<=", 1e-6),
    Claim("recursive_area_error", "<=", 1e-6),
    Claim("recursive_error", "<=", 1e-4),
    Claim("convolution_error", "<=", 1e-4),
    CORRELATION,
)
_ORDERS = range(6)
_COMPARED = 1000.0  # length of the trains that are also filtered by the definition, in a time ∝ its square [ms]
_DRAWN = {0: "Exponential, n = 0", 1: "Alpha, n = 1"}
_TRAIN = 120.0  # length of what is drawn of one filtered train [ms]
_SHOWN = 2000.0  # length of what is drawn of the population [ms]


def run(settings: Settings) -> Result:
    """Measure the filters, and how the population follows its input."""
    recorded = population(settings)
    measures = (lambda: impulses(settings), lambda: agreement(settings, recorded), lambda: decoding(settings, recorded))
    parts = [measure() for measure in stages("synapses", measures)]
    metrics = {name: value for found, _ in parts for name, value in found.items()}
    arrays = {name: array for _, found in parts for name, array in found.items()}
    return Result(metrics, _CLAIMS, arrays)


def impulses(settings: Settings):
    """Impulse responses of all orders, and their areas: integrals of h, and sums over a recursive filter's steps."""
    tau_s, dt = settings.tau_s, settings.dt
    times = np.linspace(0, 60 * tau_s, 30_001)  # no later than where e^(−t/τ_s) is lost in float64
    pulse = jnp.zeros(int(np.ceil(60 * tau_s / dt)) + 1).at[0].set(1 / dt)  # of area 1
    responses, areas, sums = [], [], []
    for order in _ORDERS:
        synapse = Synapse(tau_s, order)
        response = np.asarray(synapse.impulse_response(times), float)
        responses.append(response)
        areas.append(simpson(response, x=times))
        sums.append(dt * np.asarray(simulate(synapse, pulse, dt=dt).record, float).sum())
    metrics = {
        "area_error": float(np.abs(np.array(areas) - 1).max()),
        "recursive_area_error": float(np.abs(np.array(sums) - 1).max()),
    }
    until = times <= 15 * tau_s
    times, responses = times[until], np.array(responses)[:, until]
    integrals = cumulative_simpson(responses, x=times, initial=0)
    return metrics, {"response_times": times, "responses": responses, "integrals": integrals}


def population(settings: Settings):
    """Times [ms], a signal (time,), and spikes (time, neuron) of a population that encodes it, with their periods."""
    keys = jax.random.split(jax.random.key(settings.seed), 4)
    size = (settings.neurons,)
    lif = LIF()
    encoders = jax.random.rademacher(keys[0], size, float)
    max_rates = jax.random.uniform(keys[1], size, minval=100.0, maxval=200.0)
    gain, bias = lif.gain_bias(max_rates, jax.random.uniform(keys[2], size, minval=-0.95, maxval=0.95))
    steps = int(settings.duration / settings.dt)
    times = settings.dt * np.arange(1, steps + 1)
    signal = smooth_signal(times - settings.dt / 2, settings, keys[3])
    drive = gain * encoders * jnp.asarray(signal, gain.dtype)[:, None] + bias
    spikes = simulate(lif, drive, dt=settings.dt, record=record_spikes).record
    preferred = np.argsort(np.asarray(encoders) * (1.0 + np.asarray((1 - bias) / gain)))
    return times, signal, Spikes(*(part[:, preferred] for part in spikes)), np.asarray(lif.period(drive))[:, preferred]


def smooth_signal(times: np.ndarray, settings: Settings, key) -> np.ndarray:
    """Sum of sines of random phases with periods that divide the duration, up to a frequency, with values in ±1."""
    periods = np.arange(1, int(settings.frequency * settings.duration / 1000) + 1)
    phases, sizes = np.asarray(jax.random.uniform(key, (2, len(periods))), float)
    signal = np.zeros_like(times)
    for number, phase, size in zip(periods, phases, sizes, strict=True):
        signal += size * np.sin(2 * np.pi * (number * times / settings.duration + phase))
    return signal / np.abs(signal).max()


def agreement(settings: Settings, recorded):
    """The recursive filter in float32 and the sum over all spike times in float64, relative to the largest value."""
    times, _, spikes, periods = recorded
    steps = min(len(times), int(_COMPARED / settings.dt))
    times, spikes = times[:steps], Spikes(*(part[:steps] for part in spikes))
    lists = trains(*events(spikes, settings.dt, apart=periods[:steps]), settings.neurons)
    held = spikes.number / settings.dt
    busiest = int(np.argmax((lists <= _TRAIN).sum(axis=1)))
    fine = np.linspace(0, _TRAIN, 3001)
    arrays = {"train": lists[busiest], "train_times": times, "train_fine_times": fine}
    errors = {"recursive": [], "spread": [], "convolution": []}
    for order in _ORDERS:
        synapse = Synapse(settings.tau_s, order)
        with jax.enable_x64(True):
            direct = np.asarray(synapse.filter_spikes(lists, times)).T
            if order in _DRAWN:
                arrays[f"train_fine_{order}"] = np.asarray(synapse.filter_spikes(lists[busiest], fine))
        recursive, spread = (np.asarray(simulate(synapse, x, dt=settings.dt).record, float) for x in (spikes, held))
        convolved = np.asarray(synapse.convolve(held, settings.dt), float)
        for name, found, wanted in (
            ("recursive", recursive, direct), ("spread", spread, direct), ("convolution", convolved, spread),
        ):  # fmt: skip
            errors[name].append(np.abs(found - wanted).max() / wanted.max())
        arrays[f"train_{order}"] = recursive[:, busiest]
    metrics = {
        "recursive_error": float(max(errors["recursive"])),
        "convolution_error": float(max(errors["convolution"])),
        "error_without_times": float(max(errors["spread"])),
    }
    return metrics, arrays | {"filter_errors": {name: np.array(error) for name, error in errors.items()}}


def decoding(settings: Settings, recorded):
    """The signal decoded from filtered trains, by weights found in the first half of the run, and its error."""
    times, signal, spikes, periods = recorded
    half = len(times) // 2
    mean = np.sqrt(np.mean(signal[half:] ** 2))
    found = decoded(Synapse(jnp.asarray(settings.tau_s), settings.order), settings, recorded)
    swept = {
        order: np.array([
            rms(decoded(Synapse(jnp.asarray(tau_s), order), settings, recorded) - signal, half) / mean
            for tau_s in settings.time_constants
        ])
        for order in sorted({0, 1, settings.order})
    }  # fmt: skip
    spike_times, fired = events(spikes, settings.dt, apart=periods)
    lists = trains(spike_times, fired, settings.neurons)
    length = len(times) * settings.dt
    metrics = {
        "correlation": float(np.corrcoef(found[half:], signal[half:])[0, 1]),
        "rms_error": rms(found - signal, half),
        "relative_rms_error": rms(found - signal, half) / float(mean),
        "mean_rate_hz": float(firing_rates(lists, length).mean()),
    }
    arrays = {
        "times": times, "signal": signal, "decoded": found, "half": times[half - 1], "spike_times": spike_times,
        "fired": fired, "time_constants": np.array(settings.time_constants), "swept": swept,
    }  # fmt: skip
    return metrics, arrays


def decoded(synapse: Synapse, settings: Settings, recorded) -> np.ndarray:
    """Weighted sum of the filtered trains (time,), with the weights that fit the first half best."""
    times, signal, spikes, _ = recorded
    half = len(times) // 2
    filtered = np.asarray(simulate(synapse, spikes, dt=settings.dt).record, float)
    weights = np.linalg.lstsq(filtered[:half], signal[:half])[0]
    return filtered @ weights


def rms(error: np.ndarray, half: int) -> float:
    """Root of the mean square in the second half of the run."""
    return float(np.sqrt(np.mean(error[half:] ** 2)))


def plot(result: Result) -> dict[str, plots.Figure]:
    """Plot the results."""
    a = result.arrays
    return {
        "impulse-responses": _plot_responses(a),
        "filtered-train": _plot_train(a),
        "agreement": _plot_agreement(a),
        "population": _plot_population(a, result.metrics),
        "time-constants": _plot_time_constants(a),
    }


def _plot_responses(a) -> plots.Figure:
    fig, (response, integral) = plots.figure(
        2, 1, height=5.5, sharex=True,
        caption="Top: responses of synapses of order 0 to 5 to one spike. Bottom: the area under each response up to "
        "time t tends to 1, so a spike has the same weight in all of them.",
    )  # fmt: skip
    for order in _ORDERS:
        name = {0: "n = 0, exponential", 1: "n = 1, alpha"}.get(order, f"n = {order}")
        response.plot(a["response_times"], a["responses"][order], label=name)
        integral.plot(a["response_times"], a["integrals"][order])
    response.set(title="Impulse response", ylabel="h [1/ms]")
    plots.legend(response, loc="upper right")
    integral.axhline(1, color=plots.COLORS["grey"], linestyle="--")
    integral.set(title="Cumulative area", xlabel="time [ms]", ylabel="∫h")
    return fig


def _plot_train(a) -> plots.Figure:
    fig, axes = plots.figure(
        2, 1, height=5.5, sharex=True,
        caption="The spike train of one neuron (marks at the bottom), filtered by the exponential and by the alpha "
        "synapse: the sum over all spikes (line) and the recursive filter, once per step (dots).",
    )  # fmt: skip
    within, spikes = a["train_times"] <= _TRAIN, a["train"][a["train"] <= _TRAIN]
    for (order, title), ax in zip(_DRAWN.items(), axes, strict=True):
        fine = a[f"train_fine_{order}"]
        ax.plot(a["train_fine_times"], fine, color=plots.COLORS["sky"], label="sum over spikes")
        ax.plot(a["train_times"][within], a[f"train_{order}"][within], ".", markersize=5, label="recursive filter")
        top = fine.max()
        ax.vlines(spikes, -0.14 * top, -0.04 * top, color=plots.COLORS["orange"], label="spikes")
        ax.set(title=title, ylabel="s [1/ms]", ylim=(-0.16 * top, 1.4 * top))
        plots.legend(ax, loc="upper center", ncols=3)
    axes[1].set_xlabel("time [ms]")
    return fig


def _plot_agreement(a) -> plots.Figure:
    fig, ax = plots.figure(
        caption="Largest difference from the sum over all spike times, relative to the largest value: for the "
        "recursive filter in float32 with exact spike times, and with spikes spread evenly over their step. Also the "
        "difference between convolution and recursive filter for the latter."
    )
    for name, label, marker in (
        ("spread", "recursive, spikes spread over their step", "s"),
        ("recursive", "recursive, exact spike times", "o"),
        ("convolution", "convolution vs recursive", "^"),
    ):
        ax.semilogy(list(_ORDERS), a["filter_errors"][name], marker + "-", label=label)
    ax.axhline(1e-4, color=plots.COLORS["grey"], linestyle="--", label="1e-4")
    ax.set(title="Agreement of the methods", xlabel="order n", ylabel="relative error", ylim=(1e-8, 10))
    plots.legend(ax, loc="upper right", ncols=2)
    return fig


def _plot_population(a, metrics) -> plots.Figure:
    fig, (spikes, signal) = plots.figure(
        2, 1, height=5.5, sharex=True,
        caption="Top: spikes of the population, in the part of the run that was not used to fit the weights. Bottom: "
        f"the weighted sum of its filtered spike trains follows the input; correlation {metrics['correlation']:.3f}.",
    )  # fmt: skip
    shown = (a["times"] > a["half"]) & (a["times"] <= a["half"] + _SHOWN)
    fired = (a["spike_times"] > a["half"]) & (a["spike_times"] <= a["half"] + _SHOWN)
    plots.raster(spikes, a["spike_times"][fired], a["fired"][fired])
    spikes.set(title="Spikes", xlabel="")
    signal.plot(a["times"][shown], a["signal"][shown], color=plots.COLORS["grey"], linewidth=2.5, label="input")
    signal.plot(a["times"][shown], a["decoded"][shown], color=plots.COLORS["orange"], label="from filtered spikes")
    signal.set(title="Signal", xlabel="time [ms]", ylabel="x", ylim=(-1.3, 1.7))
    plots.legend(signal, loc="upper right", ncols=2)
    return fig


def _plot_time_constants(a) -> plots.Figure:
    fig, ax = plots.figure(
        caption="Error of the decoded signal in the second half of the run, relative to the signal's size. Short time "
        "constants leave the noise of the spikes, long ones blur the signal."
    )
    for order, error in a["swept"].items():
        ax.loglog(a["time_constants"], error, "o-", label=f"order n = {order}")
    ax.set(title="Choosing the time constant", xlabel="time constant τ_s [ms]", ylabel="relative RMS error")
    plots.legend(ax)
    return fig
