import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from neuraxis.engine import ClosedLoop, Total, simulate
from neuraxis.errors import InputError


class Logistic(eqx.Module):
    """y = r x (1 − x)."""

    r: float = 3.9

    def init_state(self, input_shape):
        return ()

    def step(self, state, x, dt=1.0):
        return state, self.r * x * (1 - x)


def test_iterates_the_logistic_map():
    x, found = 0.3, []
    for _ in range(12):
        x = 3.9 * x * (1 - x)
        found.append(x)
    trace = simulate(ClosedLoop(Logistic(), 0.3), steps=12)
    np.testing.assert_allclose(trace.record, found, rtol=1e-4)
    np.testing.assert_array_equal(trace.state[1], trace.record[-1])
    on = simulate(ClosedLoop(Logistic(), 0.3), steps=7, state=simulate(ClosedLoop(Logistic(), 0.3), steps=5).state)
    np.testing.assert_array_equal(on.record, trace.record[5:])


class Markov(eqx.Module):
    """Draws the next state of a Markov chain from the last one and a key."""

    transitions: jax.Array  # (from, to)

    def init_state(self, input_shape):
        return jnp.zeros((), int)

    def project(self, last_and_key):
        last, key = last_and_key
        return jnp.log(self.transitions)[last], key

    def step(self, count, input, dt=1.0):
        logits, key = input
        return count + 1, jax.random.categorical(key, logits)


@pytest.mark.parametrize("chunk", [None, 8])
def test_samples_a_markov_chain(chunk):
    keys = jax.random.split(jax.random.key(0), 20)
    transitions = jnp.asarray([[0.1, 0.9, 0.0], [0.0, 0.2, 0.8], [0.5, 0.0, 0.5]])
    last, expected = 1, []
    for key in keys:
        last = int(jax.random.categorical(key, jnp.log(transitions)[last]))
        expected.append(last)
    sampler = ClosedLoop(Markov(transitions), 1, join=lambda last, key: (last, key))
    np.testing.assert_array_equal(simulate(sampler, keys, chunk=chunk).record, expected)
    assert simulate(Total(sampler), keys).state[1] == sum(expected)


def test_a_control_from_outside_is_joined():
    control = np.linspace(0, 0.01, 9).astype(np.float32)
    x, found = 0.2, []
    for u in control:
        x = 3.9 * (x + u) * (1 - (x + u))
        found.append(x)
    np.testing.assert_allclose(simulate(ClosedLoop(Logistic(), 0.2, jnp.add), control).record, found, rtol=1e-4)


@pytest.mark.usefixtures("as_user")
def test_bad_input():
    with pytest.raises(InputError, match="without join= must receive no external inputs"):
        simulate(ClosedLoop(Logistic(), 0.2), jnp.ones(3))
    with pytest.raises(InputError, match="join must be a function"):
        ClosedLoop(Logistic(), 0.2, "add")
    with pytest.raises(InputError, match="dynamics must be an object"):
        ClosedLoop(Logistic, 0.2)
    with pytest.raises(InputError, match=r"state\[1\] was int32\(\) and is float32\(\)"):
        simulate(ClosedLoop(Logistic(), jnp.ones((), int)), steps=3)
