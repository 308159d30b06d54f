"""The local rule, against automatic differentiation of the energy, and of the error of the prediction."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from neuraxis.energy import Clamped, ErrorRelaxation, PredictiveCoding, StateRelaxation, local_learning, local_slopes
from neuraxis.engine import evaluate, fit, gradient_descent
from neuraxis.errors import DivergedError, InputError
from neuraxis.functions import tanh

KEY = jax.random.key(0)
random = np.random.default_rng(0)
x = random.normal(size=(60, 4)).astype(np.float32)
t = np.tanh(x @ random.normal(size=(4, 3))).astype(np.float32)


def network(**options):
    return PredictiveCoding((3, 6, 5, 4), key=KEY, activation=tanh, **options)


def parameters(tree):
    return tree.weights, tree.biases


@pytest.mark.parametrize("relaxation", [StateRelaxation(30, 0.1), ErrorRelaxation(30, 0.05)])
def test_the_local_rule_is_the_gradient_of_the_energy(relaxation):
    net = network(variances=(0.5, 1.0, 2.0))
    settled = relaxation(Clamped(net, t, x))
    expected = eqx.filter_grad(lambda net: jnp.mean(net.energy(settled.values)))(net)
    found = local_slopes(net, settled)
    assert found.feedback is None
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-5), parameters(found), parameters(expected))


def test_behind_a_weak_clamp_it_is_backpropagation():
    net = network(variances=(1e4, 1.0, 1.0))
    settled = ErrorRelaxation(20, 0.5)(Clamped(net, t, x))
    rule = local_learning(optax.adam(1e-3), ErrorRelaxation())
    back = eqx.filter_grad(lambda net: jnp.mean(rule.loss(net, x, t, key=KEY)))(net)
    for a, b in zip(
        jax.tree.leaves(parameters(local_slopes(net, settled))), jax.tree.leaves(parameters(back)), strict=True
    ):
        np.testing.assert_allclose(1e4 * a, b, atol=1e-3 * float(jnp.abs(b).max()))


@pytest.fixture(scope="module")
def taught():
    rule = local_learning(optax.adam(1e-2), ErrorRelaxation(5, 0.1))
    return rule, fit(network(), rule, (x, t), epochs=60, batch_size=20, key=KEY, progress=None, validation=(x, t))


def test_it_learns(taught):
    rule, fitted = taught
    loss = fitted.history["loss"]
    assert loss[-1] < 0.1 * loss[0]
    assert np.all(fitted.history["energy"] < loss)  # the relaxation lowers it
    assert fitted.history["validation_loss"][-1] == pytest.approx(evaluate(fitted.model, rule.loss, (x, t)), rel=1e-5)


def test_one_step_is_that_of_the_optimizer():
    net, rule = network(), local_learning(gradient_descent(0.5), StateRelaxation(10, 0.1))
    moved, _, losses = rule.step(net, rule.init(net), (x, t), key=KEY)
    slopes = local_slopes(net, StateRelaxation(10, 0.1)(Clamped(net, t, x)))
    for new, old, slope in zip(moved.weights, net.weights, slopes.weights, strict=True):
        np.testing.assert_allclose(new, old - 0.5 * slope, atol=1e-6)
    np.testing.assert_allclose(losses["loss"], 0.5 * np.sum((t - np.asarray(net(x))) ** 2, -1), rtol=1e-5)


def test_separate_weights_learn_alike_and_align():
    """dW is the transpose of dM; what they differed by at first is forgotten where weights decay."""
    net = network(tied=False)
    rule = local_learning(optax.chain(optax.add_decayed_weights(0.05), optax.sgd(0.2)), ErrorRelaxation(5, 0.1))
    moved, _, _ = rule.step(net, rule.init(net), (x, t), key=KEY)
    gap = lambda net: [np.asarray(M).T - np.asarray(W) for M, W in zip(net.weights, net.feedback, strict=True)]
    for new, old in zip(gap(moved), gap(net), strict=True):
        np.testing.assert_allclose(new, 0.99 * old, atol=1e-5)
    fitted = fit(net, rule, (x, t), epochs=100, batch_size=20, key=KEY, progress=None)
    assert max(np.abs(part).max() for part in gap(fitted.model)) < 0.1
    assert fitted.history["loss"][-1] < 0.5 * fitted.history["loss"][0]


def test_a_relaxation_that_diverges_stops_the_training():
    with pytest.raises(DivergedError, match="step 0"):
        fit(
            network(),
            local_learning(optax.adam(1e-2), ErrorRelaxation(10, 3.0)),
            (x, t),
            epochs=1,
            batch_size=20,
            key=KEY,
            progress=None,
        )


def test_bad_input_is_refused(as_user):
    rule = local_learning(optax.adam(1e-2), ErrorRelaxation())
    learn = lambda *data: fit(network(), rule, data, epochs=1, batch_size=20, key=KEY, progress=None)
    with pytest.raises(InputError, match=r"bottom must have shape \(…, 3\).*one_hot\(labels, 3\)"):
        learn(x, np.arange(60) % 3)
    with pytest.raises(InputError, match=r"bottom must have shape \(…, 3\), but has shape \(20, 4\)"):
        learn(t, x)
    with pytest.raises(InputError, match="must be finite"):
        learn(x, np.full_like(t, np.nan))
    with pytest.raises(InputError, match=r"the data must be two arrays \(x, t\)"):
        learn(x)
    with pytest.raises(InputError, match="model must be a PredictiveCoding"):
        fit(jnp.ones(3), rule, (x, t), epochs=1, batch_size=20, key=KEY, progress=None)
    with pytest.raises(InputError, match="optimizer must be an optax transformation"):
        local_learning(0.1, ErrorRelaxation())
    with pytest.raises(InputError, match="relaxation must be a relaxation such as"):
        local_learning(optax.adam(1e-2), 20)
