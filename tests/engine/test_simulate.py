import importlib

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neuraxis.engine import Total, record_nothing, record_state, simulate
from neuraxis.errors import InputError

module = importlib.import_module("neuraxis.engine.loop")


class Leak(eqx.Module):
    """dv/dt = (input − v)/tau, stepped exactly."""

    tau: float | jax.Array = 10.0

    def init_state(self, input_shape):
        return jnp.zeros(input_shape)

    def step(self, state, input, dt):
        state = input + (state - input) * jnp.exp(-dt / self.tau)
        return state, 2 * state


def test_follows_the_closed_form():
    trace = simulate(Leak(), jnp.ones(3), dt=0.5, steps=40)
    np.testing.assert_allclose(trace.times, 0.5 * np.arange(1, 41))
    expected = 2 * (1 - np.exp(-np.asarray(trace.times) / 10))
    np.testing.assert_allclose(trace.record, np.tile(expected[:, None], 3), rtol=1e-5)
    np.testing.assert_allclose(trace.state, trace.record[-1] / 2)


@settings(max_examples=12, deadline=None)
@given(
    steps=st.integers(1, 40),
    every=st.integers(1, 7),
    remat=st.none() | st.integers(1, 4),
    unroll=st.integers(1, 6),
    chunk=st.none() | st.integers(1, 4),
)
def test_recording_every_kth_step_in_blocks_and_chunks_changes_nothing(steps, every, remat, unroll, chunk):
    inputs = np.random.default_rng(0).normal(size=(steps, 2)).astype(np.float32)
    plain = simulate(Leak(), inputs, dt=1.0)
    trace = simulate(
        Leak(),
        inputs,
        dt=1.0,
        every=every,
        remat=remat and remat * every,
        unroll=unroll,
        chunk=chunk and chunk * every,
    )
    np.testing.assert_allclose(trace.times, plain.times[every - 1 :: every])
    np.testing.assert_allclose(trace.record, plain.record[every - 1 :: every], rtol=1e-6)
    np.testing.assert_allclose(trace.state, plain.state, rtol=1e-6)


def test_goes_on_from_a_state():
    inputs = jnp.sin(jnp.arange(20.0))[:, None]
    first = simulate(Leak(), inputs[:12], dt=1.0)
    second = simulate(Leak(), inputs[12:], dt=1.0, state=first.state)
    np.testing.assert_array_equal(second.state, simulate(Leak(), inputs, dt=1.0).state)


def test_input_may_be_a_function_of_time():
    trace = simulate(Leak(), lambda t: jnp.sin(t / 7), dt=0.25, steps=50)
    sampled = simulate(Leak(), jnp.sin(0.25 * jnp.arange(50) / 7), dt=0.25)
    np.testing.assert_allclose(trace.record, sampled.record, rtol=1e-5)
    in_chunks = simulate(Leak(), lambda t: jnp.sin(t / 7), dt=0.25, steps=50, chunk=20)
    np.testing.assert_allclose(in_chunks.record, sampled.record, rtol=1e-5)


def test_total_adds_the_outputs_up_and_stores_none():
    inputs = jnp.linspace(0, 1, 30)[:, None]
    trace = simulate(Total(Leak()), inputs, dt=1.0, record=record_nothing)
    _, total = trace.state
    assert trace.record is None
    np.testing.assert_allclose(total, simulate(Leak(), inputs, dt=1.0).record.sum(0), rtol=1e-5)


@pytest.mark.parametrize("how", [{}, {"remat": 10}, {"unroll": 4}, {"remat": 10, "unroll": 4}, {"remat": 80}])
def test_gradient_through_blocks_is_the_gradient(how):
    def area(tau):
        return simulate(Leak(tau), jnp.ones(1), dt=1.0, steps=53, record=record_state, **how).record.sum()

    exact = jax.grad(lambda tau: jnp.sum(1 - jnp.exp(-jnp.arange(1.0, 54) / tau)))(10.0)
    np.testing.assert_allclose(jax.grad(area)(10.0), exact, rtol=1e-5)


@pytest.mark.parametrize("how", [{}, {"every": 2, "remat": 4}, {"unroll": 3}])
def test_no_steps_and_no_neurons_leave_empty_records(how):
    assert simulate(Leak(), jnp.ones(3), dt=1.0, steps=0, **how).record.shape == (0, 3)
    assert simulate(Leak(), jnp.ones(0), dt=1.0, steps=8, **how).record.shape == (8 // how.get("every", 1), 0)


def test_works_under_jit_and_vmap():
    taus = jnp.array([5.0, 10.0])
    run = lambda tau: simulate(Leak(tau), jnp.ones(()), dt=1.0, steps=5).record
    np.testing.assert_allclose(jax.jit(jax.vmap(run))(taus)[1], run(taus[1]), rtol=1e-6)


def test_wide_vectors_are_an_option_of_the_whole_program_only(monkeypatch):
    monkeypatch.setattr(module, "_wide_vectors", lambda: {"xla_cpu_prefer_vector_width": 256})
    module._compiled.cache_clear()
    run = lambda tau: simulate(Leak(tau), jnp.ones(()), dt=1.0, steps=5).record[-1]
    np.testing.assert_allclose(run(10.0), jax.jit(run)(10.0), rtol=1e-6)
    module._compiled.cache_clear()


@pytest.mark.usefixtures("as_user")
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"dt": 0.0, "steps": 3}, "dt must be positive"),
        ({"dt": -1.0, "steps": 3}, "dt must be positive"),
        ({"dt": float("nan"), "steps": 3}, "dt must be positive"),
        ({"dt": 1.0, "steps": -1}, "steps must be a whole number"),
        ({"dt": 1.0, "steps": 2.5}, "steps must be a whole number"),
        ({"dt": 1.0, "steps": 4, "every": 0}, "every must be a whole number"),
        ({"dt": 1.0, "steps": 4, "unroll": 0}, "unroll must be a whole number"),
        ({"dt": 1.0, "steps": 4, "every": 2, "chunk": 3}, "chunk must be a multiple of every"),
        ({"dt": 1.0, "steps": 4, "progress": "run"}, "needs chunk="),
        ({"dt": np.ones(1), "steps": 4}, r"dt must be one number, but has shape \(1,\)"),
        ({"dt": 1.0, "steps": 4, "state": jnp.ones(1)}, r"but state was float32\(1,\) and is float32\(2,\)"),
        ({"dt": 1.0, "steps": 4, "state": jnp.ones(2, int)}, r"state was int32\(2,\) and is float32\(2,\)"),
    ],
)
def test_bad_settings_are_refused(arguments, message):
    with pytest.raises(InputError, match=message):
        simulate(Leak(), jnp.ones(2), **arguments)


@pytest.mark.usefixtures("as_user")
@pytest.mark.parametrize("function", [lambda t: np.sin(t), lambda t: 1.0 if t > 2 else 0.0, lambda t: float(t)])
def test_a_function_that_cannot_be_traced_is_refused(function):
    with pytest.raises(InputError, match="must be a function that JAX can trace"):
        simulate(Leak(), function, dt=1.0, steps=4)


@pytest.mark.usefixtures("as_user")
def test_a_chunk_is_refused_where_there_is_no_host():
    with pytest.raises(InputError, match="not possible under jit"):
        jax.jit(lambda x: simulate(Leak(), x, dt=1.0, steps=4, chunk=2).record)(jnp.ones(2))


@pytest.mark.usefixtures("as_user")
@pytest.mark.parametrize("name", ["steps", "every", "remat", "unroll", "chunk"])
def test_numpy_integers_are_whole_numbers_too(name):
    numbers = {"steps": 4, name: np.int64(2)}
    assert len(simulate(Leak(), jnp.ones(2), dt=1.0, **numbers).record) == (4 if name not in ("steps", "every") else 2)


@pytest.mark.usefixtures("as_user")
@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        (None, "number of steps"),
        (np.zeros((0, 2)), "empty"),
        (1.5, "inputs of one number have no time axis: .* steps="),
        (np.array([[1.0], [np.nan]]), r"inputs must be finite, but holds nan at index \(1, 0\)"),
    ],
)
def test_bad_inputs_are_refused(inputs, message):
    with pytest.raises(InputError, match=message):
        simulate(Leak(), inputs, dt=1.0)
