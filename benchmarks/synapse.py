"""Synapses: the spike trains of 1000 neurons, 10 s in steps of 1 ms, filtered by an alpha synapse step by step.

All sides filter the same array (time, neuron) along time by the same recursive filter, held input, and keep all of the
output, which is compared before anything is timed. Nengo and SciPy compute in float64 unless told otherwise, and are
measured so as well as in float32. SciPy's filter is given the coefficients that follow from Nengo's matrices.
"""

import warnings

import jax
import jax.numpy as jnp
import numpy as np
from scipy import signal

from benchmarks.harness import Workload
from neuraxis.engine import simulate
from neuraxis.neurons.synapse import Synapse

_DT = 1.0  # [ms]
_TAU_S = 10.0  # [ms]
_RATE = 50.0  # of the neurons [Hz]


def workload(quick: bool) -> Workload:
    """Build all sides."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Nengo still asks for numpy.core
        import nengo

    steps, size = (500, 50) if quick else (10_000, 1000)
    double = (np.random.default_rng(0).random((steps, size)) < _RATE * _DT / 1000) / _DT
    single = double.astype(np.float32)
    held = jnp.asarray(single)
    synapse, alpha = Synapse(_TAU_S, 1), nengo.Alpha(_TAU_S / 1000)
    tau_s = _TAU_S
    system = signal.cont2discrete(([1.0], [tau_s**2, 2 * tau_s, 1.0]), _DT, method="zoh")
    b, a = np.append(system[0].ravel()[1:], 0.0), system[1]  # without the delay of a step, as both others

    def ours():
        return jax.block_until_ready(simulate(synapse, held, dt=_DT).record)

    def by_convolution():
        return jax.block_until_ready(synapse.convolve(held, _DT))

    def by_nengo(bits: int, spikes: np.ndarray):
        def run():
            before = nengo.rc.get("precision", "bits")
            nengo.rc.set("precision", "bits", str(bits))
            try:
                return alpha.filt(spikes, dt=_DT / 1000)
            finally:
                nengo.rc.set("precision", "bits", before)

        return run

    def by_scipy(spikes: np.ndarray):
        return lambda: signal.lfilter(b.astype(spikes.dtype), a.astype(spikes.dtype), spikes, axis=0)

    peers = {
        "Nengo": by_nengo(64, double), "Nengo, float32": by_nengo(32, single),
        "SciPy lfilter": by_scipy(double), "SciPy lfilter, float32": by_scipy(single),
    }  # fmt: skip
    wanted = peers["Nengo"]()
    for name, run in {"ours": ours, "ours, convolution": by_convolution, **peers}.items():
        # A direct-form filter in float32, as SciPy's, loses more digits than a cascade.
        if (error := np.abs(run() - wanted).max() / wanted.max()) > (1e-3 if "float32" in name else 1e-5):
            raise RuntimeError(f"{name} differs from Nengo by {error:.1e} of the largest value")

    def timed(run):
        def once() -> None:
            run()

        return once

    return Workload(
        title=f"Alpha synapse, {size} spike trains × {steps} steps",
        ours=timed(ours),
        peers={name: timed(run) for name, run in {**peers, "ours, by convolution": by_convolution}.items()},
        targets={"Nengo": 2.0},
    )
