import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from neuraxis.engine import averaged, descent, gradient_descent
from neuraxis.errors import DivergedError, InputError
from neuraxis.feedforward import MLP, classification
from neuraxis.layers import BatchNorm, Linear, Sequential
from neuraxis.neurons import LIF
from tests.engine.learning import Scaled, adam, labels, squared, targets, train, x
from tests.trees import equal


def test_labels_out_of_range_are_named():
    bad = np.full_like(labels, 9)
    with pytest.raises(InputError, match="labels must be between 0 and 1, but range from 9 to 9"):
        train(data=(x, bad))
    bad = labels.copy()
    bad[7] = -1
    with pytest.raises((InputError, DivergedError), match="labels must be between 0 and 1, but range from -1 to 1"):
        train(data=(x, bad))


def test_only_what_is_picked_is_trained():
    start = MLP((5, 16, 2), key=jax.random.key(0))
    rule = descent(classification.loss, optax.adam(1e-2), train=lambda model: model.layers[1].bias)
    model = train(start, rule).model
    assert equal(model.layers[0], start.layers[0])
    np.testing.assert_array_equal(model.layers[1].weight, start.layers[1].weight)
    assert jnp.all(model.layers[1].bias != start.layers[1].bias)


def test_a_gradient_by_hand_takes_the_place_of_jax():
    """½(x w − t)² has the gradient xᵀ(x w − t)/n; the factor 2 shows that it is this one that is used."""
    loss = lambda w, x, t, *, key: 0.5 * (x @ w - t[:, 0]) ** 2

    def by_hand(w, x, t, *, key):
        return loss(w, x, t, key=key), 2 * x.T @ (x @ w - t[:, 0]) / len(x)

    start, data = jnp.zeros(5), (x, targets)
    twice = train(start, descent(loss, gradient_descent(0.01), gradient=by_hand), data).model
    np.testing.assert_allclose(twice, train(start, descent(loss, gradient_descent(0.02)), data).model, rtol=1e-5)
    wrong = lambda w, x, t, *, key: (loss(w, x, t, key=key), (w, w))
    with pytest.raises(InputError, match="the gradient must be a tree like the model"):
        train(start, descent(loss, gradient_descent(0.01), gradient=wrong), data)


@pytest.mark.parametrize("optimizer", [optax.lbfgs(), optax.contrib.reduce_on_plateau(patience=2)])
def test_optimizers_that_look_at_the_loss(optimizer):
    rule = descent(classification.loss, optax.chain(optax.sgd(0.1), optimizer))
    history = train(rule=rule, batch_size=203).history["loss"]
    assert history[-1] < history[0]


def test_a_mask_of_infinities_in_a_model_is_no_divergence():
    class Masked(eqx.Module):
        weight: jax.Array
        mask: jax.Array

        def __call__(self, x, *, key=None):
            return jax.nn.softmax(x @ self.weight + jax.lax.stop_gradient(self.mask))

    model = Masked(jnp.ones((5, 3)), jnp.array([0.0, 0.0, -jnp.inf]))
    loss = lambda model, x, labels, *, key: -jnp.log(model(x)[jnp.arange(len(x)), labels])
    rule = descent(loss, optax.sgd(0.1), train=lambda model: model.weight)
    assert np.isfinite(train(model, rule).history["loss"]).all()


def test_statistics_need_a_loss_that_gives_them():
    model = Sequential([Linear(5, 2, key=jax.random.key(0)), BatchNorm(2)])
    by_hand = lambda model, x, labels, *, key: (classification.loss(model, x, labels), model)
    with pytest.raises(InputError, match="gradient= cannot update the statistics"):
        train(model, descent(classification.loss, optax.sgd(0.1), gradient=by_hand))


def test_half_precision_does_not_look_like_divergence():
    """5000 weights of 50 overflow the sum of a float16, though none of them does."""
    loss = lambda w, x, *, key: jnp.abs(jnp.mean(w, dtype=jnp.float32) - x)
    rule, data = descent(loss, optax.sgd(0.1)), (np.ones(8, np.float32),)
    fitted = train(jnp.full(5000, 50.0, jnp.float16), rule, data, batch_size=4)
    assert fitted.model.dtype == jnp.float16
    assert np.isfinite(fitted.history["loss"]).all()


def test_nothing_to_train_is_refused_with_a_cure():
    with pytest.raises(InputError, match=r"LIF has nothing to train: .*tau_m=jnp.asarray\(20.0\)"):
        train(LIF())
    with pytest.raises(InputError, match=r"train picks nothing to train: .*scale=jnp.asarray\(2.0\)"):
        train(Scaled(jnp.zeros(3)), descent(squared, optax.sgd(0.1), train=lambda model: model.scale))


@pytest.mark.usefixtures("as_user")
@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: descent(classification.loss, optax.adam), "optimizer must be an optax transformation"),
        (lambda: descent(classification.loss, 0.1), "optimizer must be an optax transformation"),
        (lambda: descent(0.1, optax.sgd(0.1)), "loss must be a function"),
        (lambda: averaged(adam, 1.0), r"decay must lie in \[0, 1\)"),
        (lambda: averaged(adam, np.zeros(2)), r"decay must be one number, or a schedule, but has shape \(2,\)"),
        (
            lambda: averaged(adam, lambda: 0.5),
            r"decay must be a function of \(count\), .* too many positional",
        ),
        (
            lambda: train(rule=descent(lambda model, x: x, optax.sgd(0.1))),
            r"loss must be a function of \(model, data\[0\], ",
        ),
        (lambda: train(rule=descent(squared, optax.sgd(0.1)), data=(x[:, :2], labels)), "must have shape"),
        (
            lambda: train(jnp.ones(3), descent(lambda w, x, t, *, key: x @ w, optax.sgd(0.1))),
            r"loss does not fit what it is called with, float32\(32, 5\), int32\(32,\): ",
        ),
        (lambda: train(eqx.nn.Linear(5, 2, key=jax.random.key(0))), r"so that a batch needs jax.vmap\(model\)"),
        (
            lambda: train(Scaled(jnp.ones(3, complex)), descent(squared, optax.sgd(0.1))),
            "what is trained must be real numbers, but weight has dtype complex64",
        ),
    ],
)
def test_bad_rules_are_refused(make, message):
    with pytest.raises(InputError, match=message):
        make()
