import importlib
import itertools

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from neuraxis.engine import Chain, fit, gradient_descent, unroll
from neuraxis.errors import InputError
from neuraxis.functions.losses import squared_error
from neuraxis.layers import Dropout, Embedding, Linear
from neuraxis.recurrent import BPTT, GRU, RNN, LossOverTime, truncated, windows
from tests.trees import equal

training = importlib.import_module("neuraxis.engine.training")
KEYS = jax.random.split(jax.random.key(0), 3)
draw = np.random.default_rng(0).normal
X = draw(size=(2, 23, 3)).astype(np.float32)
T = draw(size=(2, 23, 1)).astype(np.float32)
LOSS = LossOverTime(squared_error)
MODEL = Chain(RNN(3, 4, key=KEYS[0]), Linear(4, 1, key=KEYS[1]))
BY_HAND = BPTT(LOSS, lambda z, t: z - t)


def learn(gradient=None, epochs=2, **more):
    rule = truncated(LOSS, gradient_descent(0.1), X, gradient=gradient)
    how = {"epochs": epochs, "batch_size": 2, "shuffle": False, "key": KEYS[2], "progress": None}
    return fit(MODEL, rule, windows(X, T, 5), **how, **more)


def leaves(tree):
    return jax.tree.leaves(eqx.filter(tree, eqx.is_inexact_array))


def test_windows_come_in_the_order_of_time():
    x, t, begins = windows(X, T, 5)
    assert x.shape == (8, 5, 3)
    for i, (window, sequence) in enumerate(itertools.product(range(4), range(2))):
        np.testing.assert_array_equal(x[i], X[sequence, 5 * window : 5 * window + 5])
        np.testing.assert_array_equal(t[i], T[sequence, 5 * window : 5 * window + 5])
        assert begins[i] == (window == 0)


@pytest.fixture(scope="module")
def fitted():
    return learn()


def test_the_state_goes_on_from_window_to_window_and_begins_anew_with_the_sequences(fitted):
    @eqx.filter_jit
    def descend(model, x, t, state):
        gradient = eqx.filter_grad(lambda m: jnp.mean(LOSS.from_state(m, x, t, state)[0]))(model)
        return eqx.apply_updates(model, jax.tree.map(lambda g: -0.1 * g, gradient)), unroll(model, x, state)[1]

    model = MODEL
    for _ in range(2):
        state = (jnp.zeros((2, 4)),)
        for first in range(0, 20, 5):
            model, state = descend(model, X[:, first : first + 5], T[:, first : first + 5], state)
    for a, b in zip(leaves(fitted.model), leaves(model), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(fitted.state.carried[0], state[0], rtol=1e-4, atol=1e-6)


def test_by_hand_it_is_the_same(fitted):
    for a, b in zip(leaves(fitted.model), leaves(learn(BY_HAND).model), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)


def test_an_interrupted_run_goes_on_to_the_bit_identical_result(fitted, tmp_path, monkeypatch):
    advance, calls = training.advance, itertools.count()

    def interrupting(task, position, block, key, steps, one_program):
        if next(calls) == 6:  # between two windows of the second epoch
            raise KeyboardInterrupt
        return advance(task, position, block, key, 1, one_program)

    with monkeypatch.context() as patched:
        patched.setattr(training, "advance", interrupting)
        patched.setattr(training, "_SECONDS_PER_CALL", 0.0)  # one step a call
        with pytest.raises(KeyboardInterrupt):
            learn(checkpoint=tmp_path / "c.safetensors")
    resumed = learn(checkpoint=tmp_path / "c.safetensors", resume=True)
    assert equal((resumed.model, resumed.state), (fitted.model, fitted.state))
    np.testing.assert_array_equal(resumed.history["loss"], fitted.history["loss"])


@pytest.mark.slow
def test_of_tokens_through_layers_with_noise():
    tokens = np.random.default_rng(1).integers(0, 7, (2, 12))
    model = Chain(Embedding(7, 3, key=KEYS[0]), GRU(3, 4, key=KEYS[1]), Dropout(0.5), Linear(4, 1, key=KEYS[2]))
    rule = truncated(LOSS, optax.adam(1e-2), tokens)
    data = windows(tokens, T[:, :12], 4)
    fitted = fit(model, rule, data, epochs=20, batch_size=2, shuffle=False, key=KEYS[0], progress=None)
    assert fitted.history["loss"][-1] < fitted.history["loss"][0]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: windows(X, T, 0), "width"),
        (lambda: windows(X, T, 24), "at least 24 steps"),
        (lambda: windows(X, T[:, 1:], 5), "agree"),
        (lambda: windows(X[0, :, 0], T[0, :, 0], 5), "agree"),
        (lambda: windows(X[:0], T[:0], 5), "at least"),
        (lambda: truncated(squared_error, gradient_descent(0.1), X), "LossOverTime"),
        (lambda: truncated(LOSS, "adam", X), "optax"),
        (lambda: truncated(LOSS, gradient_descent(0.1), X, gradient=squared_error), "BPTT"),
        (lambda: truncated(LOSS, gradient_descent(0.1), X[0, :, 0]), "x must have shape"),
        (
            lambda: fit(
                MODEL,
                truncated(LOSS, gradient_descent(0.1), X),
                windows(X, T, 5),
                batch_size=3,
                key=KEYS[0],
                progress=None,
            ),
            "batch_size=2",
        ),
    ],
)
@pytest.mark.usefixtures("as_user")
def test_bad_input_is_refused(make, message):
    with pytest.raises(InputError, match=message):
        make()
