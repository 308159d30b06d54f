import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from scipy.signal import cont2discrete

from neuraxis.engine import Chain, descent, fit, simulate, unroll
from neuraxis.errors import InputError
from neuraxis.functions import legendre_delay, legendre_readout, tanh
from neuraxis.layers import Linear
from neuraxis.recurrent import LMU, LegendreMemory

KEY = jax.random.key(0)
random = np.random.default_rng(0)
X = random.normal(size=(2, 30, 5)).astype(np.float32)  # (…, time, in)
M0 = random.normal(size=(2, 2, 6)).astype(np.float32)  # (…, channel, order)


@pytest.fixture(scope="module")
def model():
    model = LMU(5, 4, order=6, theta=20, channels=2, key=KEY, activation=tanh)
    biases = jnp.asarray(random.normal(size=4).astype(np.float32)), jnp.asarray([0.5, -0.5])
    return eqx.tree_at(lambda m: (m.input.bias, m.encoder.bias), model, biases)


def by_loop(model, x, m):
    """The equations, step by step, in double precision."""
    A, B = legendre_delay(6, 20)
    A, B, *_ = cont2discrete((A, B[:, None], np.eye(6), np.zeros((6, 1))), 1.0, "zoh")
    double = jax.tree.map(lambda w: np.asarray(w, float), model)
    outputs = []
    for t in range(x.shape[-2]):
        u = x[..., t, :] @ double.encoder.weight + double.encoder.bias
        m = m @ A.T + u[..., None] * B[:, 0]
        z = x[..., t, :] @ double.input.weight + m.reshape(*m.shape[:-2], -1) @ double.readout.weight
        outputs.append(np.tanh(z + double.input.bias))
    return np.stack(outputs, axis=-2), m


def test_is_its_equation(model):
    for first in (None, M0):
        h, last = eqx.filter_jit(unroll)(model, X, first)
        wanted, wanted_last = by_loop(model, X, np.zeros((2, 2, 6)) if first is None else M0)
        np.testing.assert_allclose(h, wanted, atol=1e-5)
        np.testing.assert_allclose(last, wanted_last, atol=1e-5)
    np.testing.assert_allclose(model.last(X), by_loop(model, X, np.zeros((2, 2, 6)))[0][:, -1], atol=1e-5)


def test_step_by_step_in_parallel_and_in_parts_it_is_the_same(model):
    at_once = eqx.filter_jit(unroll)
    whole, last = at_once(model, X, M0)
    streaming = simulate(model, np.moveaxis(X, 1, 0), state=jnp.asarray(M0))
    np.testing.assert_allclose(whole, np.moveaxis(streaming.record, 0, 1), atol=1e-5)
    np.testing.assert_allclose(last, streaming.state, atol=1e-5)
    first, between = at_once(model, X[:, :12], M0)
    rest, end = at_once(model, X[:, 12:], between)
    np.testing.assert_allclose(np.concatenate([first, rest], 1), whole, atol=1e-5)
    np.testing.assert_allclose(end, last, atol=1e-5)


def test_gradients_of_both_ways_agree(model):
    def parallel(model, x, m0):
        return jnp.sum(jnp.sin(model.unroll(x, m0)[0]))

    def streaming(model, x, m0):
        return jnp.sum(jnp.sin(simulate(model, jnp.moveaxis(x, 1, 0), state=m0).record))

    one, other = (
        eqx.filter_jit(eqx.filter_grad(lambda parts, f=f: f(*parts)))((model, jnp.asarray(X), jnp.asarray(M0)))
        for f in (parallel, streaming)
    )
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=3e-5), one, other)


def test_no_step_leaves_the_state(model):
    for part, x in ((model, X), (model.memory, X[..., :2])):
        h, state = part.unroll(x[:, :0], M0)
        assert h.shape[:2] == (2, 0)
        np.testing.assert_array_equal(state, M0)
        np.testing.assert_array_equal(part.unroll(x[:, :0])[1], 0)


def test_in_a_chain(model):
    chain = Chain(Linear(3, 5, key=KEY), model, Linear(4, 2, key=KEY))
    y, (state,) = unroll(chain, X[..., :3])
    np.testing.assert_allclose(y, np.moveaxis(simulate(chain, np.moveaxis(X[..., :3], 1, 0)).record, 0, 1), atol=1e-5)
    assert state.shape == (2, 2, 6)


def test_the_memory_holds_the_signal_of_the_last_steps():
    memory = LegendreMemory(order=12, theta=100)
    u = np.sin(2 * np.pi * np.arange(300) / 80)[:, None].astype(np.float32)
    m = eqx.filter_jit(memory)(u)[:, 0]
    np.testing.assert_allclose(m, simulate(memory, u).record[:, 0], atol=1e-5)
    for steps in (10, 50, 100):
        delayed = m @ legendre_readout(12, steps / 100)
        # A step's value is held until its end, so that it stands half a step behind the signal.
        np.testing.assert_allclose(
            delayed[200:], (u[200 - steps : -steps] + u[201 - steps :][:100])[:, 0] / 2, atol=0.02
        )
    once, state = eqx.filter_jit(memory.unroll)(u[:150])
    rest, _ = eqx.filter_jit(memory.unroll)(u[150:], state)
    np.testing.assert_allclose(np.concatenate([once, rest])[:, 0], m, atol=1e-5)


def test_learns_to_wait():
    """To give back the input of 15 steps ago, which takes what the memory holds and no more."""
    rate, phase = random.uniform(0, 0.4, (64, 1, 1)), random.uniform(0, 6, (64, 1, 1))
    t = np.arange(40)[:, None]
    x, y = (np.sin(rate * (t - wait) + phase).astype(np.float32) for wait in (0, 15))

    def loss(model, x, y, *, key=None):
        return jnp.mean((model(x)[:, 20:] - y[:, 20:]) ** 2, (1, 2))

    model = LMU(1, 1, order=8, theta=20, key=KEY, activation=lambda z: z)
    fitted = fit(
        model, descent(loss, optax.adam(0.05)), (x, y), epochs=4, steps=50, batch_size=64, key=KEY, progress=None
    )
    assert fitted.history["loss"][-1] < 0.1


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: LMU(0, 4, order=3, theta=4, key=KEY), "in_size must be an integer of at least 1, but is 0"),
        (lambda: LMU(5, 4.0, order=3, theta=4, key=KEY), "hidden_size must be an integer"),
        (lambda: LMU(5, 4, order=0, theta=4, key=KEY), "order must be an integer of at least 1, but is 0"),
        (lambda: LMU(5, 4, order=3, theta=0, key=KEY), "theta must be an integer of at least 1, but is 0"),
        (lambda: LMU(5, 4, order=3, theta=2.5, key=KEY), "theta must be an integer"),
        (lambda: LMU(5, 4, order=3, theta=4, key=KEY, channels=-1), "channels must be an integer"),
        (lambda: LMU(5, 4, order=3, theta=4, key=0), "key must be one random key"),
        (lambda: LMU(5, 4, order=3, theta=4, key=KEY, activation="relu"), "activation must be a function"),
        (lambda: LegendreMemory("3", 4), "order must be an integer"),
        (lambda: LegendreMemory(10**7, 4), "order must be smaller"),
    ],
)
def test_bad_models(as_user, make, message):
    with pytest.raises(InputError, match=message):
        make()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda m: m(X[..., :3]), r"x must have shape \(…, 5\), but has shape \(2, 30, 3\)"),
        (lambda m: m(X[0, 0]), r"x must have shape \(…, time, in\), but has shape \(5,\)"),
        (lambda m: m.last(X[0, 0]), r"x must have shape \(…, time, in\), but has shape \(5,\)"),
        (lambda m: m.last(X[:, :0]), "x must contain at least one step"),
        (lambda m: m(np.full((3, 5), np.nan)), r"x must be finite, but contains nan at index \(0, 0\)"),
        (lambda m: m(X + 1j), "x must contain real numbers"),
        (lambda m: m("text"), "x must"),
        (lambda m: m(X, M0[:, :1]), r"state must have shape \(2, 2, 6\), but has shape \(2, 1, 6\)"),
        (lambda m: m.init_state((3,)), r"must have shape \(…, 5\)"),
        (lambda m: m.memory.unroll(X[0, 0]), r"u must have shape \(…, time, channel\), but has shape \(5,\)"),
    ],
)
def test_bad_input(as_user, model, call, message):
    with pytest.raises(InputError, match=message):
        call(model)
