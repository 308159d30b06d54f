"""Leaky integrate-and-fire neuron: exact spike times, firing rates and tuning curves at any step.

Below its threshold the neuron follows v_in (1 − e^(−t/τ_m)); above it, it fires at 1/(τ_ref − τ_m ln(1 − 1/v_in)). The
simulation is compared with both, and a population with random preferred directions, maximum rates and intercepts with
its tuning curves.

A simulator that looks for spikes only at the end of each step delays every spike by up to a step, and the delays add
up. Here the threshold crossing is solved for within the step. The last figure shows the benefit: with a constant drive,
spike times are exact at any step, and with a varying drive (held constant in each step at its midpoint value) their
error falls with the square of the step, instead of with the step itself.

Sources: Lapicque, J. Physiol. Pathol. Gén. 9:620 (1907); Gerstner, Kistler, Naud & Paninski, Neuronal Dynamics (2014),
section 1.3; exact crossings: Hansel et al., Neural Computation 10:467 (1998).
"""

from dataclasses import dataclass

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from scipy.optimize import root_scalar

from neuraxis import check, plots
from neuraxis.engine import simulate
from neuraxis.errors import InputError
from neuraxis.experiment import Claim, Result, check_range, check_settings, check_some, check_steps
from neuraxis.experiments.shared import memory
from neuraxis.neurons.lif import LIF, LIFState
from neuraxis.neurons.spikes import events, record_spikes

PLACE = ("Neurons", 2)
EQUATIONS = r"""
\tau_m \frac{dv}{dt} = v_{in} - v, \qquad v = 1 \;\Rightarrow\; \text{spike, then } v = 0 \text{ for } \tau_{ref}

r(v_{in}) = \frac{1}{\tau_{ref} - \tau_m \ln(1 - 1/v_{in})} \quad (v_{in} > 1), \qquad \text{else } 0
"""


@dataclass(frozen=True)
class Settings:
    """Settings of the experiment."""

    tau_m: float = 20.0
    """Membrane time constant [ms]."""
    tau_ref: float = 2.0
    """Refractory period [ms]."""
    dt: float = 1.0
    """Length of a step [ms]."""
    duration: float = 2000.0
    """Simulated time for the firing rates [ms]."""
    drives: int = 500
    """Number of drives above threshold, from 1.001 to 100, at which the firing rate is measured."""
    neurons: int = 40
    """Size of the population whose tuning curves are measured."""
    steps: tuple[float, ...] = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
    """Step lengths at which spike times are compared [ms]."""
    seed: int = 0
    """Seed for the population's encoders, maximum rates and intercepts."""

    def __post_init__(self):
        check_settings(self)
        check.positive(tau_m=self.tau_m, dt=self.dt, steps=np.asarray(self.steps, float))
        check.not_negative(tau_ref=self.tau_ref)
        check_some(steps=self.steps)
        check_range(0, 5 * self.tau_m, dt=self.dt)
        for dt in self.steps:
            check_range(0, 5 * self.tau_m, steps=dt)
        check_steps(self.dt, 20, duration=self.duration)
        if self.duration < (least := 20 * (self.tau_m + self.tau_ref)):
            raise InputError(f"duration must be at least 20 (tau_m + tau_ref) = {least} ms, but is {self.duration}")
        check.whole(drives=self.drives, neurons=self.neurons)

    def memory(self) -> float:
        """Estimate the minimum memory of a run [bytes]."""
        recorded = 2 * max(self.drives, 21 * self.neurons)
        runs = memory.simulation(self.duration, self.dt, recorded)
        return max(runs, memory.simulation(50 * self.tau_m, min((*self.steps, self.dt)), 8 * _TIMED))


QUICK = Settings(duration=500.0, drives=60, neurons=12, steps=(0.2, 5.0))

_CLAIMS = (
    Claim("subthreshold_error", "<=", 1e-6),
    Claim("rate_error_percent", "<=", 0.5),
    Claim("tuning_error_percent", "<=", 0.5),
    Claim("spike_count_error", "<=", 1.0),
    Claim("spikes_below_threshold", "<=", 0.0),
)
_SUBTHRESHOLD = np.array([0.3, 0.6, 0.9])
_FIRING = 1.8  # drive of the neuron whose spikes are drawn
_MEAN, _SWING, _FREQUENCY = 1.6, 0.5, 5.0  # of the varying drive, always above the threshold; [Hz]
_TIMED = 16  # neurons whose spike times are compared: as many constant drives, and phases of the varying one


class GridLIF(eqx.Module):
    """The same neuron, with its spikes noticed only at the end of a step and placed there."""

    lif: LIF

    def init_state(self, input_shape):
        """Start at rest."""
        return self.lif.init_state(input_shape)

    def step(self, state, drive, dt):
        """Advance by `dt` [ms]; at most one spike."""
        state, spikes = self.lif.step(state, drive, dt)
        fired = spikes > 0
        state = LIFState(gap=jnp.where(fired, 1, state.gap), age=jnp.where(fired, 0, state.age))
        return state, jnp.where(fired, 1, spikes)


def record_potential(state: LIFState, spikes):
    """Record the potential as well."""
    return spikes, state.age, state.v


def run(settings: Settings) -> Result:
    """Measure the neuron against its closed forms."""
    lif = LIF(settings.tau_m, settings.tau_ref)
    parts = [part(lif, settings) for part in (subthreshold, firing, rates, tuning, timing)]
    metrics = {name: value for found, _ in parts for name, value in found.items()}
    arrays = {name: array for _, found in parts for name, array in found.items()}
    return Result(metrics, _CLAIMS, arrays)


def subthreshold(lif: LIF, settings: Settings):
    """Potentials that approach a drive below the threshold, and their error."""
    steps = int(np.ceil(6 * settings.tau_m / settings.dt))
    trace = simulate(lif, jnp.asarray(_SUBTHRESHOLD), dt=settings.dt, steps=steps, record=record_potential)
    v, times = np.asarray(trace.record[2], float), settings.dt * np.arange(1, steps + 1)
    closed = _SUBTHRESHOLD * -np.expm1(-times[:, None] / settings.tau_m)
    error = np.abs(v - closed)
    return {"subthreshold_error": float(error.max())}, {"below_times": times, "below_v": v, "below_error": error}


def firing(lif: LIF, settings: Settings):
    """A firing neuron, at the chosen step and at a fine one."""
    arrays = {}
    length = 4000 / float(lif.firing_rate(_FIRING))
    for name, dt in (("firing", settings.dt), ("fine", length / 4000)):
        steps = int(length / dt)
        trace = simulate(lif, jnp.asarray([_FIRING]), dt=dt, steps=steps, record=record_potential)
        spikes, age, v = (np.asarray(part)[:, 0] for part in trace.record)
        arrays[f"{name}_times"], arrays[f"{name}_v"] = trace.times, v
        arrays[f"{name}_spikes"] = (trace.times - age)[spikes > 0]
    return {}, arrays


def measured_rates(trace) -> np.ndarray:
    """Firing rates [Hz] by the exact times of the first and the last spike; NaN with fewer than two.

    Counting spikes in a time T instead would be off by up to 1/T however exact the simulation. Where the first step
    that fires holds several spikes, its latest serves as the first.
    """
    spikes, age = (np.asarray(part, float) for part in trace.record)
    first = np.argmax(spikes > 0, axis=0)[None]
    latest = trace.times.astype(float).reshape(-1, *(1 for _ in age.shape[1:])) - age
    intervals = spikes.sum(axis=0) - np.take_along_axis(spikes, first, axis=0)[0]
    took = latest[-1] - np.take_along_axis(latest, first, axis=0)[0]
    return np.divide(1000 * intervals, took, out=np.full_like(took, np.nan), where=intervals > 0)


def rates(lif: LIF, settings: Settings):
    """Firing rates over the drive, with spikes inside the step and on the grid."""
    drives = np.geomspace(1.001, 100.0, settings.drives)
    theory = np.asarray(lif.firing_rate(drives), float)
    found, errors, counts = {}, {}, {}
    for name, model in (("inside", lif), ("grid", GridLIF(lif))):
        steps = int(np.ceil(settings.duration / settings.dt))
        trace = simulate(model, jnp.asarray(drives), dt=settings.dt, steps=steps, record=record_spikes)
        found[name], counts[name] = measured_rates(trace), np.asarray(trace.record[0]).sum(axis=0)
        errors[name] = 100 * np.abs(found[name] / theory - 1)
    expected = np.floor(
        (steps * settings.dt + settings.tau_ref) * theory / 1000
    )  # no refractory period before the first
    metrics = {
        "rate_error_percent": float(np.nanmax(errors["inside"])),
        "rate_error_on_grid_percent": float(np.nanmax(errors["grid"])),
        "spike_count_error": float(np.abs(counts["inside"] - expected).max()),
    }
    return metrics, {"drives": drives, "theory": theory, "rates": found, "rate_errors": errors}


def tuning(lif: LIF, settings: Settings):
    """Tuning curves of a population with preferred directions ±1, over a scalar x."""
    keys = jax.random.split(jax.random.key(settings.seed), 3)
    size = (settings.neurons,)
    encoders = jax.random.rademacher(keys[0], size, float)
    max_rates = jax.random.uniform(keys[1], size, minval=lif.firing_rate(2.0), maxval=lif.firing_rate(8.0))
    gain, bias = lif.gain_bias(max_rates, jax.random.uniform(keys[2], size, minval=-0.95, maxval=0.95))

    def drive(x):
        return gain * x[:, None] * encoders + bias

    x, fine = jnp.linspace(-1, 1, 21), jnp.linspace(-1, 1, 401)
    steps = int(np.ceil(settings.duration / settings.dt))
    trace = simulate(lif, drive(x), dt=settings.dt, steps=steps, record=record_spikes)
    theory, measured = np.asarray(lif.firing_rate(drive(x)), float), measured_rates(trace)
    spikes = np.asarray(trace.record[0]).sum(axis=0)
    error = 100 * np.abs(np.divide(measured, theory, out=np.full_like(theory, np.nan), where=theory > 0) - 1)
    metrics = {
        "tuning_error_percent": float(np.nanmax(error)),
        "spikes_below_threshold": float(spikes[theory == 0].sum()),
    }
    arrays = {
        "x": np.asarray(x),
        "tuning": np.where(spikes == 0, 0.0, measured),
    }  # with a single spike there is no rate
    return metrics, arrays | {"fine_x": np.asarray(fine), "fine_tuning": np.asarray(lif.firing_rate(drive(fine)))}


def timing(lif: LIF, settings: Settings):
    """Spike time errors against the step, under constant and varying drives."""
    length, omega = 50 * settings.tau_m, 2e-3 * np.pi * _FREQUENCY
    constant, phases = np.linspace(1.2, 3.0, _TIMED), np.linspace(0, 2 * np.pi, _TIMED, endpoint=False)
    true = [constant_spikes(settings, drive, length) for drive in constant]
    true += [varying_spikes(settings, omega, phase, length) for phase in phases]
    steps = sorted({*settings.steps, settings.dt})
    errors = {name: np.zeros((len(steps), 2)) for name in ("inside", "grid")}  # (step, constant or varying drive)
    for k, dt in enumerate(steps):
        middles = dt * (np.arange(max(1, round(length / dt))) + 0.5)[:, None]
        varying = _MEAN + _SWING * np.sin(omega * middles + phases)
        drive = np.concatenate([np.broadcast_to(constant, varying.shape), varying], axis=1)
        periods = lif.period(drive)
        for name, model in (("inside", lif), ("grid", GridLIF(lif))):
            trace = simulate(model, jnp.asarray(drive), dt=dt, record=record_spikes)
            times, neurons = events(trace.record, dt, apart=periods)
            found = [times[neurons == j] for j in range(2 * _TIMED)]
            error = [np.abs(f[: len(t)] - t[: len(f)]).mean() for f, t in zip(found, true, strict=True)]
            errors[name][k] = np.mean(error[:_TIMED]), np.mean(error[_TIMED:])
    at = steps.index(settings.dt)
    metrics = {
        "spike_time_error_constant_ms": errors["inside"][at, 0],
        "spike_time_error_varying_ms": errors["inside"][at, 1],
        "spike_time_error_constant_on_grid_ms": errors["grid"][at, 0],
        "spike_time_error_varying_on_grid_ms": errors["grid"][at, 1],
    }
    return {k: float(v) for k, v in metrics.items()}, {"steps": np.array(steps), "time_errors": errors}


def constant_spikes(settings: Settings, drive: float, length: float) -> np.ndarray:
    """Spike times under a constant drive, from the closed form in double precision [ms]."""
    crossing = settings.tau_m * np.log(drive / (drive - 1))
    return np.arange(crossing, length, settings.tau_ref + crossing)


def varying_spikes(settings: Settings, omega: float, phase: float, length: float) -> np.ndarray:
    """Spike times under a sinusoidal drive [ms]: roots of v = 1 in the solution v = p(t) − p(t₀) e^(−(t−t₀)/τ_m)."""
    tau_m = settings.tau_m
    shrunk, lag = _SWING / np.hypot(1, omega * tau_m), np.arctan(omega * tau_m)

    def p(t):
        return _MEAN + shrunk * np.sin(omega * t + phase - lag)

    def beyond(t, start):
        return p(t) - p(start) * np.exp(-(t - start) / tau_m) - 1

    spikes, start = [], 0.0
    while True:
        spike = root_scalar(beyond, args=(start,), bracket=(start, start + 20 * tau_m), xtol=1e-10).root
        if spike > length:
            return np.array(spikes)
        spikes.append(spike)
        start = spike + settings.tau_ref


def plot(result: Result) -> dict[str, plots.Figure]:
    """Plot the results."""
    a = result.arrays
    return {
        "potential": _plot_potential(a),
        "firing-rate": _plot_rates(a),
        "tuning-curves": _plot_tuning(a),
        "spike-times": _plot_timing(a),
    }


def _plot_potential(a) -> plots.Figure:
    fig, (below, error, firing) = plots.figure(
        3, 1, height=7.5, ratios=(3.0, 2.0, 3.0),
        caption="Top: potentials approach a drive below the threshold. Middle: their deviation from the closed form, "
        "in float32. Bottom: a firing neuron in coarse steps (dots) lies on the fine solution, with its spikes "
        "correctly placed between the steps.",
    )  # fmt: skip
    for k, drive in enumerate(_SUBTHRESHOLD):
        below.plot(a["below_times"], a["below_v"][:, k], label=f"drive {drive}")
        error.plot(a["below_times"], a["below_error"][:, k])
    below.axhline(1, color=plots.COLORS["grey"], linestyle="--", label="threshold")
    below.set(title="Below the threshold", ylabel="potential v", ylim=(0, 1.1))
    plots.legend(below, loc="lower right", ncols=4)
    error.axhline(1e-6, color=plots.COLORS["grey"], linestyle="--")
    error.set(xlabel="time [ms]", ylabel="error of v", yscale="log", ylim=(1e-10, 3e-6))
    firing.plot(a["fine_times"], a["fine_v"], color=plots.COLORS["sky"], label="fine steps")
    firing.plot(a["firing_times"], a["firing_v"], "o", markersize=3, color=plots.COLORS["blue"], label="coarse steps")
    firing.vlines(a["firing_spikes"], 1, 1.3, color=plots.COLORS["orange"], label="spikes in coarse steps")
    firing.set(title=f"Firing, drive {_FIRING}", xlabel="time [ms]", ylabel="potential v", ylim=(0, 1.75))
    plots.legend(firing, loc="upper center", ncols=3)
    return fig


def _plot_rates(a) -> plots.Figure:
    fig, (rate, error) = plots.figure(
        2, 1, height=5.5, ratios=(3.0, 2.0), sharex=True,
        caption="Simulated firing rates compared with the formula, and their relative error: with spikes located "
        "within the step, and on the time grid.",
    )  # fmt: skip
    styles = (("grid", plots.COLORS["orange"], "on the grid"), ("inside", plots.COLORS["blue"], "within the step"))
    rate.plot(a["drives"], a["theory"], color=plots.COLORS["grey"], label="formula")
    for name, color, label in styles:
        some = slice(None, None, max(1, len(a["drives"]) // 60))
        rate.plot(a["drives"][some], a["rates"][name][some], ".", markersize=6, color=color, label=label)
        shown = np.maximum(a["rate_errors"][name], 1e-6)  # what is smaller float32 cannot tell from 0
        error.plot(a["drives"], shown, ".", markersize=4, color=color)
    rate.set(title="Firing rate", ylabel="rate [Hz]", xscale="log")
    plots.legend(rate, loc="upper left")
    error.axhline(0.5, color=plots.COLORS["grey"], linestyle="--", label="0.5 %")
    error.set(xlabel="drive v_in", ylabel="error [%]", yscale="log")
    plots.legend(error, loc="center right")
    return fig


def _plot_tuning(a) -> plots.Figure:
    fig, ax = plots.figure(
        caption="Tuning curves of some neurons of a population with preferred directions ±1 and random maximum rates "
        "and intercepts: closed form (lines) and simulation (dots)."
    )
    for k in range(min(12, a["tuning"].shape[1])):
        (line,) = ax.plot(a["fine_x"], a["fine_tuning"][:, k], linewidth=1.2)
        ax.plot(a["x"], a["tuning"][:, k], ".", markersize=6, color=line.get_color())
    ax.set(title="Tuning curves", xlabel="x", ylabel="rate [Hz]")
    return fig


def _plot_timing(a) -> plots.Figure:
    fig, axes = plots.figure(
        1, 2, sharey=True,
        caption="Mean error of the spike times against step length. Solving for the crossing within the step leaves "
        "only rounding error under a constant drive, and an error that falls as the square of the step under a "
        "varying one.",
    )  # fmt: skip
    for j, (ax, title) in enumerate(zip(axes, ("Constant drive", "Varying drive"), strict=True)):
        ax.loglog(a["steps"], a["time_errors"]["grid"][:, j], "o-", color=plots.COLORS["orange"], label="on the grid")
        ax.loglog(a["steps"], a["time_errors"]["inside"][:, j], "o-", label="within the step")
        ax.set(title=title, xlabel="step [ms]")
        ax.set_xticks(a["steps"], [f"{step:g}" for step in a["steps"]])
        ax.set_xticks([], minor=True)
    axes[0].set_ylabel("error of spike times [ms]")
    plots.legend(axes[0], loc="center right")
    return fig
