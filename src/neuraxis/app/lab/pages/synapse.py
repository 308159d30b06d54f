"""Synapse: spikes in, a smooth current out that estimates the firing rate.

The neurons fire at random, at a rate that rises and falls (dashed). Each spike evokes the response drawn at the bottom,
and the sum of all responses is the current. With a short time constant the current shows every spike; with a long one
it averages over many, but is delayed and attenuated. With more neurons the current is smooth without being slow.

The line is the recursive form, which needs only its own state one step before; the dots are the definition, the sum
over all spikes. They agree, except where a neuron fires twice within a step of 1 ms.
"""

from dataclasses import dataclass
from typing import NamedTuple

import jax
import numpy as np

from neuraxis import Synapse, simulate
from neuraxis.app.lab import Dots, Line, Mission, Plot, Spikes, slider
from neuraxis.experiments.synapse import CORRELATION
from neuraxis.neurons import binned, poisson_spike_train, trains

EXPERIMENT = "synapse"

EQUATIONS = (
    r"s(t) = \sum_p h(t - t_p), \quad h(t) = \frac{t^n e^{-t/\tau_s}}{n! \, \tau_s^{n+1}}",
    r"n = 0: \quad s_{k+1} = e^{-\Delta t/\tau_s} s_k + \sum_{\text{new spikes}} \frac{e^{-\text{age}/\tau_s}}{\tau_s}",
)

STEPS = 1  # between two pictures
DT = 1.0  # [ms]
ADVANCE = 10  # steps of dt per step of the page
SHOWN = 1000  # steps of dt drawn
KEPT = 4000  # steps over which the correlation is measured
MOST = 8192  # spikes that the definition sums over
MEAN = 60.0  # mean rate of a neuron [Hz]


@dataclass(frozen=True)
class Controls:
    """Controls of the page."""

    tau_s: float = slider(10.0, 1.0, 200.0, symbol="τ_s", logarithmic=True)
    """Synaptic time constant [ms]."""
    order: int = slider(0, 0, 5, symbol="n", restarts=True)
    """Order (1: alpha function)."""
    neurons: int = slider(10, 1, 50, restarts=True)
    """Number of neurons."""
    depth: float = slider(0.8, 0.0, 1.0)
    """Modulation depth of the rate."""
    frequency: float = slider(2.0, 0.5, 20.0, logarithmic=True)
    """Modulation frequency [Hz]."""


class State(NamedTuple):
    """The synapses, and their recent input and output."""

    key: jax.Array
    time: float  # [ms]
    phase: float  # of the modulation, in cycles
    synapses: tuple
    times: np.ndarray  # spikes that still contribute to the current shown [ms]
    senders: np.ndarray  # the neurons that fired them
    rate: np.ndarray  # true rate of a neuron at the end of every step [Hz]
    current: np.ndarray  # output of the synapses, mean over all neurons [Hz]
    settled: float  # time since the controls changed [ms]
    values: Controls


def start(controls, key):
    """Start without spikes."""
    synapses = Synapse(controls.tau_s, controls.order).init_state((controls.neurons,))
    none, kept = np.zeros(0), np.zeros(KEPT)
    return State(key, 0.0, 0.0, synapses, none, none, kept, kept, 0.0, controls)


def step(state, controls):
    """Draw the spikes of the next 10 ms, and filter them."""
    key, drawn, sender = jax.random.split(state.key, 3)
    passed = ADVANCE * DT

    def rate(times):  # of one neuron [Hz]
        return MEAN * (1 + controls.depth * np.sin(2 * np.pi * (state.phase + controls.frequency * times / 1000)))

    # Independent Poisson processes are one process with the sum of their rates, whose spikes are assigned at random.
    times = poisson_spike_train(
        lambda t: controls.neurons * rate(t), passed, max_rate=2 * MEAN * controls.neurons, key=drawn
    )
    random = np.random.default_rng(np.asarray(jax.random.key_data(sender)))
    senders = random.integers(controls.neurons, size=len(times))
    spikes = binned(trains(times, senders, controls.neurons), DT, ADVANCE)
    run = simulate(Synapse(controls.tau_s, controls.order), spikes, dt=DT, state=state.synapses)
    # In spikes per second, like a rate.
    current = 1000 * np.asarray(run.record).mean(axis=1)
    kept = state.times > state.time - SHOWN * DT - 20 * controls.tau_s
    return State(
        key,
        state.time + passed,
        (state.phase + controls.frequency * passed / 1000) % 1,
        run.state,
        np.append(state.times[kept], state.time + times),
        np.append(state.senders[kept], senders),
        np.append(state.rate[ADVANCE:], rate(DT * np.arange(1, ADVANCE + 1))),
        np.append(state.current[ADVANCE:], current),
        state.settled + passed if controls == state.values else 0.0,
        controls,
    )


def definition(state, controls, times):
    """Sum the responses to all recent spikes [Hz]."""
    recent = np.full(MOST, np.inf)
    first = state.time - SHOWN * DT - 20 * controls.tau_s
    spikes = state.times[state.times > first][-MOST:]
    recent[: len(spikes)] = spikes - first
    synapse = Synapse(controls.tau_s, controls.order)
    return 1000 / controls.neurons * np.asarray(synapse.filter_spikes(recent, times - first))


def picture(state, controls):
    """Draw the spikes, the current, and the response to one spike."""
    times = state.time + DT * np.arange(1 - SHOWN, 1)
    shown = (times[0], times[-1])
    some = times[SHOWN // 20 - 1 :: SHOWN // 20]
    visible = state.times > shown[0]
    since = np.linspace(0.0, 400.0, 801)
    response = np.asarray(Synapse(controls.tau_s, controls.order).impulse_response(since))
    return (
        Plot(
            [Spikes(state.times[visible], state.senders[visible] + 1)],
            "Time [ms]",
            "Neuron",
            x_range=shown,
            y_range=(0.0, controls.neurons + 1.0),
            height=0.6,
        ),
        Plot(
            [
                Line(times, state.rate[-SHOWN:], "true rate", dashed=True, reference=True),
                Line(times, state.current[-SHOWN:], "recursive form", symbol="s"),
                Dots(some, definition(state, controls, some), label="sum over all spikes", size=7),
            ],
            "Time [ms]",
            "Current s [spikes/s]",
            x_range=shown,
            y_range=(0.0, 200.0 + 1200 * float(response.max()) / controls.neurons),
        ),
        Plot(
            [Line(since, response, "impulse response h", symbol="h")],
            "Time since the spike [ms]",
            "h [1/ms]",
            x_range=(0.0, 400.0),
            height=0.6,
        ),
    )


def correlation(state):
    """Correlate current and true rate, over four seconds at most."""
    count = int(min(max(state.settled, 100.0), KEPT * DT) / DT)
    current, rate = state.current[-count:], state.rate[-count:]
    return float(np.corrcoef(current, rate)[0, 1]) if current.std() > 0 and rate.std() > 0 else 0.0


def numbers(state, controls):
    """Return the current values."""
    return {
        "Time [ms]": state.time,
        "Current s [spikes/s]": state.current[-1],
        "True rate [spikes/s]": state.rate[-1],
        "Correlation of current and rate": correlation(state),
        "Mean delay (n + 1) τ_s [ms]": (controls.order + 1) * controls.tau_s,
    }


def measures(state, controls):
    """Measure the correlation once the controls have been unchanged for two seconds."""
    if state.settled < 2000 or controls.depth > 0.8:
        return {}
    return {"correlation": correlation(state)} if controls.neurons <= 40 and controls.frequency >= 2 else {}


PRESETS = {
    "Exponential synapse": {},
    "Rall 1967: alpha synapse": {"order": 1},
    "AMPA receptor: 2 ms": {"tau_s": 2.0},
    "NMDA receptor: 100 ms": {"tau_s": 100.0},
    "A single neuron": {"neurons": 1},
    "Population average (50 neurons)": {"neurons": 50, "tau_s": 20.0},
}

MISSIONS = (
    Mission(
        "With at most 40 neurons, a modulation depth of at most 0.8 and a frequency of at least 2 Hz, make the current "
        "follow the rate with a correlation of at least 0.95.",
        (CORRELATION,),
    ),
)
