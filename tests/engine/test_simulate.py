from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neuraxis.engine import Chain, ClosedLoop, Total, loop, record_nothing, record_state, simulate
from neuraxis.errors import DivergedError, InputError


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
    # Unrolled steps are compiled together and may round once where two steps round twice; states are of order 1.
    np.testing.assert_allclose(trace.record, plain.record[every - 1 :: every], rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(trace.state, plain.state, rtol=1e-6, atol=1e-6)


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


@pytest.mark.parametrize("how", [{}, {"remat": 10}, {"unroll": 4}, {"remat": 10, "unroll": 4}, {"remat": 80}])
def test_gradient_through_blocks_is_the_gradient(how):
    def area(tau):
        return simulate(Leak(tau), jnp.ones(1), dt=1.0, steps=53, record=record_state, **how).record.sum()

    exact = jax.grad(lambda tau: jnp.sum(1 - jnp.exp(-jnp.arange(1.0, 54) / tau)))(10.0)
    np.testing.assert_allclose(jax.grad(area)(10.0), exact, rtol=1e-5)


@pytest.mark.parametrize("how", [{}, {"every": 2, "remat": 4}, {"unroll": 3}, {"chunk": 4}])
def test_no_steps_and_no_neurons_leave_empty_records(how):
    assert simulate(Leak(), jnp.ones(3), dt=1.0, steps=0, **how).record.shape == (0, 3)
    assert simulate(Leak(), jnp.ones(0), dt=1.0, steps=8, **how).record.shape == (8 // how.get("every", 1), 0)


def test_works_under_jit_and_vmap():
    taus = jnp.array([5.0, 10.0])
    run = lambda tau: simulate(Leak(tau), jnp.ones(()), dt=1.0, steps=5).record
    np.testing.assert_allclose(jax.jit(jax.vmap(run))(taus)[1], run(taus[1]), rtol=1e-6)


@pytest.fixture
def wide_vectors(monkeypatch):
    """Have every CPU do what one with wide vectors does: use an option that JAX refuses inside of transformations."""
    monkeypatch.setattr(loop, "_wide_vectors", lambda: {"xla_cpu_prefer_vector_width": 256})
    loop._compiled.cache_clear()
    yield
    loop._compiled.cache_clear()


def drive(a):
    """Return the state after five steps under a function of the time that holds `a` where nobody sees it."""
    return simulate(Leak(), lambda t: a * jnp.ones(()), dt=1.0, steps=5).state


def recorded(a):
    return simulate(Leak(), jnp.ones(()), dt=1.0, steps=5, record=lambda state, output: a * state).record[-1]


def stepped(dt):
    return simulate(Leak(), jnp.ones(()), dt=dt, steps=5).state


END = 1 - np.exp(-0.5)  # of a leak towards 1 after five steps of a tenth of its time constant


@pytest.mark.usefixtures("wide_vectors")
@pytest.mark.parametrize(
    ("run", "expected"),
    [
        (lambda: drive(1.0), END),
        (lambda: jax.grad(drive)(2.0), END),
        (lambda: jax.grad(recorded)(2.0), END),
        (lambda: jax.grad(stepped)(1.0), 0.5 * np.exp(-0.5)),
        (lambda: jax.vmap(drive)(jnp.ones(2)), END),
        (lambda: jax.vmap(jax.grad(recorded))(jnp.ones(2)), END),
        (lambda: jax.lax.scan(lambda a, _: (a, drive(a)), 1.0, None, length=2)[1], END),
        (lambda: jax.jit(lambda: simulate(Leak(), 1.0, dt=1.0, steps=5, state=jnp.zeros(())).state)(), END),
    ],
)
def test_works_inside_of_transformations_on_every_cpu(run, expected):
    np.testing.assert_allclose(run(), expected, rtol=1e-5)


@pytest.mark.usefixtures("wide_vectors")
def test_a_step_may_simulate_another_dynamics():
    class Finer(eqx.Module):
        inner: Leak

        def init_state(self, input_shape):
            return self.inner.init_state(input_shape)

        def step(self, state, input, dt):
            state = simulate(self.inner, input, dt=dt / 4, steps=4, state=state, record=record_nothing).state
            return state, 2 * state

    fine = simulate(Finer(Leak()), jnp.ones(2), dt=1.0, steps=6)
    np.testing.assert_allclose(fine.record, simulate(Leak(), jnp.ones(2), dt=1.0, steps=6).record, rtol=1e-5)


class Sum(eqx.Module):
    """Adds up whatever it receives; its default dt says that time is discrete."""

    def init_state(self, input_shape):
        is_shape = lambda node: type(node) is tuple and all(isinstance(size, int) for size in node)
        return jax.tree.map(jnp.zeros, input_shape, is_leaf=is_shape)

    def step(self, state, input, dt=1.0):
        state = jax.tree.map(jnp.add, state, input)
        return state, (state, dt)


def test_a_dynamics_may_bring_its_own_dt():
    trace = simulate(Sum(), jnp.ones((3, 2)))
    np.testing.assert_array_equal(trace.record[1], np.ones(3))
    np.testing.assert_array_equal(trace.times, [1, 2, 3])
    np.testing.assert_array_equal(simulate(Sum(), jnp.ones((3, 2)), dt=0.5).record[1], np.full(3, 0.5))


def test_a_tree_of_inputs_begins_with_a_tree_of_shapes():
    inputs = {"a": np.ones((4, 2), np.float32), "b": (np.arange(4.0, dtype=np.float32),)}
    state = simulate(Sum(), inputs).state
    np.testing.assert_array_equal(state["a"], [4, 4])
    assert state["b"][0] == 6


class Draws(eqx.Module):
    """A random number from each key, and a row of a table for each token."""

    table: jax.Array

    def init_state(self, input_shape):
        return ()

    def step(self, state, input, dt=1.0):
        key, token = input
        return state, jax.random.normal(key) + self.table[token]


@pytest.mark.parametrize("chunk", [None, 2])
def test_keys_and_tokens_are_inputs(chunk):
    keys, tokens, table = jax.random.split(jax.random.key(0), 5), np.array([2, 0, 1, 1, 2]), jnp.asarray([1.0, 2, 3])
    expected = [float(jax.random.normal(key) + table[token]) for key, token in zip(keys, tokens, strict=True)]
    np.testing.assert_allclose(simulate(Draws(table), (keys, tokens), chunk=chunk).record, expected, rtol=1e-6)


class Recurrent(eqx.Module):
    """h ← tanh(x V + h W), whose product with the inputs is taken for all steps at once."""

    v: jax.Array
    w: jax.Array

    def init_state(self, input_shape):
        return jnp.zeros((*input_shape[:-1], len(self.w)))

    def project(self, x):
        return x @ self.v

    def step(self, h, projected, dt=1.0):
        h = jnp.tanh(projected + h @ self.w)
        return h, h


def loop_of(cell, x):
    """The same in NumPy."""
    v, w = np.asarray(cell.v, float), np.asarray(cell.w, float)
    h, found = np.zeros((*x.shape[1:-1], len(w))), []
    for now in x:
        h = np.tanh(now @ v + h @ w)
        found.append(h)
    return np.stack(found)


@pytest.fixture(scope="module")
def cell():
    keys = jax.random.split(jax.random.key(1))
    return Recurrent(jax.random.normal(keys[0], (3, 4)), jax.random.normal(keys[1], (4, 4)))


X = np.random.default_rng(0).normal(size=(6, 2, 3)).astype(np.float32)


@pytest.mark.parametrize("how", [{}, {"chunk": 4}, {"every": 2}])
def test_what_depends_on_the_inputs_alone_is_projected_before_the_loop(cell, how):
    expected = loop_of(cell, X)
    np.testing.assert_allclose(
        simulate(cell, X, **how).record, expected[how.get("every", 1) - 1 :: how.get("every", 1)], rtol=1e-4, atol=1e-6
    )


def test_a_held_input_and_a_function_of_time_are_projected_too(cell):
    expected = loop_of(cell, np.broadcast_to(X[0], X.shape))
    np.testing.assert_allclose(simulate(cell, X[0], steps=6).record, expected, rtol=1e-4)
    np.testing.assert_allclose(simulate(cell, lambda t: jnp.asarray(X[0]), steps=6).record, expected, rtol=1e-4)


class Counted(eqx.Module):
    """A part of a dynamics that says which dt it was prepared for."""

    ready: tuple = ()

    def prepare(self, dt):
        return Counted((float(dt),))

    def init_state(self, input_shape):
        return ()

    def step(self, state, input, dt):
        return state, jnp.asarray(self.ready)


def test_parts_of_a_dynamics_are_prepared_for_the_steps():
    record = simulate(Total(Total(Counted((0.0,)))), dt=0.25, steps=4).record
    np.testing.assert_array_equal(record[:, 0], 0.25 * np.cumsum(np.cumsum(np.ones(4))))


def test_times_of_long_runs_are_exact():
    trace = simulate(Leak(), 1.0, dt=0.01, steps=2_000_000, every=1000)
    np.testing.assert_array_equal(trace.times, 0.01 * np.arange(1000, 2_000_001, 1000))
    assert trace.times.dtype == np.float64


class Square(eqx.Module):
    """x ← x² + input, which overflows from anything above 1; a difference of infinities is NaN."""

    subtract: bool = True

    def init_state(self, input_shape):
        return jnp.full(input_shape, 3.0)

    def step(self, state, input, dt):
        state = state * state + input
        return (state - state / 2 if self.subtract else state), state


@pytest.mark.parametrize("how", [{}, {"chunk": 4}, {"every": 3, "remat": 6}])
def test_a_state_that_becomes_nan_is_told_with_its_step(how):
    state, step = np.float32(3), 0
    with np.errstate(all="ignore"):
        while not np.isnan(state):
            state = state * state
            state, step = state - state / 2, step + 1
    with pytest.raises(
        DivergedError, match=rf"NaN in step {step - 1} .*, by the time {0.5 * step:g} ms; a dt smaller"
    ) as caught:
        simulate(Square(), 0.0, dt=0.5, steps=30, **how)
    assert caught.value.step == step - 1


def test_infinite_states_are_allowed_and_tracing_asks_for_nothing():
    assert np.isinf(simulate(Square(False), 0.0, dt=1.0, steps=30).state)
    assert np.isnan(jax.jit(lambda x: simulate(Square(), x, dt=1.0, steps=30).state)(0.0))


def test_nan_that_was_there_before_is_told_as_such():
    with pytest.raises(InputError, match="the initial state must be finite, but contains NaN"):
        simulate(Leak(), 1.0, dt=1.0, steps=3, state=jnp.asarray(jnp.nan))
    with pytest.raises(InputError, match="but the function of time returns NaN at 2 ms"):
        simulate(Leak(), lambda t: jnp.where(t < 2, t, jnp.nan), dt=1.0, steps=5)


class Stepping(eqx.Module):
    """Steps by any function of the state."""

    function: Callable

    def init_state(self, input_shape):
        return jnp.zeros(input_shape)

    def step(self, state, input, dt):
        return self.function(state)


class Noisy(eqx.Module):
    """Adds up what a key and the time give, as a record of both."""

    def init_state(self, input_shape):
        return jnp.zeros(input_shape)

    def step(self, state, input, dt, *, key, t):
        noise = jax.random.normal(key)
        return state + noise, jnp.stack([noise, t])


def test_a_step_may_take_a_key_and_the_time():
    key = jax.random.key(3)
    plain = simulate(Noisy(), 0.0, dt=0.5, steps=6, key=key)
    noise = [float(jax.random.normal(jax.random.fold_in(key, i))) for i in range(6)]
    np.testing.assert_allclose(plain.record, np.stack([noise, 0.5 * np.arange(6)], 1), rtol=1e-6)
    in_chunks = simulate(Noisy(), 0.0, dt=0.5, steps=6, key=key, chunk=4)
    np.testing.assert_array_equal(in_chunks.record, plain.record)


@pytest.mark.parametrize(
    ("around", "own"),
    [
        (Total, lambda key: key),
        (lambda inner: ClosedLoop(inner, jnp.zeros(2)), lambda key: key),
        (lambda inner: Chain(inner, Leak()), lambda key: jax.random.fold_in(key, 0)),
        (lambda inner: Chain(Leak(), inner), lambda key: jax.random.fold_in(key, 1)),
    ],
)
def test_what_is_made_of_others_hands_key_and_time_on(around, own):
    key = jax.random.key(3)
    whole = around(Noisy())
    inputs = None if isinstance(whole, ClosedLoop) else 0.0
    state = simulate(whole, inputs, dt=0.5, steps=3, key=key).state
    noise = sum(float(jax.random.normal(own(jax.random.fold_in(key, i)))) for i in range(3))
    assert any(np.allclose(leaf, noise) for leaf in jax.tree.leaves(state))


@pytest.mark.parametrize("kind", [np.uint8, np.int8, bool])
def test_bytes_and_truth_values_do_not_wrap(kind):
    drive = np.array([[0, 1], [1, 1]], kind)
    below = simulate(Difference(), drive, dt=1.0).record
    np.testing.assert_array_equal(below, drive.astype(int) - 1)
    held = simulate(Difference(), lambda t: jnp.asarray(drive[0]), dt=1.0, steps=1).record
    np.testing.assert_array_equal(held[0], drive[0].astype(int) - 1)


class Difference(eqx.Module):
    def init_state(self, input_shape):
        return ()

    def step(self, state, input, dt):
        return state, input - 1


@pytest.mark.usefixtures("as_user")
def test_lists_of_numbers_are_arrays():
    np.testing.assert_allclose(simulate(Leak(), [1.0, 2.0], dt=1.0, steps=3).state, [0.259182, 0.518364], rtol=1e-5)
    np.testing.assert_allclose(simulate(Leak(), [[1, 2]] * 3, dt=1.0).state, [0.259182, 0.518364], rtol=1e-5)


class Turning(eqx.Module):
    def init_state(self, input_shape):
        return jnp.ones(input_shape, complex)

    def step(self, state, input, dt):
        state = state * jnp.exp(0.5j * dt)
        return state, state.real


def test_a_complex_state_of_its_own_is_no_fault():
    first = simulate(Turning(), 0.0, dt=1.0, steps=4)
    np.testing.assert_allclose(first.record, np.cos(0.5 * np.arange(1, 5)), rtol=1e-5)
    again = simulate(Turning(), 0.0, dt=1.0, steps=4, state=first.state)
    np.testing.assert_allclose(again.record, np.cos(0.5 * np.arange(5, 9)), rtol=1e-4)


class Energy(eqx.Module):
    def energy(self, x):
        return x


@pytest.mark.usefixtures("as_user")
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"dynamics": Leak}, r"dynamics must be an object, such as Leak\(\), but is the class Leak itself"),
        (
            {"dynamics": Energy()},
            "the methods init_state and step, which Energy does not have; use neuraxis.engine.relax",
        ),
        ({"dynamics": jnp.tanh}, "must have the methods init_state and step"),
        ({"record": "v"}, "record must be a function, but is 'v'"),
        ({"record": lambda state, output: {"what": "v"}}, "a record must contain arrays and .* contains the str 'v'"),
        (
            {"record": lambda state, output: jnp.sin},
            "a record must contain arrays and numbers only, but contains the .*sin",
        ),
        ({"record": lambda state: state}, r"record must be a function of \(state, output\), .* too many positional"),
        ({"inputs": lambda t, x: t}, r"inputs must be a function of \(t\), .* missing a required argument: 'x'"),
        ({"inputs": lambda t: "x"}, "inputs must be a function that returns arrays of numbers"),
        ({"inputs": lambda t: 1j * t}, "inputs must return real numbers, but return complex64"),
        ({"inputs": Leak}, "inputs must be arrays or a function of time, but are the class Leak itself"),
        (
            {"inputs": (jnp.ones(2), jnp.ones(2))},
            r"Leak does not take inputs that are a tree of shapes \(\(2,\), ",
        ),
        ({"inputs": jnp.ones(2) * 1j}, "inputs must contain real numbers, but has dtype complex64"),
        ({"state": "rest"}, "state must be an array of numbers, but is 'rest'"),
        ({"state": jnp.ones(2) * 1j}, "state must contain real numbers, as that of Leak does"),
        (
            {"dynamics": Stepping(lambda state: state)},
            r"step of Stepping must return the pair .* of shape \(2,\)",
        ),
        (
            {"dynamics": Stepping(lambda state: (state,) * 3)},
            "step of Stepping must return the pair .* returned 3 items",
        ),
        (
            {"dynamics": Stepping(lambda state: (jnp.sin, state))},
            "a step must return a state of arrays and",
        ),
        (
            {"dynamics": Stepping(lambda state: (state, 0) if state[0] > 0 else None)},
            "must be a function that JAX can trace",
        ),
        ({"progress": 3, "chunk": 1}, "progress must be None, or a string to label the progress bar, but is 3"),
        ({"key": jax.random.key(0)}, "key= must not be given, since the step of Leak has no parameter key"),
        ({"dynamics": Noisy()}, r"step of Noisy needs a key: simulate\(…, key="),
        ({"dynamics": Noisy(), "key": 3}, "key must be one random key, .* but is 3"),
        ({"dt": None}, "dt, the length of a step, must be given, since Leak has no default"),
        ({"inputs": np.array(["a"])}, "inputs must be an array of numbers"),
    ],
)
def test_what_is_of_the_wrong_kind_is_refused_in_a_sentence(arguments, message):
    with pytest.raises(InputError, match=message):
        simulate(**({"dynamics": Leak(), "inputs": jnp.ones(2), "dt": 1.0, "steps": 3} | arguments))


@pytest.mark.usefixtures("as_user")
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"dt": 0.0, "steps": 3}, "dt must be positive"),
        ({"dt": -1.0, "steps": 3}, "dt must be positive"),
        ({"dt": float("nan"), "steps": 3}, "dt must be positive"),
        ({"dt": 1.0, "steps": -1}, "steps must be an integer"),
        ({"dt": 1.0, "steps": 2.5}, "steps must be an integer"),
        ({"dt": 1.0, "steps": 4, "every": 0}, "every must be an integer"),
        ({"dt": 1.0, "steps": 4, "unroll": 0}, "unroll must be an integer"),
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
    with pytest.raises(InputError, match="not possible under jit"):
        jax.grad(lambda a: simulate(Leak(), lambda t: a * t, dt=1.0, steps=4, chunk=2).state)(1.0)


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
        (1.5, "must be given as steps=, since inputs of one number have no time axis"),
        (np.array([[1.0], [np.nan]]), r"inputs must be finite, but contains nan at index \(1, 0\)"),
    ],
)
def test_bad_inputs_are_refused(inputs, message):
    with pytest.raises(InputError, match=message):
        simulate(Leak(), inputs, dt=1.0)
