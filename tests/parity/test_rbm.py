"""BernoulliRBM of scikit-learn with the same weights: probabilities, free energies, sampling and learning agree."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.neural_network import BernoulliRBM

from neuraxis.energy import RBM, persistent_contrastive_divergence
from neuraxis.engine import gradient_descent

random = np.random.default_rng(0)
x = (random.random((200, 12)) < 0.4).astype(np.float64)


@pytest.fixture(scope="module")
def twins():
    theirs = BernoulliRBM(5, n_iter=3, learning_rate=0.5, batch_size=20, random_state=0).fit(x)
    theirs.components_ = 3 * random.normal(size=(5, 12))
    theirs.intercept_hidden_, theirs.intercept_visible_ = random.normal(size=5), random.normal(size=12)
    return RBM(theirs.components_.T, theirs.intercept_visible_, theirs.intercept_hidden_), theirs


def test_free_energies_and_hidden_probabilities_agree(twins):
    ours, theirs = twins
    np.testing.assert_allclose(ours.free_energy(x), theirs._free_energy(x), rtol=1e-5, atol=1e-4)
    np.testing.assert_allclose(ours.hidden_probability(x), theirs.transform(x), atol=1e-5)


def test_gibbs_sampling_agrees_on_average(twins):
    ours, theirs = twins
    start = np.tile(x[:1], (40_000, 1))
    mine = np.mean(ours.gibbs(start, key=jax.random.key(0)), axis=0)
    np.testing.assert_allclose(mine, theirs.gibbs(start).mean(0), atol=0.015)  # 4 standard errors


def test_pseudo_likelihoods_are_of_the_same_terms(twins):
    """Each takes one unit by chance: all values are among the terms of the twelve units."""
    ours, theirs = twins
    flipped = np.abs(x[:, None] - np.eye(12))
    rise = np.asarray(ours.free_energy(flipped)) - np.asarray(ours.free_energy(x))[:, None]
    terms = -12 * np.logaddexp(0, -rise)
    for found in (theirs.score_samples(x), ours.pseudo_log_likelihood(x, key=jax.random.key(1))):
        assert np.max(np.min(np.abs(np.asarray(found)[:, None] - terms), axis=1)) < 1e-3


def test_a_step_of_learning_agrees_on_average(twins):
    """Both do PCD-1 from chains in the same place; twenty thousand chains leave little to chance."""
    ours, theirs = twins
    data = np.tile(x[:20], (1000, 1))
    hidden = (random.random((20_000, 5)) < 0.5).astype(float)
    rule = persistent_contrastive_divergence(gradient_descent(1.0), len(hidden))
    state = rule.init(ours)
    state = type(state)(state.optimizer, jnp.asarray(hidden, jnp.float32), None)
    moved, _, _ = rule.step(ours, state, (data,), key=jax.random.key(2))
    before = theirs.components_.copy(), theirs.intercept_visible_.copy(), theirs.intercept_hidden_.copy()
    theirs.h_samples_, theirs.learning_rate = hidden.copy(), 1.0
    theirs._fit(data, np.random.RandomState(0))
    change = theirs.components_ - before[0], theirs.intercept_visible_ - before[1]
    theirs.components_, theirs.intercept_visible_, theirs.intercept_hidden_ = before
    np.testing.assert_allclose(np.asarray(moved.weight - ours.weight).T, change[0], atol=0.03)
    np.testing.assert_allclose(moved.visible_bias - ours.visible_bias, change[1], atol=0.03)
