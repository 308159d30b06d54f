"""Nothing compiled remembers what can change: plain objects, globals and closures count as they are at each call."""

from dataclasses import dataclass
from queue import SimpleQueue

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from neuraxis.engine import descent, evaluate, fit, predict, relax, simulate

drive = 1.0


class Leak(eqx.Module):
    """dv/dt = (input − v)/10, stepped exactly."""

    def init_state(self, input_shape):
        return jnp.zeros(input_shape)

    def step(self, state, input, dt):
        state = input + (state - input) * jnp.exp(-dt / 10)
        return state, state


class Plain:
    """The same with a time constant that can be set, as no `equinox.Module`."""

    def __init__(self, tau):
        self.tau = tau

    def init_state(self, input_shape):
        return jnp.zeros(input_shape)

    def step(self, state, input, dt):
        state = input + (state - input) * jnp.exp(-dt / self.tau)
        return state, state


@dataclass(frozen=True)
class Frozen:
    """The same with an array."""

    tau: np.ndarray
    init_state = Plain.init_state
    step = Plain.step


class Driven(eqx.Module):
    """Adds up a global variable."""

    def init_state(self, input_shape):
        return jnp.zeros(())

    def step(self, state, input, dt):
        return state + drive, state


def five_steps(dynamics, inputs=1.0, **how):
    return float(simulate(dynamics, inputs, dt=1.0, steps=5, **how).state)


def test_a_plain_object_is_simulated_as_it_is_now():
    model = Plain(10.0)
    for tau in (10.0, 1000.0, 10.0):
        model.tau = tau
        assert five_steps(model) == pytest.approx(1 - np.exp(-5 / tau), rel=1e-5)


def test_a_frozen_dataclass_may_hold_an_array():
    for tau in (10.0, 1000.0, 10.0):
        assert five_steps(Frozen(np.asarray(tau))) == pytest.approx(1 - np.exp(-5 / tau), rel=1e-4)


@pytest.fixture
def set_drive():
    def change(value):
        globals()["drive"] = value

    yield change
    change(1.0)


def test_a_global_variable_is_read_as_it_is_now(set_drive):
    for value in (1.0, 3.0):
        set_drive(value)
        assert five_steps(Leak(), lambda t: drive * jnp.ones(())) == pytest.approx(value * (1 - np.exp(-0.5)), rel=1e-5)
        assert five_steps(Driven()) == 5 * value
        record = simulate(Leak(), 1.0, dt=1.0, steps=2, record=lambda state, output: drive).record
        np.testing.assert_array_equal(record, [value, value])
        assert relax(lambda x: jnp.sum((x - drive) ** 2, -1), jnp.zeros(1), step_size=0.4).x == pytest.approx(
            value, rel=1e-4
        )
        assert evaluate(None, lambda model, x, *, key: drive * x, (np.ones(4),)) == value
        np.testing.assert_array_equal(predict(lambda x: drive * x, np.ones(2)), [value, value])


def squared(w, x, t, *, key):
    return (x @ w - drive * t) ** 2


def test_a_loss_reads_a_global_variable_as_it_is_now(set_drive):
    x = np.eye(2, dtype=np.float32)
    for value in (1.0, 3.0):
        set_drive(value)
        rule = descent(squared, optax.sgd(0.5))
        fitted = fit(jnp.zeros(2), rule, (x, x[0]), epochs=20, batch_size=2, key=jax.random.key(0), progress=None)
        np.testing.assert_allclose(fitted.model, [value, 0], atol=1e-4)


def test_what_is_made_anew_in_the_same_way_compiles_once():
    traced = SimpleQueue()  # which counts among what does not change

    def wave(frequency):
        return lambda t: traced.put(t) or jnp.sin(frequency * t)

    def loss(w, x, *, key):
        traced.put(w)
        return (x @ w) ** 2

    def train():
        how = {"batch_size": 2, "key": jax.random.key(0), "progress": None}
        return fit(jnp.ones(2), descent(loss, optax.adam(1e-2)), (np.ones((4, 2)),), **how)

    def count(run):
        before = traced.qsize()
        run()
        return traced.qsize() - before

    by_waves = [count(lambda: five_steps(Leak(), wave(1.0))) for _ in range(3)]
    assert by_waves[0] > by_waves[1] == by_waves[2] == 1  # only the look at the shape of an input
    by_folds = [count(train) for _ in range(3)]
    assert by_folds[0] > by_folds[1] == by_folds[2] == 1  # only the trial before a training
