import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from neuraxis.engine import Chain, simulate, unroll
from neuraxis.errors import InputError
from neuraxis.functions import linear_scan_parallel
from neuraxis.layers import Linear
from neuraxis.recurrent import MinGRU

KEY = jax.random.key(0)
random = np.random.default_rng(0)
X = random.normal(size=(2, 9, 5)).astype(np.float32)  # (…, time, in)
H0 = random.normal(size=(2, 4)).astype(np.float32)


@pytest.fixture(scope="module")
def model():
    model = MinGRU(5, 4, key=KEY)
    biases = jnp.asarray(random.normal(size=(2, 4)).astype(np.float32))
    return eqx.tree_at(lambda m: (m.gate.bias, m.candidate.bias), model, tuple(biases))


def by_loop(model, x, h, activation=lambda z: z):
    """The equations, step by step, in double precision."""
    gate, candidate = model.gate, model.candidate
    states = []
    for t in range(x.shape[-2]):
        g = 1 / (1 + np.exp(-(x[..., t, :] @ np.asarray(gate.weight, float) + gate.bias)))
        proposed = activation(x[..., t, :] @ np.asarray(candidate.weight, float) + candidate.bias)
        h = (1 - g) * h + g * proposed
        states.append(h)
    return np.stack(states, axis=-2)


def test_is_its_equation(model):
    np.testing.assert_allclose(model(X), by_loop(model, X, np.zeros((2, 4))), atol=1e-6)
    np.testing.assert_allclose(model.unroll(X, H0)[0], by_loop(model, X, H0), atol=1e-6)


def test_an_activation_of_the_candidate(model):
    squashed = MinGRU(5, 4, key=KEY, activation=jnp.tanh)
    np.testing.assert_allclose(squashed(X), by_loop(squashed, X, np.zeros((2, 4)), np.tanh), atol=1e-6)


def test_step_by_step_in_parallel_and_in_parts_it_is_the_same(model):
    whole, last = unroll(model, X, H0)
    streaming = simulate(model, np.moveaxis(X, 1, 0), state=jnp.asarray(H0))
    np.testing.assert_allclose(whole, np.moveaxis(streaming.record, 0, 1), atol=1e-6)
    np.testing.assert_allclose(last, streaming.state, atol=1e-6)
    np.testing.assert_allclose(whole, linear_scan_parallel(*model.project(X), H0), atol=1e-6)
    first, between = unroll(model, X[:, :4], H0)
    rest, end = unroll(model, X[:, 4:], between)
    np.testing.assert_allclose(np.concatenate([first, rest], 1), whole, atol=1e-6)
    np.testing.assert_array_equal(end, rest[:, -1])


def test_no_step_leaves_the_state(model):
    h, state = model.unroll(X[:, :0], H0)
    assert h.shape == (2, 0, 4)
    np.testing.assert_array_equal(state, H0)
    np.testing.assert_array_equal(model.unroll(X[:, :0])[1], 0)


def test_gradients_of_both_ways_agree(model):
    def parallel(model, x, h0):
        return jnp.sum(jnp.sin(model.unroll(x, h0)[0]))

    def streaming(model, x, h0):
        return jnp.sum(jnp.sin(simulate(model, jnp.moveaxis(x, 1, 0), state=h0).record))

    one, other = (
        eqx.filter_grad(lambda parts, f=f: f(*parts))((model, jnp.asarray(X), jnp.asarray(H0)))
        for f in (parallel, streaming)
    )
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-5), one, other)


def test_in_a_chain(model):
    chain = Chain(Linear(3, 5, key=KEY), model, Linear(4, 2, key=KEY))
    y, (state,) = unroll(chain, X[..., :3])
    assert y.shape == (2, 9, 2)
    np.testing.assert_allclose(y, np.moveaxis(simulate(chain, np.moveaxis(X[..., :3], 1, 0)).record, 0, 1), atol=1e-6)
    assert state.shape == (2, 4)


def test_a_closed_gate_remembers_and_an_open_one_follows(model):
    def with_gate(bias):
        return eqx.tree_at(lambda m: (m.gate.weight, m.gate.bias), model, (jnp.zeros((5, 4)), jnp.full(4, bias)))

    closed = with_gate(-100.0).unroll(X, H0)[0]
    np.testing.assert_array_equal(closed, np.broadcast_to(H0[:, None], closed.shape))
    np.testing.assert_allclose(with_gate(100.0).unroll(X, H0)[0], model.candidate(X), atol=1e-6)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: MinGRU(0, 4, key=KEY), "in_size must be an integer of at least 1, but is 0"),
        (lambda: MinGRU(5, -4, key=KEY), "hidden_size must be an integer"),
        (lambda: MinGRU(5, 4.0, key=KEY), "hidden_size must be an integer"),
        (lambda: MinGRU(5, 4, key=0), "key must be one random key"),
        (lambda: MinGRU(5, 4, key=KEY, activation="tanh"), "activation must be a function, but is 'tanh'"),
    ],
)
def test_bad_models(as_user, make, message):
    with pytest.raises(InputError, match=message):
        make()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda m: m(X[..., :3]), r"the input of a step must have shape \(…, 5\), but has shape \(2, 3\)"),
        (lambda m: m(X[0, 0]), r"x must have shape \(…, time, in\), but has shape \(5,\)"),
        (lambda m: m.unroll(X[0, 0]), r"x must have shape \(…, time, in\), but has shape \(5,\)"),
        (lambda m: m(np.full((3, 5), np.nan)), r"x must be finite, but contains nan at index \(0, 0\)"),
        (lambda m: m(X + 1j), "x must contain real numbers"),
        (lambda m: m("text"), "x must"),
        (lambda m: m([[["a", "b"]]]), "x must be an array of numbers"),
        (lambda m: m([[1.0], [2.0, 3.0]]), "x must be an array of numbers"),
        (lambda m: m(X, H0[:, :2]), r"state must have shape \(2, 4\), but has shape \(2, 2\)"),
        (lambda m: m.unroll(X, "state"), "state must be an array of numbers"),
        (lambda m: m.init_state((3,)), r"the input of a step must have shape \(…, 5\), but has shape \(3,\)"),
        (lambda m: m.init_state(()), r"the input of a step must have shape \(…, 5\)"),
    ],
)
def test_bad_input(as_user, model, call, message):
    with pytest.raises(InputError, match=message):
        call(model)


def test_lists_and_integers_are_numbers(as_user, model):
    np.testing.assert_array_equal(model([[1, 0, 2, 0, 1]]), model(np.array([[1.0, 0.0, 2.0, 0.0, 1.0]], np.float32)))
