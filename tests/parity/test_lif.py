import warnings

import jax.numpy as jnp
import numpy as np
import pytest

from neuraxis.engine import simulate
from neuraxis.neurons.lif import LIF

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # Nengo still asks for numpy.core
    import nengo

TAU_M, TAU_REF = 18.0, 2.5  # [ms]
OURS = LIF(TAU_M, TAU_REF)
RNG = np.random.default_rng(0)
MAX_RATES, INTERCEPTS = RNG.uniform(20, 350, 200), RNG.uniform(-0.95, 0.95, 200)


def theirs(**settings):
    return nengo.LIF(tau_rc=TAU_M / 1000, tau_ref=TAU_REF / 1000, **settings)


def test_gain_and_bias_equal_nengos():
    gain, bias = OURS.gain_bias(MAX_RATES, INTERCEPTS)
    wanted_gain, wanted_bias = theirs().gain_bias(MAX_RATES, INTERCEPTS)
    np.testing.assert_allclose(gain, wanted_gain, rtol=1e-6)
    # A bias near 0 is a difference of numbers of the size of the gain; float32 holds it to those.
    np.testing.assert_allclose(bias, wanted_bias, rtol=1e-6, atol=1e-6 * np.abs(wanted_gain).max())


def test_maximum_rates_and_intercepts_equal_nengos():
    gain, bias = theirs().gain_bias(MAX_RATES, INTERCEPTS)
    gain, bias = gain.astype(np.float32), bias.astype(np.float32)
    found = OURS.max_rates_intercepts(gain, bias)
    wanted = theirs().max_rates_intercepts(gain.astype(float), bias.astype(float))
    np.testing.assert_allclose(found[0], wanted[0], rtol=1e-6)
    np.testing.assert_allclose(found[1], wanted[1], rtol=1e-6, atol=1e-6)


def test_rates_equal_nengos():
    drive = np.concatenate([np.linspace(-2, 1, 20), np.geomspace(1.01, 100, 300)]).astype(np.float32)
    wanted = theirs().rates(drive.astype(float), gain=1.0, bias=0.0)[:, 0]
    np.testing.assert_allclose(OURS.firing_rate(drive), wanted, rtol=1e-6)


@pytest.mark.parametrize("dt", [0.1, 0.3, 1.0])
@pytest.mark.parametrize("varying", [False, True])
def test_spike_counts_are_within_one_of_nengos(dt, varying):
    size = np.geomspace(0.5, 30, 60)
    steps = int(600 / dt)
    shape = np.sin(np.arange(steps) * dt / 40) if varying else np.ones(steps)
    drive = (size * shape[:, None]).astype(np.float32)
    # Nengo clips potentials at 0 unless told otherwise.
    neurons = theirs(min_voltage=-np.inf)
    state = {"voltage": np.zeros(len(size)), "refractory_time": np.zeros(len(size))}
    output, total = np.zeros(len(size)), np.zeros(len(size))
    for row in drive.astype(float):
        neurons.step(dt / 1000, row, output, **state)
        total += output * dt / 1000
    found = np.asarray(simulate(OURS, jnp.asarray(drive), dt=dt).record).sum(axis=0)
    assert found.sum() > 1000
    assert np.abs(found - np.round(total)).max() <= 1
