import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from neuraxis.engine import simulate
from neuraxis.neurons.synapse import Synapse

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # Nengo still asks for numpy.core
    import nengo

TAU_S = 7.0  # [ms]
SIGNAL = np.random.default_rng(0).normal(size=(800, 5))
THEIRS = {0: nengo.Lowpass, 1: nengo.Alpha}


def by_nengo(order, signal, dt):
    if order in THEIRS:
        return THEIRS[order](TAU_S / 1000).filt(signal, dt=dt / 1000)
    # Further orders as a chain of low-pass filters in continuous time.
    denominator = np.polynomial.Polynomial([1, TAU_S / 1000]) ** (order + 1)
    return nengo.LinearFilter([1], denominator.coef[::-1]).filt(signal, dt=dt / 1000)


@pytest.mark.parametrize("order", [0, 1, 2, 3])
@pytest.mark.parametrize("dt", [0.1, 1.0, 5.0])
def test_filtered_signals_equal_nengos(order, dt):
    wanted = by_nengo(order, SIGNAL, dt)
    size = np.abs(wanted).max()
    for double in (False, True):
        with jax.enable_x64(double):
            synapse, signal = Synapse(TAU_S, order), jnp.asarray(SIGNAL, float)
            # Nengo's own matrices are rounded too, in relation to a step's small change of the last stage.
            close = 1e-9 * size if double else 3e-6 * size
            np.testing.assert_allclose(simulate(synapse, signal, dt=dt).record, wanted, rtol=0, atol=close)
            np.testing.assert_allclose(synapse.convolve(signal, dt), wanted, rtol=0, atol=close)


@pytest.mark.parametrize("order", [0, 1])
def test_filtered_spikes_equal_nengos(order):
    spikes = (np.random.default_rng(1).random((800, 20)) < 0.1).astype(float)
    wanted = by_nengo(order, spikes / 1e-3, 1.0)  # Nengo's spikes are 1/dt high for dt [s], and filtered in Hz
    found = 1000 * simulate(Synapse(TAU_S, order), jnp.asarray(spikes), dt=1.0).record
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-4)
