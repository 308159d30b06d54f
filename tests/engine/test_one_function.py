import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from neuraxis.engine import one_function, simulate
from neuraxis.neurons import HodgkinHuxley

WEIGHTS = jnp.asarray([[0.5, -0.25], [0.125, 0.5]])


def leak(state, x):
    state = state + 0.1 * (jnp.where(x > 0, x, jnp.tanh(x)) - state)
    return state, state * state


def mix(state, x):
    state = jnp.tanh(state @ WEIGHTS + x)
    return state, state


def sum_up(state, x):
    return state + jnp.sum(x), None


def add_columns(state, x):
    return state + jnp.sum(jnp.outer(x, x), axis=0), None


def traced(step, state, xs):
    return jax.make_jaxpr(lambda state, xs: lax.scan(step, state, xs))(state, xs)


@pytest.mark.parametrize(("step", "small"), [(leak, True), (sum_up, True), (mix, False), (add_columns, False)])
def test_elementwise_steps_are_told_from_others(step, small):
    assert one_function.is_small(traced(step, jnp.zeros(2), jnp.ones((5, 2)))) == small


def test_many_numbers_are_left_to_the_threads():
    assert one_function.is_small(traced(leak, jnp.zeros(1000), jnp.ones((200, 1000))))  # all steps together are many
    assert not one_function.is_small(traced(leak, jnp.zeros(100_000), jnp.ones((2, 100_000))))


@pytest.mark.parametrize("step", [leak, mix, sum_up])
def test_gives_what_scan_gives(step):
    xs = np.random.default_rng(0).normal(size=(7, 2)).astype(np.float32)
    found = jax.jit(lambda state, xs: one_function.scan(step, state, xs))(jnp.ones(2), xs)
    expected = jax.jit(lambda state, xs: lax.scan(step, state, xs))(jnp.ones(2), xs)
    jax.tree.map(np.testing.assert_array_equal, found, expected)


@pytest.mark.parametrize("every", [1, 4])
def test_neurons_are_simulated_in_one_function(monkeypatch, every):
    found = []
    decide = one_function.is_small
    monkeypatch.setattr(one_function, "is_small", lambda loop: found.append(decide(loop)) or found[-1])
    simulate(HodgkinHuxley(), jnp.linspace(0.0, 10.0, 3), dt=0.01, steps=8, every=every)
    assert found == [jax.default_backend() == "cpu"]
