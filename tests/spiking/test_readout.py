import jax
import jax.numpy as jnp
import numpy as np
import pytest

from neuraxis.engine import simulate
from neuraxis.neurons import DiscreteLIF, LeakyIntegrator
from neuraxis.spiking import max_potential, mean_potential, spike_count

NEURONS = DiscreteLIF(tau_m=jnp.asarray(6.0))
current = jnp.asarray(np.random.default_rng(0).normal(0.1, 0.7, (30, 4, 3)), jnp.float32)
CASES = [
    (spike_count, NEURONS, lambda outputs: np.cumsum(outputs, axis=0)),
    (mean_potential, LeakyIntegrator(6.0), lambda v: np.cumsum(v, axis=0) / np.arange(1, 31)[:, None, None]),
    (max_potential, LeakyIntegrator(6.0), lambda v: np.maximum.accumulate(v, axis=0)),
]


@pytest.mark.parametrize(("readout", "neurons", "expected"), CASES, ids=lambda case: getattr(case, "__name__", ""))
def test_after_every_step_it_is_what_the_stored_outputs_give(readout, neurons, expected):
    outputs = np.asarray(simulate(neurons, current, dt=1.0).record, np.float64)
    trace = simulate(readout(NEURONS), current, dt=1.0)
    np.testing.assert_allclose(trace.record, expected(outputs), rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(trace.state.logits, trace.record[-1])


def test_the_highest_potential_may_be_negative():
    trace = simulate(max_potential(NEURONS), -jnp.ones(2), dt=1.0, steps=5)
    np.testing.assert_allclose(trace.record, -1.0)


@pytest.mark.parametrize("readout", [spike_count, mean_potential, max_potential])
def test_gradients_reach_the_time_constant(readout):
    def total(tau_m):
        return simulate(readout(DiscreteLIF(tau_m=tau_m)), current, dt=1.0).record[-1].sum()

    gradient = jax.grad(total)(jnp.asarray(6.0))
    assert np.isfinite(gradient)
    assert gradient != 0
