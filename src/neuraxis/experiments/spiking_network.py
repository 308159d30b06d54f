"""Spiking network: 4000 neurons in self-sustained asynchronous irregular firing (CUBA).

Four fifths of the neurons are excitatory, one fifth inhibitory; each is connected to 2 % of all. Synapses inject
currents that decay exponentially, and the resting potential lies above the threshold, so the network needs no input.
Inhibition balances excitation: neurons fire irregularly and asynchronously, at about 5.6 Hz.

It is one of the four standard benchmarks for simulators of spiking networks. Brian2, given the same connections,
initial state and refractory period, produces the same spikes (this is tested). From one random network to the next the
rate varies between 5.1 and 6.1 Hz, so the mean over several is compared with the 5.6 Hz measured with Brian2 and NEST.
Even if all neurons fire in one step, no event may be lost.

Sources: Vogels & Abbott, J. Neurosci. 25:10786 (2005); Brette et al., J. Comput. Neurosci. 23:349 (2007), benchmark 2.
"""

from dataclasses import dataclass

import jax
import numpy as np

from neuraxis import check, plots
from neuraxis.engine import simulate
from neuraxis.errors import InputError
from neuraxis.experiment import Claim, Result, check_range, check_settings, check_steps
from neuraxis.experiments.shared import balanced_network as balanced
from neuraxis.experiments.shared.stages import stages
from neuraxis.neurons.synaptic_lif import CurrentLIF
from neuraxis.spiking.connections import SparseConnections
from neuraxis.spiking.spiking_network import SpikingNetwork

PLACE = ("Neurons", 4)
EQUATIONS = r"""
\tau_m \frac{dv_i}{dt} = v_{rest} - v_i + \sum_k s_{ik} + \text{drive}_i, \qquad
\tau_k \frac{ds_{ik}}{dt} = -s_{ik}
"""


@dataclass(frozen=True)
class Settings:
    """Settings of the experiment."""

    neurons: int = 4000
    """Number of neurons; the first four fifths are excitatory."""
    probability: float = 0.02
    """Probability of each connection."""
    weight_e: float = 1.62
    """Jump of a neuron's excitatory input at a spike [mV]."""
    weight_i: float = -9.0
    """Jump of a neuron's inhibitory input at a spike [mV]."""
    tau_m: float = 20.0
    """Membrane time constant [ms]."""
    tau_e: float = 5.0
    """Time constant of excitatory synapses [ms]."""
    tau_i: float = 10.0
    """Time constant of inhibitory synapses [ms]."""
    tau_ref: float = 5.0
    """Refractory period [ms]."""
    v_rest: float = -49.0
    """Resting potential, 1 mV above the threshold, which is at −50 mV [mV]."""
    delay: float = 0.0
    """Delay from a spike to its arrival, rounded to whole steps [ms]."""
    dt: float = 0.1
    """Length of a step [ms]."""
    duration: float = 1000.0
    """Simulated time [ms]."""
    networks: int = 12
    """Number of random networks over which the rates are averaged; the figures show the first."""
    seed: int = 0
    """Seed for the connections and the initial potentials."""

    def __post_init__(self):
        check_settings(self)
        check.whole(10, neurons=self.neurons)
        check.whole(networks=self.networks)
        check.positive(tau_m=self.tau_m, tau_e=self.tau_e, tau_i=self.tau_i, dt=self.dt, duration=self.duration)
        check.not_negative(tau_ref=self.tau_ref, delay=self.delay)
        check.finite(weight_e=self.weight_e, weight_i=self.weight_i, v_rest=self.v_rest)
        check_range(0, 1, probability=self.probability)
        check_steps(self.dt, 4, duration=self.duration)
        if self.duration < (least := 4 * max(balanced.BIN, self.dt)):
            raise InputError(f"duration must be at least {least} ms, but is {self.duration}")
        check_steps(self.dt, 0, delay=self.delay)

    def memory(self) -> float:
        """Estimate the memory of a run [bytes]."""
        return balanced.memory(self.neurons, self.probability, self.duration / self.dt, self.delay / self.dt)


QUICK = Settings(duration=500.0, networks=2)

# Within 5 % of 5.6 Hz, the rate of this network in Brian2 and in NEST.
FIRING_RATE = (
    Claim("firing_rate_hz", ">=", 0.95 * 5.6, quick=0.9 * 5.6),
    Claim("firing_rate_hz", "<=", 1.05 * 5.6, quick=1.1 * 5.6),
)
_CLAIMS = (*FIRING_RATE, Claim("lost_events", "<=", 0.0))
_THRESHOLD, _RESET = -50.0, -60.0  # [mV]


def run(settings: Settings) -> Result:
    """Build random networks, run them and measure their activity."""
    keys = jax.random.split(jax.random.key(settings.seed), settings.networks)
    runs = [run_one(settings, key) for key in stages("networks", list(keys))]
    metrics = {name: float(np.mean([metrics[name] for metrics, _ in runs])) for name in runs[0][0]}
    rates = [metrics["firing_rate_hz"] for metrics, _ in runs]
    metrics |= {"lowest_firing_rate_hz": min(rates), "highest_firing_rate_hz": max(rates)}
    return Result(metrics, _CLAIMS, runs[0][1])


def run_one(settings: Settings, key: jax.Array) -> tuple[dict[str, float], dict]:
    """Run one network, from potentials drawn between reset and threshold."""
    key_connections, key_start = jax.random.split(key)
    connections = connect(settings, key_connections)
    neuron = CurrentLIF(
        settings.tau_m, (settings.tau_e, settings.tau_i), settings.tau_ref, settings.v_rest, _THRESHOLD, _RESET
    )
    network = SpikingNetwork(neuron, connections)
    state = network.init_state()
    start = jax.random.uniform(key_start, state.v.shape, minval=_RESET, maxval=_THRESHOLD)
    steps = round(settings.duration / settings.dt)
    trace = simulate(
        network, dt=settings.dt, steps=steps, state=state._replace(v=start), record=balanced.record_activity
    )
    metrics, arrays = balanced.measure(trace.record, settings.neurons, settings.dt)
    metrics["lost_events"] = balanced.lost_events(connections)
    return metrics, arrays


def connect(settings: Settings, key: jax.Array) -> SparseConnections:
    """Draw the connections; a synapse of jump w and time constant τ has the area w τ."""
    areas = settings.weight_e * settings.tau_e, settings.weight_i * settings.tau_i
    return balanced.connections(
        settings.neurons, settings.probability, areas, key=key, delay=settings.delay, dt=settings.dt
    )


def plot(result: Result) -> dict[str, plots.Figure]:
    """Draw the activity."""
    a = result.arrays
    return {
        "raster": balanced.plot_raster(
            a,
            "Top: asynchronous spikes of one neuron in ten at the end of the run. Bottom: the rate of the whole "
            "network over time, in bins of 5 ms.",
        ),
        "regularity": balanced.plot_regularity(
            a,
            "Left: intervals between spikes, spread over two orders of magnitude. Right: their standard deviation "
            "divided by their mean, one value per neuron: more regular than a Poisson process, but far from a clock "
            "(0).",
        ),
        "potentials": balanced.plot_potentials(
            a,
            "Membrane potentials of three neurons; inhibition keeps them below the threshold most of the time.",
            _THRESHOLD,
        ),
    }
