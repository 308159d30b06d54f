import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import solve_ivp

from neuraxis.engine import record_state, simulate
from neuraxis.errors import InputError
from neuraxis.neurons.lif import LIF
from neuraxis.neurons.membrane_lif import MembraneLIF

NEURON = MembraneLIF(LIF(tau_m=15.0, tau_ref=3.0), v_rest=-65.0, v_threshold=-52.0, g_leak=0.2)


def first_spike(current):
    """Time at which the equation in millivolts, solved by SciPy, reaches the threshold."""

    def threshold(t, v):
        return v[0] + 52.0

    def rise(t, v):
        return ((-65.0 + current / 0.2) - v) / 15.0

    threshold.terminal = True
    solution = solve_ivp(rise, (0, 200), [-65.0], events=threshold, rtol=1e-10, atol=1e-10)
    return solution.t[-1]


def spikes_and_age(state, spikes):
    return spikes, state.age


def test_spikes_where_the_equation_in_millivolts_does():
    trace = simulate(NEURON, jnp.asarray([4.0]), dt=1.0, steps=60, record=spikes_and_age)
    spikes, age = (np.asarray(part)[:, 0] for part in trace.record)
    found = (trace.times - age)[spikes > 0]
    np.testing.assert_allclose(found[0], first_spike(4.0), atol=1e-4)
    np.testing.assert_allclose(np.diff(found), first_spike(4.0) + 3.0, atol=1e-4)
    np.testing.assert_allclose(NEURON.firing_rate(4.0), 1000 / (first_spike(4.0) + 3.0), rtol=1e-5)


def test_potential_in_millivolts_below_the_rheobase():
    trace = simulate(NEURON, jnp.asarray([2.0]), dt=1.0, steps=50, record=record_state)
    times = np.arange(1, 51)[:, None]
    np.testing.assert_allclose(NEURON.potential(trace.record), -65 + 10 * -np.expm1(-times / 15), atol=2e-5)


def test_fires_above_the_rheobase_only():
    rheobase = 0.2 * 13.0
    rate = NEURON.firing_rate(rheobase * jnp.asarray([0.999, 1.001]))
    assert rate[0] == 0
    assert rate[1] > 0


def test_a_field_may_hold_one_value_a_neuron():
    neurons = MembraneLIF(v_threshold=jnp.asarray([-50.0, -40.0]))
    trace = simulate(neurons, jnp.asarray(3.5), dt=1.0, steps=200)
    assert trace.record.shape == (200, 2)
    assert trace.record[:, 0].sum() > trace.record[:, 1].sum() > 0


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"g_leak": 0.0}, "g_leak must be positive"),
        ({"v_threshold": -70.0}, "v_threshold - v_rest must be positive"),
        ({"v_rest": float("nan")}, "v_rest must be finite"),
    ],
)
def test_bad_input_is_named(settings, words):
    with pytest.raises(InputError, match=words):
        MembraneLIF(**settings)
