from queue import SimpleQueue

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from neuraxis.engine import descent, fit, gradient_descent, momentum
from neuraxis.errors import InputError
from neuraxis.feedforward import classification
from neuraxis.layers import Dropout, Linear, Sequential
from neuraxis.neurons import DiscreteLIF
from neuraxis.spiking import SpikingClassifier
from tests.engine.learning import Drift, Scaled, labels, targets, train, x


@pytest.mark.parametrize("number", [np.float64(2.0), np.float32(2.0)])
def test_numpy_numbers_are_numbers(number):
    fitted = train(Scaled(jnp.zeros(3), number), Drift(), (x,))
    assert fitted.model.scale == 2.0
    assert type(fitted.model.scale) is float


def test_another_number_in_model_or_rule_runs_the_same_program():
    traced = SimpleQueue()  # which counts among what does not change

    class Counting(Drift):
        def step(self, model, state, batch, *, key):
            traced.put(model)
            return super().step(model, state, batch, key=key)

    start = Scaled(jnp.zeros(3))
    train(start, Counting(), (x,))
    count = traced.qsize()
    fitted = train(eqx.tree_at(lambda m: m.scale, start, 3.0), Counting(0.25), (x,))
    assert traced.qsize() == count + 1  # the trial that looks at the losses
    assert fitted.model.scale == 3.0
    np.testing.assert_allclose(fitted.model.weight, 0.25 * 7 * 4)
    assert list(fitted.history) == ["length"]


def test_another_time_constant_or_rate_trains_by_the_same_program():
    counted = SimpleQueue()

    def loss(model, x, labels, *, key):
        counted.put(model)
        return classification.loss(model, x, labels, key=key)

    rule = descent(loss, optax.adam(1e-2))
    train = lambda model: fit(model, rule, (x[:64], labels[:64]), batch_size=32, key=jax.random.key(1), progress=None)
    first, last = Linear(5, 8, key=jax.random.key(0)), Linear(8, 2, key=jax.random.key(1))
    for make in (
        lambda number: SpikingClassifier((5, 8, 2), key=jax.random.key(0), neurons=DiscreteLIF(tau_m=number), steps=3),
        lambda number: Sequential([first, Dropout(number / 100), last]),
    ):
        train(make(20.0))
        before = counted.qsize()
        train(make(21.0))
        assert counted.qsize() == before + 1  # the trial that looks at the losses


@pytest.mark.parametrize("make", [gradient_descent, momentum])
def test_another_learning_rate_trains_by_the_same_program(make):
    counted = SimpleQueue()

    def loss(w, x, t, *, key):
        counted.put(w)
        return (x @ w - t[:, 0]) ** 2

    found = {
        rate: train(jnp.zeros(5), descent(loss, make(rate)), (x[:64], targets[:64])).model for rate in (0.01, 0.02)
    }
    assert not np.allclose(found[0.01], found[0.02])
    assert counted.qsize() == 3  # a trial that looks at the losses for each, and one program


def test_a_rule_without_a_loss_is_watched_by_metrics():
    metrics = {"validation_loss": lambda model, x, *, key: jnp.abs(model.weight[0] - 10) + 0 * x[:, 0]}
    fitted = train(Scaled(jnp.zeros(3)), Drift(), (x,), validation=(x,), metrics=metrics, patience=2, epochs=20)
    assert fitted.stopped_early
    np.testing.assert_allclose(fitted.model.weight, 10.5)  # after 21 steps, nearer than after 14 or 28


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda m, s, e: (m.weight, s, e), "must keep the structure of the model"),
        (
            lambda m, s, e: (eqx.tree_at(lambda m: m.weight, m, m.weight[:2]), s, e),
            r"weight was float32\[3\] and is float32\[2\]",
        ),
        (
            lambda m, s, e: (eqx.tree_at(lambda m: m.scale, m, m.scale + 1), s, e),
            "must leave the Python numbers in a model",
        ),
        (lambda m, s, e: (m, jnp.ones(2), e), "must keep the structure of its state"),
        (lambda m, s, e: (m, s), r"must return \(model, state, losses\), but returned 2 items"),
        (lambda m, s, e: (m, s, {}), "must return one or more losses"),
        (lambda m, s, e: (eqx.tree_at(lambda m: m.weight, m, 1.0), s, e), "must keep the arrays of the model"),
        (lambda m, s, e: (m, s, e["length"][:, None]), "loss must return one number .* remove the last axis"),
        (lambda m, s, e: (m, s, jnp.mean(e["length"])), "omit the mean or sum over the examples"),
    ],
)
def test_a_rule_keeps_what_it_has_to(change, message):
    class Careless(Drift):
        def step(self, model, state, batch, *, key):
            return change(*super().step(model, state, batch, key=key))

    with pytest.raises(InputError, match=message):
        train(Scaled(jnp.zeros(3)), Careless(), (x,))
