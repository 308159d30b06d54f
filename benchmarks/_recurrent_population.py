"""A recurrent population of spiking LIF neurons, side by side with the same one of Nengo."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks import _nengo
from benchmarks.harness import Workload
from neuraxis.engine import simulate
from neuraxis.neurons import LIF
from neuraxis.population import Ensemble, RecurrentPopulation

DT, TAU_S = 1.0, 100.0  # [ms]


def workload(
    title: str, f: Callable[[Any], Any], signal: Callable[[Any, Any], Any], dimensions: int, quick: bool, target: float
) -> Workload:
    """Build both sides.

    Both evaluate the input function, encode, take the spiking step, decode, and filter, and keep y of every step.
    Encoders, gains, biases and decoders are ours; building a network and solving for decoders is not counted. Nengo's
    synapses have the time constant with which they go as far in a step as ours.

    Args:
        title: of the workload.
        f: the right-hand side of dy/dt = f(y) + u.
        signal: u [1/ms] at the end of the step, of the array module and the time [ms].
        dimensions: of y.
        quick: whether to take a small population and a short time.
        target: lowest ratio of times.

    Raises:
        RuntimeError: where both sides do not compute the same.
    """
    nengo = _nengo.load()

    def given(t: Any) -> Any:
        """Return the input in the step that begins at t, at whose end Nengo evaluates it."""
        return signal(jnp, t + DT)

    size, steps = (100, 500) if quick else (1000, 10_000)
    population = RecurrentPopulation(Ensemble(size, dimensions, LIF(), key=jax.random.key(0)), f, TAU_S)
    double, single = (_build(nengo, population, signal, bits) for bits in (64, 32))
    _agree(population, given, double, min(steps, 2000))

    def ours() -> None:
        jax.block_until_ready(simulate(population, given, dt=DT, steps=steps).record)

    return Workload(
        title=f"{title}, {size} spiking LIF neurons × {steps} steps",
        experiment="population-dynamics",
        ours=ours,
        peers={"Nengo": _nengo.timed(double[0], steps), "Nengo, float32": _nengo.timed(single[0], steps)},
        targets={"Nengo": target},
    )


def _build(nengo: Any, population: RecurrentPopulation, signal: Callable[[Any, Any], Any], bits: int) -> tuple:
    """Make Nengo's simulator with that many bits a number, and the probe of y."""
    ensemble, decoders = population.recurrent.ensemble, np.asarray(population.recurrent.decoders, float)
    synapse = nengo.Lowpass(-DT / np.log(1 - DT / TAU_S) / 1000)
    # Nengo's defaults would clip potentials at 0 and start them anywhere; we do neither.
    neurons = nengo.LIF(min_voltage=-np.inf, initial_state={"voltage": nengo.dists.Choice([0])})
    with nengo.Network(seed=0) as network:
        there = nengo.Ensemble(
            len(decoders),
            decoders.shape[1],
            encoders=np.asarray(ensemble.encoders, float),
            gain=np.asarray(ensemble.gain, float),
            bias=np.asarray(ensemble.bias, float),
            neuron_type=neurons,
        )
        nengo.Connection(there, there, synapse=synapse, solver=nengo.solvers.NoSolver(decoders))
        stimulus = nengo.Node(lambda t: signal(np, 1000 * t))
        nengo.Connection(stimulus, there, synapse=synapse, transform=TAU_S)
        probe = nengo.Probe(there, "input")
    with _nengo.bits(bits):
        return nengo.Simulator(network, dt=DT / 1000, progress_bar=False), probe


def _agree(population: RecurrentPopulation, given: Callable[[Any], Any], built: tuple, steps: int) -> None:
    """Refuse to time what does not compute the same: single spikes may fall into other steps, y may not differ."""
    simulator, probe = built
    simulator.run_steps(steps + 1, progress_bar=False)
    found = simulate(population, given, dt=DT, steps=steps).record
    difference = np.abs(np.asarray(found) - simulator.data[probe][1:]).max()
    if not difference < 0.03:
        raise RuntimeError(f"what the populations represent differs by up to {difference}")
