"""Leaky integrate-and-fire neuron: membrane potential, threshold, and the resulting f–I curve.

Raise the current past 1. Below it the potential settles under the threshold; above it the neuron fires regularly, and
its rate is the large dot on the f–I curve. Forty more neurons, each with its own current, are simulated in parallel,
and without noise they lie on the analytical curve.

Now add noise. The neuron fires even where its mean current is below threshold, and the sharp onset of the curve becomes
smooth. A long refractory period makes the curve saturate: no neuron fires faster than 1/τ_ref.
"""

from dataclasses import dataclass
from typing import NamedTuple

import jax
import numpy as np

from neuraxis import LIF, simulate
from neuraxis.app.lab import Dots, Line, Mission, Plot, slider
from neuraxis.experiment import Claim
from neuraxis.neurons import LIFState, Spikes, events

EXPERIMENT = "lif"

EQUATIONS = (
    r"\tau_m \frac{dv}{dt} = J - v + \sigma \sqrt{2 \tau_m} \, \xi(t)",
    r"v \ge 1: \ \text{spike, then } v = 0 \text{ for } \tau_{\mathrm{ref}}",
    r"r = \frac{1}{\tau_{\mathrm{ref}} - \tau_m \ln(1 - 1/J)} \quad \text{for } J > 1 \text{ and } \sigma = 0",
)

STEPS = 2  # between two pictures
DT = 0.1  # of the neuron drawn [ms]
ADVANCE = 20  # steps of dt per step of the page
SHOWN = 2000  # samples of its potential
CURRENTS = np.linspace(0.1, 4.0, 40)  # of the other neurons
COARSE = 0.5  # length of their steps [ms], of which each step of the page has as many
MEMORY = 3000.0  # time over which their rates are measured [ms]


@dataclass(frozen=True)
class Controls:
    """Controls of the page."""

    current: float = slider(1.3, 0.0, 4.0, symbol="J")
    """Input current / threshold."""
    noise: float = slider(0.0, 0.0, 0.6, symbol="σ")
    """Noise (SD of free potential)."""
    tau_m: float = slider(20.0, 5.0, 50.0, symbol="τ_m")
    """Membrane time constant [ms]."""
    tau_ref: float = slider(2.0, 0.5, 20.0, symbol="τ_ref")
    """Refractory period [ms]."""


class State(NamedTuple):
    """The neuron, its last 200 ms, and the other neurons with their spike counts."""

    key: jax.Array
    time: float  # [ms]
    neuron: LIFState
    trace: np.ndarray  # (samples,)
    spikes: np.ndarray  # latest spike times [ms]
    others: LIFState
    counts: np.ndarray  # their spikes, with exponential forgetting
    counted: float  # counting time, with the same forgetting [ms]
    measured: tuple  # noise, tau_m and tau_ref of the counts


def model(controls):
    """Create the neuron described by the controls."""
    return LIF(tau_m=controls.tau_m, tau_ref=controls.tau_ref)


def record(state, number):
    """Record spikes and potential."""
    return Spikes(number, state.age), state.v


def noisy(key, current, controls, dt):
    """Return a noisy current that gives a potential without threshold the standard deviation of the control."""
    decay = np.exp(-dt / controls.tau_m)
    size = controls.noise * np.sqrt((1 + decay) / (1 - decay))
    return current + size * np.asarray(jax.random.normal(key, (ADVANCE, len(current))))


def start(controls, key):
    """Start at rest."""
    neuron, others = (LIF().init_state(shape) for shape in ((1,), CURRENTS.shape))
    return State(key, 0.0, neuron, np.zeros(SHOWN), np.zeros(0), others, np.zeros(len(CURRENTS)), 0.0, ())


def step(state, controls):
    """Advance by 2 ms, and the other neurons by 10 ms."""
    key, *keys = jax.random.split(state.key, 3)
    drive = noisy(keys[0], np.array([controls.current]), controls, DT)
    run = simulate(model(controls), drive, dt=DT, state=state.neuron, record=record)
    spikes, v = run.record
    fired = state.time + events(spikes, DT)[0]
    time = state.time + ADVANCE * DT
    drive = noisy(keys[1], CURRENTS, controls, COARSE)
    others = simulate(model(controls), drive, dt=COARSE, state=state.others)
    measured = (controls.noise, controls.tau_m, controls.tau_ref)
    kept = np.exp(-ADVANCE * COARSE / MEMORY) if measured == state.measured else 0.0
    return State(
        key,
        time,
        run.state,
        np.append(state.trace[ADVANCE:], v),
        np.append(state.spikes, fired)[-1000:],
        others.state,
        kept * state.counts + np.asarray(others.record).sum(axis=0),
        kept * state.counted + ADVANCE * COARSE,
        measured,
    )


def rate(state):
    """Return the firing rate of the neuron from its latest interspike intervals, 0 if it has none [Hz]."""
    recent = state.spikes[state.spikes > state.time - DT * SHOWN]
    return 1000 * (len(recent) - 1) / (recent[-1] - recent[0]) if len(recent) > 1 else 0.0


def picture(state, controls):
    """Draw the potential with its spikes, and the f–I curve."""
    times = state.time + DT * np.arange(1 - SHOWN, 1)
    shown = (times[0], times[-1])
    fired = state.spikes[state.spikes > shown[0]]
    x, y = np.repeat(fired, 3), np.tile([1.0, 1.5, np.nan], len(fired))
    currents = np.linspace(0.0, 4.0, 401)
    closed = np.asarray(model(controls).firing_rate(currents))
    return (
        Plot(
            [
                Line(shown, (1.0, 1.0), "threshold", dashed=True, reference=True),
                Line(times, state.trace, "v"),
                Line(x, y, "spikes"),
            ],
            "Time [ms]",
            "Membrane potential v",
            x_range=shown,
            y_range=(-0.6, 1.8),
        ),
        Plot(
            [
                Line(currents, closed, "analytical, no noise", reference=True),
                Dots(CURRENTS, 1000 * state.counts / max(state.counted, 1.0), label="simulated", size=4),
                Dots([controls.current], [rate(state)], label="this neuron", symbol="J", size=11),
            ],
            "Current J",
            "Firing rate [Hz]",
            x_range=(0.0, 4.1),
            y_range=(0.0, 1.25 * float(closed[-1])),
        ),
    )


def numbers(state, controls):
    """Return the current values."""
    return {
        "Time [ms]": state.time,
        "v": state.trace[-1],
        "Firing rate [Hz]": rate(state),
        "Analytical rate without noise [Hz]": float(model(controls).firing_rate(controls.current)),
    }


def measures(state, controls):
    """Measure the rate with a long refractory period, or with a current below threshold."""
    if controls.noise == 0 and controls.tau_ref >= 10:
        return {"refractory_rate_hz": rate(state)}
    if controls.current <= 0.9 and state.counted > MEMORY / 4:
        rates = 1000 * state.counts / state.counted
        return {"rate_below_threshold_hz": float(np.interp(controls.current, CURRENTS, rates))}
    return {}


PRESETS = {
    "Lapicque 1907: just above threshold": {"current": 1.02},
    "Just below threshold": {"current": 0.98},
    "Mean-driven firing: regular": {"current": 2.0, "noise": 0.1},
    "Fluctuation-driven firing: irregular": {"current": 0.75, "noise": 0.25},
    "Saturation by the refractory period": {"current": 3.5, "tau_ref": 15.0},
}

MISSIONS = (
    Mission(
        "With a refractory period of at least 10 ms and no noise, make the neuron fire at 50 Hz, to within 0.5 Hz.",
        (Claim("refractory_rate_hz", ">=", 49.5), Claim("refractory_rate_hz", "<=", 50.5)),
    ),
    Mission(
        "Make the neuron fire at 20 Hz or more although the current is 0.9 or less.",
        (Claim("rate_below_threshold_hz", ">=", 20.0),),
    ),
)
