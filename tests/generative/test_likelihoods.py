import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats

from neuraxis.errors import InputError
from neuraxis.generative import Bernoulli, Binarised, Gaussian, Likelihood, binarise

KEY = jax.random.key(0)
RANDOM = np.random.default_rng(0)
OUTPUT = 3 * RANDOM.normal(size=(4, 5)).astype(np.float32)
BINARY = (RANDOM.random((4, 5)) < 0.5).astype(np.float32)


def test_bernoulli_is_scipys():
    expected = scipy.stats.bernoulli.logpmf(BINARY, 1 / (1 + np.exp(-OUTPUT.astype(float)))).sum(-1)
    np.testing.assert_allclose(Bernoulli().log_prob(OUTPUT, BINARY), expected, rtol=1e-5)
    np.testing.assert_allclose(Bernoulli().mean(OUTPUT), 1 / (1 + np.exp(-OUTPUT)), rtol=1e-5)


def test_bernoulli_is_exact_where_the_probability_rounds():
    found = Bernoulli().log_prob(jnp.array([[100.0], [100.0], [-100.0]]), jnp.array([[1.0], [0.0], [1.0]]))
    np.testing.assert_allclose(found, [0, -100, -100], atol=1e-30)


def test_gaussian_is_scipys():
    x = RANDOM.normal(size=(4, 5)).astype(np.float32)
    for sigma in (0.3, np.linspace(0.5, 2, 5, dtype=np.float32)):
        expected = scipy.stats.norm.logpdf(x, OUTPUT, sigma).sum(-1)
        np.testing.assert_allclose(Gaussian(sigma).log_prob(OUTPUT, x), expected, rtol=1e-5)
    np.testing.assert_array_equal(Gaussian().mean(OUTPUT), OUTPUT)


@pytest.mark.parametrize("likelihood", [Bernoulli(), Gaussian(0.5)])
def test_draws_have_the_mean(likelihood):
    assert isinstance(likelihood, Likelihood)
    many = np.broadcast_to(OUTPUT[0], (20_000, 5))
    draws = np.asarray(likelihood.sample(many, key=KEY))
    np.testing.assert_allclose(draws.mean(0), likelihood.mean(OUTPUT[0]), atol=5 * 0.5 / np.sqrt(20_000))


def test_binarised_pixels_have_the_grey_as_their_mean():
    drawn = np.asarray(binarise(KEY, np.broadcast_to(np.linspace(0, 1, 5, dtype=np.float32), (20_000, 5))))
    assert set(np.unique(drawn)) == {0, 1}
    np.testing.assert_allclose(drawn.mean(0), np.linspace(0, 1, 5), atol=5 * 0.5 / np.sqrt(20_000))
    np.testing.assert_array_equal(drawn[:, [0, 4]].mean(0), [0, 1])


def test_a_binarised_loss_sees_other_pixels_at_each_visit():
    loss = Binarised(lambda model, x, key: x)
    grey = np.full((3, 40), 0.5, np.float32)
    first, again, other = (np.asarray(loss(None, grey, key=jax.random.key(seed))) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
    np.testing.assert_array_equal(loss(None, BINARY, key=KEY), BINARY)


def test_what_is_traced_and_out_of_range_is_nan():
    found = jax.jit(Bernoulli().log_prob)(jnp.zeros((2, 2)), jnp.array([[0.0, 1.0], [0.5, 1.0]]))
    np.testing.assert_array_equal(np.isnan(found), [False, True])
    np.testing.assert_array_equal(np.isnan(jax.jit(binarise)(KEY, jnp.array([0.5, 2.0, -1.0]))), [False, True, True])


@pytest.mark.usefixtures("as_user")
def test_bad_arguments_are_refused():
    grey = np.full((4, 5), 0.25)
    for call, words in (
        (lambda: Bernoulli().log_prob(OUTPUT, grey), r"x must contain 0 and 1 only.*contains 0.25.*Binarised\("),
        (lambda: Bernoulli().log_prob(OUTPUT, 255 * BINARY), "x must contain 0 and 1 only.*ranges from 0 to 255"),
        (lambda: Bernoulli().log_prob(OUTPUT, BINARY[:, :4]), r"the same shape \(…, k\), but have shapes"),
        (lambda: Bernoulli().log_prob(OUTPUT, np.full((4, 5), np.nan)), "x must be finite"),
        (lambda: Bernoulli().sample(OUTPUT, key=0), "key must be one random key"),
        (lambda: Gaussian(0.0), "sigma must be positive and finite, but is 0.0"),
        (lambda: Gaussian("small"), "sigma must be a number"),
        (lambda: Gaussian(np.ones(3)).log_prob(OUTPUT, OUTPUT), "log_var must broadcast"),
        (lambda: Gaussian().log_prob(OUTPUT, "x"), "x must be an array of numbers"),
        (lambda: binarise(KEY, [0.0, 255.0]), "must be between 0 and 1, but ranges from 0 to 255; Dataset.scaled"),
        (lambda: binarise(KEY, [np.nan]), "the probability x must be finite"),
        (lambda: Binarised("loss"), "loss must be a function"),
        (lambda: Binarised(lambda model, x, key: x)(None, grey), "needs a key"),
    ):
        with pytest.raises(InputError, match=words):
            call()
