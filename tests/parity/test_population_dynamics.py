"""Recurrent populations against Nengo, with the same encoders, gains, biases and decoders."""

import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from neuraxis.engine import Total, simulate
from neuraxis.neurons import LIF
from neuraxis.population import Ensemble, RateNeurons, RecurrentPopulation

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # Nengo still asks for numpy.core
    import nengo

DT, TAU_S = 1.0, 100.0  # [ms]
OMEGA = 2e-3 * np.pi  # of 1 Hz [1/ms]
SEEDS = range(3)


def still(y):
    return 0 * y


def circling(y):
    return OMEGA * jnp.stack([-y[..., 1], y[..., 0]], -1)


def population(f, size, dimensions, neurons, seed):
    return RecurrentPopulation(Ensemble(size, dimensions, neurons, key=jax.random.key(seed)), f, TAU_S)


def by_nengo(ours, inputs, neurons, steps):
    """What the synapses hold at the end of each step, and the spikes (or rates) of each neuron."""
    ensemble, decoders = ours.recurrent.ensemble, np.asarray(ours.recurrent.decoders, float)
    # Our synapses go dt/τ_s of the way in a step; Nengo's, 1 − e^(−dt/τ).
    synapse = nengo.Lowpass(-DT / np.log(1 - DT / TAU_S) / 1000)
    dimensions = decoders.shape[1]
    with nengo.Network(seed=0) as network:
        there = nengo.Ensemble(
            len(decoders),
            dimensions,
            encoders=np.asarray(ensemble.encoders, float),
            gain=np.asarray(ensemble.gain, float),
            bias=np.asarray(ensemble.bias, float),
            neuron_type=neurons,
        )
        nengo.Connection(there, there, synapse=synapse, solver=nengo.solvers.NoSolver(decoders))
        stimulus = nengo.Node(lambda t: inputs[round(1000 * t / DT) - 1])
        nengo.Connection(stimulus, there, synapse=synapse, transform=TAU_S)
        held = nengo.Probe(there, "input")
        output = nengo.Probe(there.neurons)
    with nengo.Simulator(network, dt=DT / 1000, progress_bar=False) as simulator:
        simulator.run_steps(steps + 1, progress_bar=False)
    return simulator.data[held][1:], simulator.data[output][:-1]


def spiking():
    return nengo.LIF(min_voltage=-np.inf, initial_state={"voltage": nengo.dists.Choice([0])})


def kicked(steps, dimensions, kick):
    """An input for the first 100 ms that takes y to about `kick`."""
    inputs = np.zeros((steps + 1, dimensions), np.float32)
    inputs[:100] = np.asarray(kick) / 100
    return inputs


def frequency(y):
    """Turns per second."""
    angle = np.unwrap(np.arctan2(y[:, 1], y[:, 0]))
    return np.polyfit(np.arange(len(angle)) * DT / 1000, angle, 1)[0] / (2 * np.pi)


@pytest.mark.parametrize(("f", "kick"), [(still, [0.6]), (circling, [0.9, 0.0])])
def test_rates_give_the_same_trajectory(f, kick):
    ours = population(f, 100, len(kick), RateNeurons(LIF()), 0)
    inputs = kicked(1500, len(kick), kick)
    found = simulate(ours, inputs[:-1], dt=DT).record
    wanted, _ = by_nengo(ours, inputs, nengo.LIFRate(), 1500)
    np.testing.assert_allclose(found, wanted, atol=1e-4)


def test_the_integrator_fires_and_drifts_as_nengos():
    """Drifts within 0.01 of each other, spike counts of each neuron within one, and near the closed form."""
    for seed in SEEDS:
        ours = population(still, 200, 1, LIF(), seed)
        inputs = kicked(4250, 1, [0.5])
        found = np.asarray(simulate(ours, inputs[:-1], dt=DT).record)[:, 0]
        wanted, spikes = by_nengo(ours, inputs, spiking(), 4250)
        drift, theirs = (y[-250:].mean() - y[250:500].mean() for y in (found, wanted[:, 0]))
        assert abs(drift - theirs) < 0.01
        # Spikes of the same neurons under the same y.
        drive = np.asarray(
            ours.recurrent.ensemble.drive(jnp.asarray(np.concatenate([[[0.0]], wanted[:-1]]), jnp.float32))
        )
        counts = np.asarray(simulate(Total(LIF()), jnp.asarray(drive), dt=DT).state[1])
        theirs = np.round(spikes.sum(0) * DT / 1000)
        closed = np.asarray(LIF().firing_rate(drive)).sum(0) * DT / 1000
        assert np.abs(counts - theirs).max() <= 1
        assert np.abs(counts - closed).max() <= 0.005 * closed.max() + 2


def test_the_oscillator_turns_as_nengos():
    for seed in SEEDS:
        ours = population(circling, 200, 2, LIF(), seed)
        inputs = kicked(5000, 2, [0.9, 0.0])
        found = np.asarray(simulate(ours, inputs[:-1], dt=DT).record)
        wanted, _ = by_nengo(ours, inputs, spiking(), 5000)
        assert frequency(found[500:]) == pytest.approx(frequency(wanted[500:]), rel=2e-3)
        radii = [np.hypot(*y[500:].T).mean() for y in (found, wanted)]
        assert radii[0] == pytest.approx(radii[1], abs=0.01)
