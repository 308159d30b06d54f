import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.special
import scipy.stats

from neuraxis.functions.losses import bernoulli_cross_entropy_with_logits
from neuraxis.generative import cross_entropy, relativistic

RNG = np.random.default_rng(0)
REAL, FAKE = (jnp.asarray(3 * RNG.normal(size=6), jnp.float32) for _ in range(2))


def probability(z):
    return scipy.special.expit(np.asarray(z, float))


def densities():
    """Two densities on the real line, and the width of a cell."""
    x, dx = np.linspace(-12, 12, 20_001, retstep=True)
    return scipy.stats.norm.pdf(x, -1, 1), scipy.stats.norm.pdf(x, 1, 1.5), dx


def test_cross_entropy_is_that_of_the_targets():
    ones, zeros = np.ones((6, 1)), np.zeros((6, 1))
    of = bernoulli_cross_entropy_with_logits
    np.testing.assert_allclose(
        cross_entropy.discriminator(REAL, FAKE), of(REAL[:, None], ones) + of(FAKE[:, None], zeros), rtol=1e-5
    )
    np.testing.assert_allclose(cross_entropy.generator(REAL, FAKE), of(FAKE[:, None], ones), rtol=1e-5)
    np.testing.assert_allclose(cross_entropy.generator(REAL, FAKE), -np.log(probability(FAKE)), rtol=1e-5)


def test_relativistic_is_that_of_the_difference():
    np.testing.assert_allclose(relativistic.discriminator(REAL, FAKE), -np.log(probability(REAL - FAKE)), rtol=1e-4)
    np.testing.assert_allclose(relativistic.generator(REAL, FAKE), -np.log(probability(FAKE - REAL)), rtol=1e-4)


def test_at_the_best_discriminator_the_value_is_the_jensen_shannon_divergence():
    """E ln D* + E ln(1 − D*) = 2 JS(p, q) − ln 4 for D* = p/(p + q), by integration on a grid."""
    p, q, dx = densities()
    logits = jnp.asarray(np.log(p) - np.log(q))
    zero = jnp.zeros_like(logits)
    real = np.asarray(cross_entropy.discriminator(logits, zero)) - np.log(2)  # the rest is of the other logit, ln 2
    fake = np.asarray(cross_entropy.discriminator(zero, logits)) - np.log(2)
    value = -np.sum(p * real + q * fake) * dx
    middle = (p + q) / 2
    divergence = np.sum(scipy.special.rel_entr(p, middle) + scipy.special.rel_entr(q, middle)) * dx / 2
    assert value == pytest.approx(2 * divergence - np.log(4), abs=1e-5)
    assert -np.log(4) < value < 0


def test_no_other_discriminator_does_better():
    p, q, dx = densities()
    best = jnp.asarray(np.log(p) - np.log(q))

    def value(logits):
        zero = jnp.zeros_like(logits)
        return jnp.sum(p * cross_entropy.discriminator(logits, zero) + q * cross_entropy.discriminator(zero, logits))

    assert np.abs(jax.grad(value)(best) * dx).max() < 1e-6
    assert all(value(best + 0.3 * np.sin(k * np.arange(len(p)) / 999)) > value(best) for k in range(1, 4))


def test_gradients_are_those_by_hand():
    """∂/∂D of each side, with p = 1/(1 + e^(−D)): p − t, and for the pair the probability of being told wrongly."""
    p, q, wrong = probability(REAL), probability(FAKE), probability(FAKE - REAL)
    for side, by_real, by_fake in (
        (cross_entropy.discriminator, p - 1, q),
        (cross_entropy.generator, 0 * p, q - 1),
        (relativistic.discriminator, -wrong, wrong),
        (relativistic.generator, 1 - wrong, wrong - 1),
    ):
        found = jax.grad(lambda real, fake, side=side: jnp.sum(side(real, fake)), argnums=(0, 1))(REAL, FAKE)
        np.testing.assert_allclose(found, (by_real, by_fake), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("objective", [cross_entropy, relativistic])
def test_sure_discriminators_cost_no_infinity(objective):
    for side in objective:
        assert np.all(np.isfinite(side(jnp.array([1e4, -1e4]), jnp.array([-1e4, 1e4]))))
