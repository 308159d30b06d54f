import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from neuraxis.engine import Chain, descent, gradient_descent, unroll
from neuraxis.errors import InputError
from neuraxis.functions.activations import logistic, softmax, tanh
from neuraxis.functions.losses import categorical_cross_entropy_with_logits, squared_error
from neuraxis.layers import Linear
from neuraxis.recurrent import BPTT, GRU, RNN, LossOverTime

KEYS = jax.random.split(jax.random.key(0), 2)
draw = np.random.default_rng(0).normal
X = draw(size=(3, 8, 4)).astype(np.float32)
T = draw(size=(3, 8, 2)).astype(np.float32)
CLASSES = np.eye(2, dtype=np.float32)[np.argmax(T, axis=-1)]
H = draw(size=(3, 5)).astype(np.float32)
ALPHA = np.linspace(0, 1, 8, dtype=np.float32)
ROWS = np.abs(draw(size=(3, 8))).astype(np.float32)


def network(activation=tanh, bias=True):
    rnn = RNN(4, 5, key=KEYS[0], activation=activation)
    return Chain(rnn, Linear(5, 2, key=KEYS[1], bias=bias))


def minus(z, t):
    return z - t


def softmax_minus(z, t):
    return softmax(z) - t


def by_jax(model, loss, x, t, state, window):
    """Cut the gradient by hand: every window is a sequence of its own that begins in the state of the one before."""

    def mean(model):
        y, carried = [], state
        for first in range(0, x.shape[1], window):
            if first:
                carried = jax.lax.stop_gradient(carried)
            part, carried = unroll(model, x[:, first : first + window], carried)
            y.append(part)
        return jnp.mean(loss.total(jnp.concatenate(y, axis=1), t))

    return eqx.filter_grad(mean)(model)


def leaves(tree):
    return jax.tree.leaves(eqx.filter(tree, eqx.is_inexact_array))


CASES = [
    (network(), squared_error, minus, T, None, None),
    (network(logistic, bias=False), categorical_cross_entropy_with_logits, softmax_minus, CLASSES, ROWS, 3),
]


@pytest.mark.parametrize(("model", "loss", "slope", "t", "weights", "window"), CASES)
def test_the_recursion_is_the_gradient(model, loss, slope, t, weights, window):
    @eqx.filter_jit
    def both(model, over_time, x, t, state):
        by_hand = BPTT(over_time, slope, window).from_state(model, x, t, state)
        return by_hand, by_jax(model, over_time, x, t, state, window or 8), over_time.from_state(model, x, t, state)

    with jax.enable_x64(True):
        doubles = jax.tree.map(
            lambda a: jnp.asarray(a, float) if eqx.is_array(a) else a, (model, LossOverTime(loss, weights), X, t, (H,))
        )
        (losses, gradient, last), expected, (values, after) = both(*doubles)
    for a, b in zip(leaves(gradient), leaves(expected), strict=True):
        assert np.linalg.norm(a - b) <= 1e-12 * np.linalg.norm(b)
    np.testing.assert_allclose(losses, values, rtol=1e-12)
    np.testing.assert_allclose(last[0], after[0], rtol=1e-12)


@pytest.mark.slow
def test_a_step_of_descent_by_hand_and_by_jax_is_the_same():
    loss, optimizer = LossOverTime(squared_error), gradient_descent(0.1)
    moved = [
        rule.step(network(), rule.init(network()), (X, T), key=KEYS[0])
        for rule in (descent(loss, optimizer), descent(loss, optimizer, gradient=BPTT(loss, minus)))
    ]
    for a, b in zip(*(leaves((model, losses)) for model, _, losses in moved), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)


def test_the_weights_in_time_make_the_loss():
    y = unroll(network(), X)[0]
    each = 0.5 * np.sum((np.asarray(y) - T) ** 2, axis=-1)
    for weights, expected in ((None, each.mean(1)), (ALPHA, each @ ALPHA), (ROWS, (each * ROWS).sum(1))):
        np.testing.assert_allclose(LossOverTime(squared_error, weights)(network(), X, T), expected, rtol=1e-5)


def test_empty_sequences():
    losses, gradient, (last,) = BPTT(LossOverTime(squared_error), minus).from_state(network(), X[:, :0], T[:, :0], (H,))
    np.testing.assert_array_equal(losses, np.zeros(3))
    np.testing.assert_array_equal(last, H)
    assert all(np.all(leaf == 0) for leaf in leaves(gradient))


LOSS = LossOverTime(squared_error)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: BPTT(squared_error, minus), "loss must be a LossOverTime"),
        (lambda: BPTT(LOSS, "minus"), "slope must be a function"),
        (lambda: BPTT(LOSS, minus, window=0), "window"),
        (lambda: LossOverTime("mse"), "loss must be a function"),
        (lambda: LossOverTime(squared_error, [np.nan]), "weights must be finite"),
        (lambda: LossOverTime(squared_error, np.ones(3))(network(), X, T), "weights must have shape"),
        (lambda: LossOverTime(minus)(network(), X, T), "one value per step"),
        (lambda: BPTT(LOSS, lambda z, t: z[..., 0])(network(), X, T), "slope must return the shape"),
        (lambda: BPTT(LOSS, minus)(Chain(GRU(4, 5, key=KEYS[0])), X, T), r"Chain\(RNN"),
        (lambda: BPTT(LOSS, minus)(network(jnp.tanh), X, T), "method derivative"),
        (lambda: BPTT(LOSS, minus)(network(), X[0], T[0]), r"\(batch, time, in\)"),
        (lambda: BPTT(LOSS, minus)(network(), X[:0], T[:0]), r"\(batch, time, in\)"),
    ],
)
@pytest.mark.usefixtures("as_user")
def test_bad_input_is_refused(make, message):
    with pytest.raises(InputError, match=message):
        make()
