"""Spiking network with conductances: 4000 neurons keep firing after a brief stimulus (COBA).

The same network as `spiking-network`, except that a spike opens a conductance, which pulls the potential towards its
reversal potential: 0 mV for excitation, −80 mV for inhibition. The resting potential lies 10 mV below the threshold.
Random external spikes stimulate the network for the first 50 ms; after that, the network is driven by its own spikes
alone, in irregular, asynchronous bursts, at 17 to 21 Hz from one random network to the next. The open conductances, not
the leak, determine the speed of the membrane: its effective time constant is a fraction of the 20 ms at rest.

Brian2, given the same connections and initial state, produces the same spikes (this is tested).

Sources: Vogels & Abbott, J. Neurosci. 25:10786 (2005); Brette et al., J. Comput. Neurosci. 23:349 (2007), benchmark 1.
"""

from dataclasses import dataclass

import jax
import numpy as np

from neuraxis import check, plots
from neuraxis.engine import simulate
from neuraxis.errors import InputError
from neuraxis.experiment import Claim, Result, check_range, check_settings, check_steps
from neuraxis.experiments.shared import balanced_network as balanced
from neuraxis.neurons.synaptic_lif import ConductanceLIF
from neuraxis.spiking.connections import SparseConnections
from neuraxis.spiking.poisson import PoissonInput
from neuraxis.spiking.spiking_network import SpikingNetwork

PLACE = ("Neurons", 5)
EQUATIONS = r"""
\tau_m \frac{dv_i}{dt} = v_{rest} - v_i + \sum_k \frac{g_{ik}}{g_{leak}} (E_k - v_i) + \text{drive}_i, \qquad
\tau_k \frac{dg_{ik}}{dt} = -g_{ik}
"""


@dataclass(frozen=True)
class Settings:
    """Settings of the experiment."""

    neurons: int = 4000
    """Number of neurons; the first four fifths are excitatory."""
    probability: float = 0.02
    """Probability of each connection."""
    weight_e: float = 6.0
    """Jump of a neuron's excitatory conductance at a spike [nS]."""
    weight_i: float = 67.0
    """Jump of a neuron's inhibitory conductance at a spike [nS]."""
    g_leak: float = 10.0
    """Leak conductance [nS]."""
    tau_e: float = 5.0
    """Time constant of excitatory synapses [ms]."""
    tau_i: float = 10.0
    """Time constant of inhibitory synapses [ms]."""
    push_rate: float = 1000.0
    """Rate of external excitatory spikes to each neuron during the stimulus [Hz]."""
    push: float = 50.0
    """Duration of the stimulus [ms]."""
    dt: float = 0.1
    """Length of a step [ms]."""
    duration: float = 2000.0
    """Simulated time after the stimulus [ms]."""
    seed: int = 0
    """Seed for the connections, the initial potentials and the external spikes."""

    def __post_init__(self):
        check_settings(self)
        check.whole(10, neurons=self.neurons)
        check.positive(g_leak=self.g_leak, tau_e=self.tau_e, tau_i=self.tau_i, dt=self.dt, duration=self.duration)
        check.not_negative(weight_e=self.weight_e, weight_i=self.weight_i, push_rate=self.push_rate, push=self.push)
        check_range(0, 1, probability=self.probability)
        check_steps(self.dt, 4, duration=self.duration)
        if self.duration < (least := 4 * max(balanced.BIN, self.dt)):
            raise InputError(f"duration must be at least {least} ms, but is {self.duration}")
        check_steps(self.dt, 0, push=self.push)
        check_range(0, 1000 / self.dt, push_rate=self.push_rate)

    def memory(self) -> float:
        """Estimate the memory of a run [bytes]."""
        return balanced.memory(self.neurons, self.probability, (self.push + self.duration) / self.dt)


QUICK = Settings(duration=500.0)

_CLAIMS = (
    Claim("firing_rate_hz", ">=", 15.0),
    Claim("firing_rate_hz", "<=", 24.0),
    Claim("last_quarter_rate_hz", ">=", 10.0),
    Claim("mean_cv", ">=", 1.0),
    Claim("lost_events", "<=", 0.0),
)
_TAU_M = 20.0  # at rest [ms]


def record_conductance(state, spikes):
    """Record the activity, and the mean conductance charge of each receptor."""
    return balanced.record_activity(state, spikes), state.charge.mean(-1)


def run(settings: Settings) -> Result:
    """Build the network, push it, let it go and measure its activity."""
    keys = jax.random.split(jax.random.key(settings.seed), 3)
    areas = settings.weight_e * settings.tau_e, settings.weight_i * settings.tau_i
    connections = balanced.connections(settings.neurons, settings.probability, areas, key=keys[0], dt=settings.dt)
    state = pushed(settings, connections, keys[1:])
    network = SpikingNetwork(neuron(settings), connections)
    steps = round(settings.duration / settings.dt)
    trace = simulate(network, dt=settings.dt, steps=steps, state=state, record=record_conductance)
    metrics, arrays = balanced.measure(trace.record[0], settings.neurons, settings.dt)
    opened = (np.asarray(trace.record[1]) / (settings.tau_e, settings.tau_i)).mean(0) / settings.g_leak
    metrics |= {
        "excitatory_conductance_over_leak": float(opened[0]),
        "inhibitory_conductance_over_leak": float(opened[1]),
        "effective_tau_m_ms": float(_TAU_M / (1 + opened.sum())),
        "lost_events": balanced.lost_events(connections),
    }
    return Result(metrics, _CLAIMS, arrays)


def neuron(settings: Settings) -> ConductanceLIF:
    """Make the membrane."""
    return ConductanceLIF(tau_m=_TAU_M, tau_s=(settings.tau_e, settings.tau_i), g_leak=settings.g_leak)


def pushed(settings: Settings, connections: SparseConnections, keys: jax.Array):
    """Return the state after random spikes from outside have set the network off."""
    steps = round(settings.push / settings.dt)
    push = PoissonInput(settings.push_rate, settings.weight_e * settings.tau_e, keys[0])
    network = SpikingNetwork(neuron(settings), connections, (push,))
    state = network.init_state()
    v = jax.random.uniform(keys[1], state.v.shape, minval=-60.0, maxval=-50.0)
    return simulate(network, dt=settings.dt, steps=steps, state=state._replace(v=v)).state


def plot(result: Result) -> dict[str, plots.Figure]:
    """Draw the activity."""
    a = result.arrays
    return {
        "raster": balanced.plot_raster(
            a,
            "Top: spikes of one neuron in ten at the end of the run, long after the last external input. Bottom: the "
            "rate of the whole network over time, in bins of 5 ms.",
        ),
        "regularity": balanced.plot_regularity(
            a,
            "Left: intervals between spikes; many are hardly longer than the refractory period of 5 ms. Right: their "
            "standard deviation divided by their mean, one value per neuron, above that of a Poisson process.",
        ),
        "potentials": balanced.plot_potentials(
            a,
            "Membrane potentials of three neurons, pulled up and down by conductances many times the leak.",
            -50.0,
        ),
    }
