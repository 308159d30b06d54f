"""LIF population: 1000 spiking neurons encode a sine for 10 s in steps of 1 ms; their decoded output is recorded.

Both sides do the same in every step: the input function, encoding by gain, encoder and bias, the spiking LIF step,
decoding and a low-pass filter of 10 ms, whose output is kept. Encoders, gains, biases and decoders are those that Nengo
drew and solved for; its building of the network is not counted. Before anything is timed, the spikes of both are
counted, and their recorded outputs compared.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from benchmarks import _nengo
from benchmarks.harness import Workload
from neuraxis.engine import Total, record_nothing, simulate
from neuraxis.neurons.lif import LIF

_DT = 1.0  # [ms]
_TAU_S = 10.0  # time constant of the output's filter [ms]


class Population(eqx.Module):
    """Spiking neurons that encode a scalar, and the decoded and filtered output."""

    lif: LIF
    encoders: Float[Array, " neuron"]  # times the gain
    bias: Float[Array, " neuron"]
    decoders: Float[Array, " neuron"]  # [1/Hz]

    def init_state(self, input_shape):
        """All neurons at rest, output 0."""
        return self.lif.init_state(self.bias.shape), jnp.zeros(input_shape)

    def step(self, state, x, dt):
        """Advance by `dt` [ms]."""
        neurons, output = state
        neurons, spikes = self.lif.step(neurons, x * self.encoders + self.bias, dt)
        kept = jnp.exp(-dt / _TAU_S)
        output = kept * output + (1 - kept) * (spikes @ self.decoders) * (1000 / dt)
        return (neurons, output), output


def signal(t):
    """Input at the end of the step that begins at t [ms], where Nengo evaluates it."""
    return jnp.sin(2e-3 * jnp.pi * (t + _DT))


def _build(nengo, size: int, bits: int):
    """Make Nengo's network, and its simulator with that many bits a number."""
    # Nengo's defaults would clip potentials at 0 and start them anywhere; we do neither.
    neurons = nengo.LIF(min_voltage=-np.inf, initial_state={"voltage": nengo.dists.Choice([0])})
    with nengo.Network(seed=0) as network:
        stimulus = nengo.Node(lambda t: np.sin(2 * np.pi * t))
        ensemble = nengo.Ensemble(size, 1, neuron_type=neurons)
        output = nengo.Node(size_in=1)
        nengo.Connection(stimulus, ensemble, synapse=None)
        decoding = nengo.Connection(ensemble, output, synapse=_TAU_S / 1000)
        probe = nengo.Probe(output)
    with _nengo.bits(bits):
        simulator = nengo.Simulator(network, dt=_DT / 1000, progress_bar=False)
    return simulator, ensemble, decoding, probe


def _counts_by_nengo(nengo, drives: np.ndarray) -> np.ndarray:
    """Spikes of each neuron under given drives (time, neuron), by Nengo's own step."""
    neurons = nengo.LIF(min_voltage=-np.inf)
    state = {"voltage": np.zeros_like(drives[0]), "refractory_time": np.zeros_like(drives[0])}
    spikes, count = np.zeros_like(drives[0]), np.zeros_like(drives[0])
    for drive in drives:
        neurons.step(_DT / 1000, drive, spikes, **state)
        count += spikes > 0
    return count


def _agree(ours: Population, nengo, built, steps: int) -> None:
    """Refuse to time what does not compute the same."""
    simulator, _, _, probe = built
    times = _DT * np.arange(steps)
    drives = np.asarray(signal(times), float)[:, None] * np.asarray(ours.encoders, float) + np.asarray(ours.bias, float)
    expected = _counts_by_nengo(nengo, drives)
    found = simulate(Total(ours.lif), jnp.asarray(drives), dt=_DT, record=record_nothing).state[1]
    if np.abs(found - expected).max() > 1 or expected.sum() == 0:
        raise RuntimeError(f"spike counts differ by up to {np.abs(found - expected).max()}")
    simulator.run_steps(steps, progress_bar=False)
    output = simulate(ours, signal, dt=_DT, steps=steps).record
    # Nengo's filter hears the spikes of a step at the next one.
    difference = np.abs(np.asarray(output)[:-1] - simulator.data[probe][1:, 0]).max()
    if difference > 1e-3:
        raise RuntimeError(f"decoded outputs differ by up to {difference}")


def workload(quick: bool) -> Workload:
    """Build both sides."""
    nengo = _nengo.load()

    size, steps = (100, 500) if quick else (1000, 10_000)
    double, single = (_build(nengo, size, bits) for bits in (64, 32))
    simulator, ensemble, decoding, _ = double
    population = Population(
        LIF(),
        jnp.asarray(simulator.data[ensemble].scaled_encoders[:, 0], jnp.float32),
        jnp.asarray(simulator.data[ensemble].bias, jnp.float32),
        jnp.asarray(simulator.data[decoding].weights[0], jnp.float32),
    )
    _agree(population, nengo, double, min(steps, 1000))

    def ours():
        jax.block_until_ready(simulate(population, signal, dt=_DT, steps=steps).record)

    return Workload(
        title=f"LIF population, {size} neurons × {steps} steps, decoded output",
        experiment="lif",
        ours=ours,
        peers={"Nengo": _nengo.timed(simulator, steps), "Nengo, float32": _nengo.timed(single[0], steps)},
        targets={"Nengo": 5.0},
    )
