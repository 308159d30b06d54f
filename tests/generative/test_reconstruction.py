import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import scipy.special

from neuraxis.engine import descent, evaluate, fit
from neuraxis.errors import InputError
from neuraxis.generative import TiedAutoencoder
from neuraxis.generative.reconstruction import bernoulli_cross_entropy, squared_error

RNG = np.random.default_rng(0)
X = RNG.random((8, 6), np.float32)
LOSSES = pytest.mark.parametrize("loss", [squared_error, bernoulli_cross_entropy])


def shifted(x, *, key=None):
    return 2.0 * jnp.asarray(x) - 0.5


def test_squared_error():
    np.testing.assert_allclose(squared_error(shifted, X), 0.5 * np.sum((X - 0.5) ** 2, axis=1), rtol=1e-5)


def test_bernoulli_cross_entropy():
    y = scipy.special.expit(2.0 * X - 0.5)
    expected = -np.sum(X * np.log(y) + (1 - X) * np.log(1 - y), axis=1)
    np.testing.assert_allclose(bernoulli_cross_entropy(shifted, X), expected, rtol=1e-5)


@LOSSES
def test_a_target_takes_the_place_of_x(loss):
    constant = lambda x, *, key=None: jnp.full(x.shape, 0.3)
    np.testing.assert_allclose(loss(constant, 0 * X, X), loss(constant, X), rtol=1e-6)
    assert not np.allclose(loss(shifted, 0 * X, X), loss(shifted, X))


@LOSSES
def test_images_count_with_all_their_pixels(loss):
    """One value per example, whatever its shape, as of a convolutional autoencoder."""
    images = X.reshape(4, 2, 3, 2)
    np.testing.assert_allclose(loss(shifted, images), loss(shifted, X.reshape(4, 12)), rtol=1e-6)


def test_the_rule_learns():
    data = (RNG.random((64, 2)) @ RNG.random((2, 6)) / 2).astype(np.float32)
    model = TiedAutoencoder((6, 2), key=jax.random.key(0))
    rule = descent(squared_error, optax.adam(0.02))
    fitted = fit(model, rule, (data,), epochs=100, batch_size=32, key=jax.random.key(1), progress=None)
    assert evaluate(fitted.model, squared_error, (data,)) < 0.05 * evaluate(model, squared_error, (data,))


@pytest.mark.usefixtures("as_user")
@LOSSES
def test_bad_data_are_refused(loss):
    for x, words in (
        (X[0], r"x must contain examples along its first axis, \(batch, …\), but has shape \(6,\)"),
        (np.where(X > 0.9, np.nan, X), "x must be finite, but contains nan"),
        (X + 1j, "x must contain real numbers"),
        ("text", "x must be an array of numbers"),
    ):
        with pytest.raises(InputError, match=words):
            loss(shifted, x)
    with pytest.raises(
        InputError, match=r"the model must return reconstructions of the shape of x, \(8, 6\), but returned \(8, 3\)"
    ):
        loss(lambda x, *, key=None: x[:, :3], X)
    with pytest.raises(
        InputError,
        match=r"the model must return reconstructions of the shape of target, \(8, 1\), but returned \(8, 6\)",
    ):
        loss(shifted, X, X[:, :1])
    with pytest.raises(InputError, match="model must be a function"):
        loss(None, X)
    with pytest.raises(InputError, match="model must be an object, but is the class TiedAutoencoder"):
        loss(TiedAutoencoder, X)


@pytest.mark.usefixtures("as_user")
def test_pixels_out_of_range_are_refused():
    with pytest.raises(InputError, match="must be between 0 and 1, but ranges from 0 to 255"):
        bernoulli_cross_entropy(shifted, np.array([[0, 255], [3, 7]], np.uint8))
    with pytest.raises(InputError, match="must be between 0 and 1, but ranges from 0 to 255"):
        evaluate(shifted, bernoulli_cross_entropy, (np.array([[0, 255], [3, 7]], np.uint8),))
    assert bernoulli_cross_entropy(shifted, np.zeros((0, 6))).shape == (0,)
