import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats
from scipy.integrate import quad

from neuraxis.errors import InputError
from neuraxis.functions import normal

RANDOM = np.random.default_rng(0)
MEAN, LOG_VAR = RANDOM.normal(size=(2, 4, 3)).astype(np.float32)


def test_density_is_scipys():
    x = RANDOM.normal(size=(4, 3)).astype(np.float32)
    expected = scipy.stats.norm.logpdf(x, MEAN, np.exp(LOG_VAR / 2)).sum(-1)
    np.testing.assert_allclose(normal.log_density(x, MEAN, LOG_VAR), expected, rtol=1e-5)
    standard = scipy.stats.norm.logpdf(x).sum(-1)
    np.testing.assert_allclose(normal.log_density(x, 0.0, 0.0), standard, rtol=1e-5)


def test_divergence_is_the_integral():
    def integrand(z, mean, sigma):
        q = scipy.stats.norm(mean, sigma)
        return q.pdf(z) * (q.logpdf(z) - scipy.stats.norm.logpdf(z))

    expected = [
        sum(quad(integrand, m - 12 * s, m + 12 * s, (m, s))[0] for m, s in zip(means, sigmas, strict=True))
        for means, sigmas in zip(MEAN, np.exp(LOG_VAR / 2), strict=True)
    ]
    np.testing.assert_allclose(normal.kl_from_standard(MEAN, LOG_VAR), expected, rtol=1e-5)


def test_divergence_is_the_mean_over_draws():
    mean, log_var = jnp.asarray(MEAN[0]), jnp.asarray(LOG_VAR[0])
    z = mean + jnp.exp(log_var / 2) * jax.random.normal(jax.random.key(0), (20_000, 3))
    drawn = normal.log_density(z, mean, log_var) - normal.log_density(z, 0.0, 0.0)
    error = float(jnp.std(drawn)) / np.sqrt(len(z))
    assert float(jnp.mean(drawn)) == pytest.approx(float(normal.kl_from_standard(mean, log_var)), abs=5 * error)


def test_divergence_keeps_its_digits_near_the_standard_normal():
    """KL ≈ ¼ s² for a small logarithm s of the variance; σ² − s − 1 would round to 0."""
    small = jnp.full((1,), 1e-3)
    assert float(normal.kl_from_standard(jnp.zeros(1), small)) == pytest.approx(0.25e-6, rel=1e-3)
    assert normal.kl_from_standard(jnp.zeros(2), jnp.zeros(2)) == 0


@pytest.mark.usefixtures("as_user")
def test_bad_arguments_are_refused():
    for call, words in (
        (lambda: normal.kl_from_standard(np.ones((2, 3)), np.ones(3)), r"the same shape .* have \(2, 3\) and \(3,\)"),
        (lambda: normal.kl_from_standard(1.0, 1.0), "the same shape"),
        (lambda: normal.log_density(np.ones(3), np.ones(2), 0.0), r"mean must broadcast .* shape \(3,\)"),
        (lambda: normal.log_density(1.0, 0.0, 0.0), "x must have shape"),
        (lambda: normal.log_density("x", 0.0, 0.0), "x must be an array of numbers"),
        (lambda: normal.log_density(1j * np.ones(2), 0.0, 0.0), "real numbers"),
    ):
        with pytest.raises(InputError, match=words):
            call()
