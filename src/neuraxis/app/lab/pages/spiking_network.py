"""Spiking network: a thousand neurons with recurrent excitation and inhibition.

Four fifths of the neurons are excitatory (blue), one fifth inhibitory (orange); each receives input from about 80
others. At first the resting potential lies just above the threshold (−50 mV), inhibition balances excitation, and the
neurons fire irregularly and asynchronously. Weaken the inhibition, and watch the rate.

What counts is not the amplitude of a synaptic current but its area, weight times time constant. In Brunel's network the
resting potential lies far below threshold, and external input drives the neurons. Depending on the ratio g of
inhibition to excitation and on the external input, the same network fires regularly, irregularly, or with oscillations
of its rate.
"""

from dataclasses import dataclass
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from neuraxis import simulate
from neuraxis.app.lab import Line, Mission, Plot, Spikes, slider
from neuraxis.experiment import Claim
from neuraxis.experiments.spiking_network import FIRING_RATE
from neuraxis.neurons import CurrentLIF
from neuraxis.spiking import (
    PoissonInput,
    SparseConnections,
    SpikingNetwork,
    connect,
    fixed_probability,
    packed_events,
    record_packed,
)

EXPERIMENT = "spiking-network"

EQUATIONS = (
    r"\tau_m \frac{dV_i}{dt} = V_{\mathrm{rest}} - V_i + s_i^{\mathrm{E}} + s_i^{\mathrm{I}}",
    r"\tau_{\mathrm{E}} \frac{ds_i^{\mathrm{E}}}{dt} = -s_i^{\mathrm{E}}, \quad \text{a spike adds } w_{\mathrm{E}}",
    r"\tau_{\mathrm{I}} \frac{ds_i^{\mathrm{I}}}{dt} = -s_i^{\mathrm{I}}, \quad \text{a spike adds } w_{\mathrm{I}}",
)

STEPS = 1  # between two pictures
NEURONS, EXCITATORY = 1000, 800
PROBABILITY = 0.08  # of a connection
DELAY = 1.5  # from a spike to its arrival [ms]
TAU_M, TAU_REF, THRESHOLD, RESET = 20.0, 5.0, -50.0, -60.0  # [ms], [mV]
DT = 0.1  # [ms]
ADVANCE = 40  # steps of dt per step of the page, too short for two spikes of a neuron
BIN = 2.0  # width of the bins of the rate [ms]
BINS = 500  # kept, one second of them
SHOWN = 200.0  # length of the raster [ms]
MEMORY = 2000.0  # time constant of the interval statistics [ms]


@dataclass(frozen=True)
class Controls:
    """Controls of the page."""

    weight_e: float = slider(1.62, 0.0, 6.0, symbol="w_E")
    """Excitatory weight [mV]."""
    weight_i: float = slider(-9.0, -40.0, 0.0, symbol="w_I")
    """Inhibitory weight [mV]."""
    tau_e: float = slider(5.0, 1.0, 20.0, symbol="τ_E")
    """Excitatory time constant [ms]."""
    tau_i: float = slider(10.0, 1.0, 20.0, symbol="τ_I")
    """Inhibitory time constant [ms]."""
    v_rest: float = slider(-49.0, -75.0, -45.0, symbol="V_rest")
    """Resting potential [mV]."""
    external: float = slider(0.0, 0.0, 10.0)
    """External input [kHz]."""


class State(NamedTuple):
    """The network, and its recent activity."""

    connections: SparseConnections
    key: jax.Array  # of the external spikes
    network: tuple
    time: float  # [ms]
    times: np.ndarray  # of the spikes in the last 200 ms
    neurons: np.ndarray
    counts: np.ndarray  # (2, bins): spikes of excitatory and inhibitory neurons
    last: np.ndarray  # latest spike of every neuron [ms]
    intervals: np.ndarray  # (3, neurons): number, sum and sum of squares of the intervals between spikes
    values: Controls  # of the last step
    settled: float  # time since they changed [ms]


def build(connections, controls, key):
    """Create the network; the area of a synaptic input is weight times time constant."""
    areas = controls.weight_e * controls.tau_e, controls.weight_i * controls.tau_i
    weights = jnp.where(connections.sources < EXCITATORY, *areas)
    neuron = CurrentLIF(TAU_M, (controls.tau_e, controls.tau_i), TAU_REF, controls.v_rest, THRESHOLD, RESET)
    outside = PoissonInput(1000 * controls.external, areas[0], key)
    return SpikingNetwork(neuron, eqx.tree_at(lambda c: c.weights, connections, weights), (outside,))


def start(controls, key):
    """Draw the connections, and potentials between reset and threshold."""
    keys = jax.random.split(key, 4)
    everyone = slice(0, NEURONS)
    connections = connect(
        fixed_probability(slice(0, EXCITATORY), everyone, PROBABILITY, key=keys[0], delay=DELAY),
        fixed_probability(slice(EXCITATORY, NEURONS), everyone, PROBABILITY, key=keys[1], delay=DELAY, receptor=1),
        size=NEURONS,
        dt=DT,
    )
    network = build(connections, controls, keys[3]).init_state()
    potentials = jax.random.uniform(keys[2], (NEURONS,), minval=RESET, maxval=THRESHOLD)
    none, counts, intervals = np.zeros(0), np.zeros((2, BINS)), np.zeros((3, NEURONS))
    last = np.full(NEURONS, -1e9)
    return State(
        connections, keys[3], network._replace(v=potentials), 0.0, none, none, counts, last, intervals, controls, 0.0
    )


def step(state, controls):
    """Advance by 4 ms."""
    network = build(state.connections, controls, state.key)
    run = simulate(network, dt=DT, steps=ADVANCE, state=state.network, record=record_packed)
    passed = ADVANCE * DT
    times, neurons = packed_events(run.record, DT)
    edges = [np.arange(0.0, passed + BIN, BIN), (0, EXCITATORY, NEURONS)]
    counts = np.histogram2d(np.maximum(times - DT / 2, 0), neurons, edges)[0].T
    times = state.time + times
    kept = state.times > state.time + passed - SHOWN
    last, intervals = state.last.copy(), np.exp(-passed / MEMORY) * state.intervals
    interval = times - last[neurons]
    intervals[:, neurons] += np.where(interval < MEMORY, [np.ones(len(interval)), interval, interval**2], 0.0)
    last[neurons] = times
    same = controls == state.values
    return state._replace(
        network=run.state,
        time=state.time + passed,
        times=np.append(state.times[kept], times),
        neurons=np.append(state.neurons[kept], neurons),
        counts=np.concatenate([state.counts[:, counts.shape[1] :], counts], axis=1),
        last=last,
        intervals=intervals if same else np.zeros_like(intervals),
        values=controls,
        settled=state.settled + passed if same else 0.0,
    )


def rates(state):
    """Return the mean rates of excitatory and inhibitory neurons in every bin [Hz]."""
    sizes = np.array([[EXCITATORY], [NEURONS - EXCITATORY]])
    return 1000 / BIN * state.counts / sizes


def firing_rate(state):
    """Return the mean rate since the controls changed, over one second at most [Hz]."""
    bins = int(min(max(state.settled, 20 * BIN), BINS * BIN, max(state.time, BIN)) / BIN)
    return 1000 / BIN / NEURONS * state.counts[:, -bins:].sum(axis=0).mean()


def irregularity(state):
    """Return the mean coefficient of variation of the interspike intervals, over neurons with enough of them."""
    number, total, squares = state.intervals
    enough = number > 2
    if not enough.any():
        return 0.0
    mean = total[enough] / number[enough]
    variance = np.maximum(squares[enough] / number[enough] - mean**2, 0) * number[enough] / (number[enough] - 1)
    return np.mean(np.sqrt(variance) / mean)


def picture(state, controls):
    """Draw the spikes of all neurons, and the rates of both populations, over the last 200 ms."""
    shown = (state.time - SHOWN, state.time)
    bins = int(SHOWN / BIN)
    times = state.time - BIN * (np.arange(bins, 0, -1) - 0.5)
    excitatory, inhibitory = rates(state)[:, -bins:]
    top = next(top for top in (25, 50, 100, 200, 500) if top == 500 or max(excitatory.max(), inhibitory.max()) < top)
    return (
        Plot(
            [Spikes(state.times, state.neurons, groups=np.where(state.neurons < EXCITATORY, 0, 1))],
            "Time [ms]",
            "Neuron",
            x_range=shown,
            y_range=(0, NEURONS),
            height=2.0,
        ),
        Plot(
            [
                Line(times, excitatory, "excitatory", symbol="w_E"),
                Line(times, inhibitory, "inhibitory", symbol="w_I"),
            ],
            "Time [ms]",
            "Mean rate [Hz]",
            x_range=shown,
            y_range=(0.0, top),
        ),
    )


def numbers(state, controls):
    """Return the statistics of the network."""
    excitation = controls.weight_e * controls.tau_e
    return {
        "Time [ms]": state.time,
        "Firing rate [Hz]": firing_rate(state),
        "CV of interspike intervals": irregularity(state),
        "Inhibition / excitation, g": abs(controls.weight_i) * controls.tau_i / excitation if excitation else 0.0,
        "Mean external input [mV]": controls.external * excitation,
    }


def measures(state, controls):
    """Measure the rate once the controls have been unchanged for a second."""
    if state.settled < BINS * BIN:
        return {}
    found = {"firing_rate_hz": firing_rate(state), "v_rest_mv": controls.v_rest}
    undriven = controls.v_rest == -49 and controls.external == 0
    return found | ({"undriven_tau_i_ms": controls.tau_i} if undriven else {})


BRUNEL = {"weight_e": 5.0, "tau_e": 2.0, "tau_i": 2.0, "v_rest": -70.0}
PRESETS = {
    "Vogels & Abbott 2005: irregular firing": {},
    "Brunel 2000, g = 3: regular firing": {**BRUNEL, "weight_i": -15.0, "external": 4.0},
    "Brunel 2000, g = 5: inhibition dominates": {**BRUNEL, "weight_i": -25.0, "external": 4.0},
    "Brunel 2000, g = 4.5: slow oscillation (25 Hz)": {**BRUNEL, "weight_i": -22.5, "external": 1.8},
    "Brunel 2000, g = 6: fast oscillation (115 Hz)": {**BRUNEL, "weight_i": -30.0, "external": 8.0},
    "No inhibition: runaway excitation": {"weight_i": 0.0},
}

MISSIONS = (
    Mission(
        "Shorten the inhibitory time constant to 5 ms, and restore the rate to 5.6 Hz (±5 %) by the weights alone.",
        (*FIRING_RATE, Claim("undriven_tau_i_ms", "<=", 5.0)),
    ),
    Mission(
        "Lower the resting potential to −60 mV, and bring the rate to 5.6 Hz (±5 %) with external input.",
        (*FIRING_RATE, Claim("v_rest_mv", "<=", -60.0)),
    ),
)
