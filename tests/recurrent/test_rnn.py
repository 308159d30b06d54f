import jax
import numpy as np
import pytest

from neuraxis.engine import simulate, unroll
from neuraxis.errors import InputError
from neuraxis.functions.activations import relu
from neuraxis.recurrent import GRU, RNN, ResetAfterGRU

KEY = jax.random.key(0)
X = np.random.default_rng(0).normal(size=(3, 9, 4)).astype(np.float32)
H = np.random.default_rng(1).normal(size=(3, 5)).astype(np.float32)
CELLS = [RNN, GRU, ResetAfterGRU]


def logistic(z):
    return 1 / (1 + np.exp(-z))


def rnn_step(model, x, h):
    return np.maximum(x @ model.input.weight + h @ model.recurrent.weight + model.input.bias, 0)


def gru_step(model, x, h):
    U_g, U_r, U = np.split(np.asarray(model.input.weight), 3, axis=1)
    b_g, b_r, b = np.split(np.asarray(model.input.bias), 3)
    W_g, W_r = np.split(np.asarray(model.gates.weight), 2, axis=1)
    g = logistic(h @ W_g + x @ U_g + b_g)
    r = logistic(h @ W_r + x @ U_r + b_r)
    proposed = np.tanh((h * r) @ np.asarray(model.candidate.weight) + x @ U + b)
    return g * proposed + (1 - g) * h


def reset_after_step(model, x, h):
    U_g, U_r, U = np.split(np.asarray(model.input.weight), 3, axis=1)
    b_g, b_r, b = np.split(np.asarray(model.input.bias), 3)
    W_g, W_r, W = np.split(np.asarray(model.recurrent.weight), 3, axis=1)
    d_g, d_r, d = np.split(np.asarray(model.recurrent.bias), 3)
    g = logistic(x @ U_g + b_g + h @ W_g + d_g)
    r = logistic(x @ U_r + b_r + h @ W_r + d_r)
    return g * np.tanh(x @ U + b + r * (h @ W + d)) + (1 - g) * h


def biased(model):
    """The same with biases that are not 0."""
    draw = np.random.default_rng(2).normal
    return jax.tree.map(lambda p: p + draw(size=p.shape).astype(np.float32) if p.ndim == 1 else p, model)


@pytest.fixture(scope="module", params=CELLS, ids=lambda cell: cell.__name__)
def cell(request):
    return biased(RNN(4, 5, key=KEY, activation=relu) if request.param is RNN else request.param(4, 5, key=KEY))


def test_is_what_a_loop_over_its_equation_gives(cell):
    step = {RNN: rnn_step, GRU: gru_step, ResetAfterGRU: reset_after_step}[type(cell)]
    h, expected = H, []
    for t in range(X.shape[1]):
        h = step(cell, X[:, t], h)
        expected.append(h)
    np.testing.assert_allclose(cell(X, H), np.stack(expected, axis=1), rtol=1e-4, atol=1e-5)


def test_step_by_step_over_a_sequence_and_from_where_it_ended(cell):
    y, last = unroll(cell, X)
    trace = simulate(cell, np.moveaxis(X, 1, 0))
    np.testing.assert_allclose(y, np.moveaxis(trace.record, 0, 1), atol=1e-6)
    np.testing.assert_allclose(last, trace.state, atol=1e-6)
    np.testing.assert_allclose(unroll(cell, X, remat=4)[0], y, atol=1e-6)  # which projects the inputs block by block
    first, between = unroll(cell, X[:, :4])
    np.testing.assert_allclose(np.concatenate([first, cell(X[:, 4:], between)], axis=1), y, atol=1e-6)


def test_empty_sequences_and_batches(cell):
    y, last = unroll(cell, X[:, :0], H)
    assert y.shape == (3, 0, 5)
    np.testing.assert_array_equal(last, H)
    assert cell(X[:0]).shape == (0, 9, 5)
    assert cell(X[0, :1]).shape == (1, 5)


@pytest.mark.parametrize("kind", CELLS)
@pytest.mark.parametrize("sizes", [(0, 5), (4, 0), (4, -1), (4.0, 5), ("4", 5)])
@pytest.mark.usefixtures("as_user")
def test_bad_sizes_are_refused(kind, sizes):
    with pytest.raises(InputError, match="_size"):
        kind(*sizes, key=KEY)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((X[..., :3],), r"4\), but has shape"),
        ((X[0, 0],), r"\(…, time, in\)"),
        ((X * np.nan,), "finite"),
        ((X, H[:, :4]), "5"),
        ((X, H * np.nan), "finite"),
        ((X, H[:2]), r"\(3, 5\)|shapes"),
        ((X, "h"), "state"),
        ((X + 1j,), "real"),
        (("abc",), "x must be an array"),
    ],
)
@pytest.mark.usefixtures("as_user")
def test_bad_input_is_refused(cell, arguments, message):
    with pytest.raises(InputError, match=message):
        cell(*arguments)


@pytest.mark.usefixtures("as_user")
def test_an_activation_is_a_function():
    with pytest.raises(InputError, match="activation must be a function"):
        RNN(4, 5, key=KEY, activation="tanh")
