import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from neuraxis.energy.contrastive_divergence import (
    LearningState,
    Offsets,
    Slopes,
    centred,
    contrastive_divergence,
    persistent_contrastive_divergence,
    sampled,
)
from neuraxis.energy.partition_function import log_partition_function
from neuraxis.energy.rbm import RBM
from neuraxis.engine import fit, gradient_descent, momentum
from neuraxis.errors import DivergedError, InputError

KEY = jax.random.key(0)
STEP = gradient_descent(1.0)  # moves the parameters by the gradient itself
EXAMPLES = 40_000


@pytest.fixture(scope="module")
def case(enumerated):
    """A machine, data that another one made, and the exact gradient of the mean of −ln P."""
    s = enumerated(5, 3, 1.3)
    rbm, other = RBM(*s.parameters), enumerated(5, 3, seed=1)
    data = other.v[np.random.default_rng(2).choice(len(other.v), EXAMPLES, p=other.joint.sum(1))]
    hidden = 1 / (1 + np.exp(-(data @ s.parameters[0] + s.parameters[2]) / s.parameters[3]))
    exact = (
        s.v.T @ s.joint @ s.h - data.T @ hidden / EXAMPLES,
        s.joint.sum(1) @ s.v - data.mean(0),
        s.joint.sum(0) @ s.h - hidden.mean(0),
    )
    return rbm, data, Slopes(*(jnp.asarray(slope / s.parameters[3]) for slope in exact)), s


def slopes(rbm, rule, data, **state):
    """Return the gradient that a rule descends on."""
    begun = dataclasses.replace(rule.init(rbm), **state)
    moved, after, losses = eqx.filter_jit(rule.step)(rbm, begun, (jnp.asarray(data),), key=KEY)
    change = (getattr(rbm, name) - getattr(moved, name) for name in Slopes._fields)
    return Slopes(*change), after, losses


def close(found, expected, atol):
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=atol), found, expected)


def test_with_many_sweeps_it_is_the_gradient_of_the_likelihood(case):
    rbm, data, exact, _ = case
    close(slopes(rbm, contrastive_divergence(STEP, 40), data)[0], exact, 0.01)  # 4 standard errors


def test_persistent_chains_in_equilibrium_give_the_gradient_of_the_likelihood(case):
    rbm, data, exact, s = case
    hidden = s.h[np.random.default_rng(3).choice(len(s.h), EXAMPLES, p=s.joint.sum(0))]
    rule = persistent_contrastive_divergence(STEP, EXAMPLES)
    found, after, _ = slopes(rbm, rule, data, hidden=jnp.asarray(hidden, jnp.float32))
    close(found, exact, 0.01)
    np.testing.assert_allclose(np.mean(after.hidden, axis=0), s.joint.sum(0) @ s.h, atol=0.01)  # they stay there


def test_it_descends_on_the_difference_of_free_energies(case):
    """For given chains the rule's step is the gradient, by JAX, of the loss that it reports."""
    rbm, data, _, _ = case
    rule = contrastive_divergence(STEP)
    found, _, losses = slopes(rbm, rule, data[:50])
    sweeps, start = jax.random.split(KEY)
    hidden = rbm.sample_hidden(data[:50], key=start)
    chains, _ = sampled(rbm, hidden, 1, key=sweeps)

    def loss(parameters):
        model = RBM(*parameters, rbm.temperature)
        return jnp.mean(model.free_energy(data[:50])) - jnp.mean(model.free_energy(chains.v))

    parameters = rbm.weight, rbm.visible_bias, rbm.hidden_bias
    np.testing.assert_allclose(jnp.mean(losses), loss(parameters), atol=1e-5)
    expected = jax.tree.map(lambda slope: slope / rbm.temperature, jax.grad(loss)(parameters))
    close(found, Slopes(*expected), 1e-5)


def test_centred_gradient_is_that_of_the_centred_machine(case):
    """Gradient descent on W, b′ and c′ of the centred machine, by JAX, moves W, b and c along the centred gradient."""
    rbm, data, exact, _ = case
    T, rate = rbm.temperature, 1e-3
    mu, lam = jnp.asarray([0.2, 0.9, 0.5, 0.1, 0.4]), jnp.asarray([0.3, 0.6, 0.8])
    ordinary = lambda W, b, c: (W, b - W @ lam, c - mu @ W)

    def loss(parameters):
        model = RBM(*ordinary(*parameters), T)
        return -jnp.mean(model.log_probability(data, log_partition_function(model)))

    start = rbm.weight, rbm.visible_bias + rbm.weight @ lam, rbm.hidden_bias + mu @ rbm.weight
    gradient = jax.grad(loss)(start)
    moved = ordinary(*(p - rate * slope for p, slope in zip(start, gradient, strict=True)))
    begun = rbm.weight, rbm.visible_bias, rbm.hidden_bias
    expected = Slopes(*((old - new) / rate for old, new in zip(begun, moved, strict=True)))
    close(centred(exact, Offsets(mu, lam)), expected, 2e-3)


def test_offsets_follow_the_means_of_the_batches(case):
    rbm, data, _, _ = case
    offsets = Offsets(jnp.full(5, 0.5), jnp.zeros(3))
    rule = persistent_contrastive_divergence(STEP, 7, centring=0.1)
    found, after, _ = slopes(rbm, rule, data[:20], offsets=offsets)
    np.testing.assert_allclose(after.offsets.visible, 0.9 * 0.5 + 0.1 * data[:20].mean(0), rtol=1e-5)
    hidden = np.mean(rbm.hidden_probability(data[:20]), axis=0)
    np.testing.assert_allclose(after.offsets.hidden, 0.1 * hidden, rtol=1e-5)
    plain, _, _ = slopes(rbm, persistent_contrastive_divergence(STEP, 7), data[:20])
    close(found, centred(plain, after.offsets), 1e-5)


@pytest.mark.slow
def test_learns_a_distribution(enumerated):
    """From samples of a machine, another one learns it: P comes near to the shares in the data."""
    s = enumerated(4, 2, scale=1.5)
    data = s.v[np.random.default_rng(0).choice(len(s.v), 2000, p=s.joint.sum(1))].astype(np.uint8)
    rule = persistent_contrastive_divergence(momentum(lambda step: 0.2 / (1 + 0.01 * step), 0.5), 50, centring=0.01)
    model = RBM.for_data(data, 3, key=KEY)
    fitted = fit(model, rule, (data,), validation=(data,), epochs=20, batch_size=50, key=KEY, progress=None)
    shares = np.bincount(data @ (8, 4, 2, 1), minlength=16) / len(data)
    log_p = np.asarray(fitted.model.log_probability(s.v, log_partition_function(fitted.model)))
    known = shares > 0
    assert np.sum(shares[known] * (np.log(shares[known]) - log_p[known])) < 0.02  # Kullback–Leibler divergence [nats]
    assert isinstance(fitted.state, LearningState)
    assert fitted.history["validation_loss"][-1] < fitted.history["validation_loss"][0]


@pytest.mark.usefixtures("as_user")
@pytest.mark.slow
def test_fit_says_what_is_wrong():
    data = (np.random.default_rng(0).random((40, 4)) < 0.5).astype(np.float32)
    how = {"epochs": 2, "batch_size": 20, "key": KEY, "progress": None}
    model, rule = RBM.for_data(data, 2, key=KEY), contrastive_divergence(gradient_descent(0.1))
    with pytest.raises(InputError, match=r"v must contain 0 and 1 only, but ranges from 0 to 0.5 and contains 0.5"):
        fit(model, rule, (0.5 * data,), **how)
    with pytest.raises(InputError, match=r"v must have shape \(…, 4\)"):
        fit(model, rule, (data[:, :3],), **how)
    with pytest.raises(DivergedError, match="stopped being finite at step"):
        fit(model, contrastive_divergence(gradient_descent(3e38)), (data,), **how)
    with pytest.raises(InputError, match="model must be an RBM"):
        fit(data, rule, (data,), **how)


@pytest.mark.usefixtures("as_user")
@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda: contrastive_divergence(0.1), "optimizer must be an optax transformation"),
        (lambda: contrastive_divergence(STEP, 0), "k must be an integer of at least 1"),
        (lambda: contrastive_divergence(STEP, 1.5), "k must be an integer"),
        (lambda: contrastive_divergence(STEP, centring=1.0), r"centring must lie in \[0, 1\)"),
        (lambda: contrastive_divergence(STEP, centring=[0.1, 0.2]), "centring must be one number"),
        (lambda: persistent_contrastive_divergence(STEP, 0), "chains must be an integer of at least 1"),
        (lambda: persistent_contrastive_divergence(STEP, 10, -1), "k must be an integer"),
    ],
)
def test_bad_input_is_refused(wrong, message):
    with pytest.raises(InputError, match=message):
        wrong()
