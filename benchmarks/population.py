"""Communication channel: a sine goes through two populations of 1000 spiking neurons each for 10 s in steps of 1 ms.

Both sides do the same in every step: the input function, and twice encoding, the spiking LIF step, decoding and a
low-pass filter of 10 ms, of which the last is recorded. Encoders, maximum rates, intercepts and decoders are those that
Nengo drew and solved for; its building of the network is not counted. Before anything is timed, both outputs are held
against the sine behind two such filters: their root mean square errors must agree within a tenth.
"""

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks import _nengo
from benchmarks.harness import Workload
from neuraxis.engine import Chain, simulate
from neuraxis.neurons import Synapse
from neuraxis.population import Decoded, Ensemble

_DT = 1.0  # [ms]
_TAU_S = 10.0  # [ms]


def signal(t):
    """Input at the end of the step that begins at t [ms], where Nengo evaluates it."""
    return 0.9 * jnp.sin(2e-3 * jnp.pi * (t + _DT))[None]


def _build(nengo, size: int, bits: int):
    """Make Nengo's network, and its simulator with that many bits a number."""
    # Nengo's defaults would clip potentials at 0 and start them anywhere; we do neither.
    neurons = nengo.LIF(min_voltage=-np.inf, initial_state={"voltage": nengo.dists.Choice([0])})
    with nengo.Network(seed=0) as network:
        stimulus = nengo.Node(lambda t: 0.9 * np.sin(2 * np.pi * t))
        a, b = (nengo.Ensemble(size, 1, neuron_type=neurons) for _ in range(2))
        output = nengo.Node(size_in=1)
        nengo.Connection(stimulus, a, synapse=None)
        decodings = [nengo.Connection(*pair, synapse=_TAU_S / 1000) for pair in ((a, b), (b, output))]
        probe = nengo.Probe(output)
    with _nengo.bits(bits):
        simulator = nengo.Simulator(network, dt=_DT / 1000, progress_bar=False)
    return simulator, (a, b), decodings, probe


def _ours(simulator, ensembles, decodings) -> Chain:
    """Make the same network."""
    parts = []
    for ensemble, decoding in zip(ensembles, decodings, strict=True):
        built = simulator.data[ensemble]
        ours = Ensemble(
            len(built.gain),
            1,
            max_rates=built.max_rates,
            intercepts=built.intercepts,
            encoders=built.encoders,
            key=jax.random.key(0),
        )
        parts += [Decoded(ours, jnp.asarray(simulator.data[decoding].weights.T, jnp.float32)), Synapse(_TAU_S)]
    return Chain(*parts)


def _agree(network: Chain, built, steps: int) -> None:
    """Refuse to time what does not compute the same."""
    simulator, _, _, probe = built
    simulator.run_steps(steps, progress_bar=False)
    exact = simulate(Chain(Synapse(_TAU_S), Synapse(_TAU_S)), signal, dt=_DT, steps=steps).record
    ours = simulate(network, signal, dt=_DT, steps=steps).record
    # Each of Nengo's filters hears the spikes of a step at the next one.
    errors = [np.std(np.asarray(ours - exact)[200:]), np.std((simulator.data[probe][2:] - exact[:-2])[200:])]
    if not abs(errors[0] / errors[1] - 1) < 0.1:
        raise RuntimeError(f"the errors of the outputs differ: {errors}")


def workload(quick: bool) -> Workload:
    """Build both sides."""
    nengo = _nengo.load()

    size, steps = (100, 1000) if quick else (1000, 10_000)
    double, single = (_build(nengo, size, bits) for bits in (64, 32))
    network = _ours(*double[:3])
    _agree(network, double, min(steps, 4000))

    def ours():
        jax.block_until_ready(simulate(network, signal, dt=_DT, steps=steps).record)

    return Workload(
        title=f"communication channel, 2 × {size} spiking neurons × {steps} steps",
        experiment="transformations",
        ours=ours,
        peers={"Nengo": _nengo.timed(double[0], steps), "Nengo, float32": _nengo.timed(single[0], steps)},
        targets={"Nengo": 5.0},
    )
