import jax
import jax.numpy as jnp
import numpy as np
import pytest

from neuraxis.errors import InputError
from neuraxis.generative import Denoising, GaussianNoise, MaskingNoise
from neuraxis.generative.reconstruction import squared_error

KEY = jax.random.key(0)
X = np.random.default_rng(0).random((200, 50), np.float32) + 0.5


def same(x, *, key=None):
    return jnp.asarray(x)


def test_gaussian_noise_has_its_deviation():
    noise = np.asarray(GaussianNoise(0.5)(KEY, X)) - X
    assert abs(noise.mean()) < 5 * 0.5 / np.sqrt(X.size)
    assert noise.std() == pytest.approx(0.5, rel=0.03)


def test_masking_hides_its_share_and_leaves_the_rest():
    damaged = np.asarray(MaskingNoise(0.3)(KEY, X))
    hidden = damaged == 0
    assert hidden.mean() == pytest.approx(0.3, abs=0.03)
    np.testing.assert_array_equal(damaged[~hidden], X[~hidden])


def test_the_model_sees_the_damaged_and_answers_for_the_clean():
    """Of a model that gives back what it sees, the error is the noise: ½ n s² for each example on average."""
    losses = Denoising(squared_error, GaussianNoise(0.5))(same, X, key=KEY)
    assert losses.shape == (200,)
    assert losses.mean() == pytest.approx(0.5 * 50 * 0.25, rel=0.05)
    clean = lambda x, *, key=None: X
    np.testing.assert_array_equal(Denoising(squared_error, GaussianNoise(0.5))(clean, X, key=KEY), 0)


def test_the_key_decides():
    loss = Denoising(squared_error, MaskingNoise(0.3))
    first, again, other = (loss(same, X, key=jax.random.key(seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.allclose(first, other)


def test_no_noise_changes_nothing():
    np.testing.assert_array_equal(GaussianNoise(0.0)(KEY, X), X)
    np.testing.assert_array_equal(MaskingNoise(0.0)(KEY, X), X)


@pytest.mark.usefixtures("as_user")
def test_bad_arguments_are_refused():
    for make, words in (
        (lambda: GaussianNoise(-1.0), "deviation must be finite and not negative, but is -1.0"),
        (lambda: GaussianNoise([0.1, 0.2]), "deviation must be one number"),
        (lambda: GaussianNoise("much"), "deviation must be a number"),
        (lambda: MaskingNoise(1.0), r"fraction must lie in \[0, 1\), but is 1.0"),
        (lambda: MaskingNoise(float("nan")), "fraction must lie"),
        (lambda: Denoising("mse", GaussianNoise(0.1)), "loss must be a function"),
        (lambda: Denoising(squared_error, 0.5), "corruption must be a function"),
        (lambda: Denoising(squared_error, GaussianNoise(0.1))(same, X), "denoising is random and needs a key"),
        (lambda: Denoising(squared_error, lambda key, x: x[:, :2])(same, X, key=KEY), "must keep the shape of x"),
        (lambda: MaskingNoise(0.5)(0, X), "key must be one random key"),
    ):
        with pytest.raises(InputError, match=words):
            make()
