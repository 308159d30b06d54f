import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from neuraxis.engine import Total, record_nothing, simulate
from neuraxis.errors import InputError


class Leak(eqx.Module):
    """v ← v/2 + input; puts out a tree."""

    def init_state(self, input_shape):
        return jnp.zeros(input_shape)

    def step(self, state, input, dt=1.0):
        state = state / 2 + input
        return state, {"v": state, "above": (state > 1).astype(int)}


def test_adds_the_outputs_up_and_stores_none():
    inputs = jnp.linspace(0, 1, 30)[:, None]
    trace = simulate(Total(Leak()), inputs, record=record_nothing)
    _, total = trace.state
    assert trace.record is None
    record = simulate(Leak(), inputs).record
    np.testing.assert_allclose(total["v"], record["v"].sum(0), rtol=1e-5)
    np.testing.assert_array_equal(total["above"], record["above"].sum(0))


class Count(eqx.Module):
    """Puts integers out for integers."""

    def init_state(self, input_shape):
        return ()

    def step(self, state, input, dt=1.0):
        return state, 2 * input


def test_begins_with_zeros_of_the_dtype_of_what_comes_out():
    total = simulate(Total(Count()), jnp.arange(5)).state[1]
    assert total == 20
    assert total.dtype == jnp.arange(5).dtype


def test_starts_by_itself_for_a_shape():
    state, total = Total(Leak()).init_state((3,))
    assert state.shape == total["v"].shape == (3,)


def test_inner_inputs_are_projected_once():
    class Doubled(Count):
        def project(self, inputs):
            return 10 * inputs

    np.testing.assert_array_equal(simulate(Total(Doubled()), jnp.arange(4)).record, [0, 20, 60, 120])


@pytest.mark.usefixtures("as_user")
@pytest.mark.parametrize("wrong", [Leak, jax.nn.relu, 3])
def test_what_is_no_dynamics_is_refused(wrong):
    with pytest.raises(InputError, match="dynamics must"):
        Total(wrong)


def test_between_recorded_steps_nothing_is_lost():
    spikes = np.random.default_rng(0).random((120, 4)) < 0.3
    counts = simulate(Total(Passing()), spikes, dt=1.0, every=10).record
    per_interval = np.diff(counts, axis=0, prepend=0)
    np.testing.assert_array_equal(per_interval, spikes.reshape(12, 10, 4).sum(1))


class Passing(eqx.Module):
    """Gives back what it receives."""

    def init_state(self, input_shape):
        return ()

    def step(self, state, input, dt):
        return state, input
