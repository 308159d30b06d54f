"""Synapses: the spike trains of 1000 neurons, 10 s in steps of 1 ms, filtered by an alpha synapse step by step.

All sides filter the same array (time, neuron) along time by the same recursive filter, held input, and keep all of the
output, which is compared before anything is timed. Nengo and SciPy compute in float64 unless told otherwise, and are
measured so as well as in float32. SciPy's filter is given the coefficients of the same exact discretisation.
"""

import jax
import jax.numpy as jnp
import numpy as np
from scipy import signal

from benchmarks import _nengo
from benchmarks.harness import Workload
from neuraxis.engine import simulate
from neuraxis.neurons.synapse import Synapse

_DT = 1.0  # [ms]
_TAU_S = 10.0  # [ms]
_RATE = 50.0  # of the neurons [Hz]


def workload(quick: bool) -> Workload:
    """Build all sides."""
    nengo = _nengo.load()

    steps, size = (500, 50) if quick else (10_000, 1000)
    double = (np.random.default_rng(0).random((steps, size)) < _RATE * _DT / 1000) / _DT
    single = double.astype(np.float32)
    held = jnp.asarray(single)
    synapse, alpha = Synapse(_TAU_S, 1), nengo.Alpha(_TAU_S / 1000)
    numerator, denominator, _ = signal.cont2discrete(([1.0], [_TAU_S**2, 2 * _TAU_S, 1.0]), _DT, method="zoh")
    numerator = numerator.ravel()[1:]  # without the delay of a step, as the others

    def ours():
        return jax.block_until_ready(simulate(synapse, held, dt=_DT).record)

    def by_nengo(bits: int, spikes: np.ndarray):
        def run():
            with _nengo.bits(bits):
                return alpha.filt(spikes, dt=_DT / 1000)

        return run

    def by_scipy(spikes: np.ndarray):
        return lambda: signal.lfilter(*(c.astype(spikes.dtype) for c in (numerator, denominator)), spikes, axis=0)

    peers = {
        "Nengo": by_nengo(64, double), "Nengo, float32": by_nengo(32, single),
        "SciPy lfilter": by_scipy(double), "SciPy lfilter, float32": by_scipy(single),
    }  # fmt: skip
    wanted = peers["Nengo"]()
    for name, run in {"ours": ours, **peers}.items():
        # A direct-form filter in float32, as SciPy's, loses more digits than a cascade.
        error = np.abs(np.asarray(run()) - wanted).max() / wanted.max()
        if error > (1e-3 if "float32" in name else 1e-5):
            raise RuntimeError(f"{name} differs from Nengo by {error:.1e} of the largest value")
    return Workload(
        title=f"Alpha synapse, {size} spike trains × {steps} steps",
        experiment="synapse",
        ours=ours,
        peers=peers,
        targets={"Nengo": 1.0, "SciPy lfilter": 1.0},
    )
