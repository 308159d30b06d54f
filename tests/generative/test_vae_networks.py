import jax
import numpy as np
import optax
import pytest

from neuraxis.engine import descent, fit
from neuraxis.errors import InputError
from neuraxis.functions.activations import tanh
from neuraxis.generative import (
    Binarised,
    Gaussian,
    NegativeELBO,
    convolutional_vae,
    dense_vae,
    log_likelihood,
)
from neuraxis.layers import Upsampling

KEY = jax.random.key(0)
RANDOM = np.random.default_rng(0)


@pytest.fixture(scope="module")
def vae():
    return convolutional_vae((8, 4, 2), (3, 5), (7,), 2, key=KEY, activation=tanh)


def test_shapes_of_the_dense_one():
    model = dense_vae((6, 5, 4, 3), key=KEY, likelihood=Gaussian(0.1), activation=tanh)
    assert [layer.weight.shape for layer in model.encoder.layers] == [(6, 5), (5, 4), (4, 6)]
    assert [layer.weight.shape for layer in model.decoder.layers] == [(3, 4), (4, 5), (5, 6)]
    assert (model.latent_size, model.shape, model.likelihood.sigma) == (3, (6,), 0.1)


@pytest.mark.slow
def test_shapes_of_the_convolutional_one(vae):
    x = RANDOM.random((3, 8, 4, 2)).astype(np.float32)
    mean, log_var = vae.encode(x)
    assert mean.shape == log_var.shape == (3, 2)
    assert vae(x).shape == x.shape
    assert vae.sample(4, key=KEY).shape == (4, 8, 4, 2)
    kernels = [layer.kernel.shape for layer in vae.decoder.layers if isinstance(layer, Upsampling)]
    assert kernels == [(3, 3, 5, 3), (3, 3, 3, 2)]


@pytest.mark.slow
def test_it_learns_images_and_ln_p_lies_above_the_bound(vae):
    """Bars that stand left or right: one bit, and no noise."""
    x = np.zeros((64, 8, 4, 2), np.float32)
    x[:32, :, :2], x[32:, :, 2:] = 1, 1
    rule = descent(Binarised(NegativeELBO()), optax.adam(1e-2))
    fitted = fit(vae, rule, (x,), epochs=100, batch_size=32, key=KEY, progress=None)
    assert fitted.history["loss"][-1] < 0.2 * fitted.history["loss"][0]
    both = x[[0, -1]]
    found = log_likelihood(fitted.model, both, key=KEY, samples=2000)
    bound = -np.mean([NegativeELBO()(fitted.model, both, key=jax.random.key(i)) for i in range(20)])
    assert found.values.mean() > bound
    p = np.exp(found.values)
    assert 0.1 < p.sum() < 1 + 5 * np.sum(p * found.standard_errors)


@pytest.mark.usefixtures("as_user")
def test_bad_arguments_are_refused(vae):
    make = lambda *arguments, **more: convolutional_vae(*arguments, key=KEY, **more)
    for call, words in (
        (lambda: make((8, 6, 1), (3, 5), (7,), 2), r"multiples of 4, to be .* but is \(8, 6, 1\)"),
        (lambda: make((8, 8), (3, 5), (7,), 2), "image must be"),
        (lambda: make((8, 8, 1), (), (7,), 2), "channels must name one or more"),
        (lambda: make((8, 8, 1), (3, 0), (7,), 2), r"channels\[1\] must be an integer of at least 1, but is 0"),
        (lambda: make((8, 8, 1), "32", (7,), 2), "channels must be a sequence"),
        (lambda: make((8, 8, 1), (3,), (7,), 0), "latent_size must be an integer of at least 1"),
        (lambda: make((8, 8, 1), (3,), (7,), 2, activation="relu"), "activation must be a function"),
        (lambda: convolutional_vae((8, 8, 1), (3,), (7,), 2, key=0), "key must be one random key"),
        (lambda: make((7, 8, 1), (3,), (), 2), r"multiples of 2, to be .* but is \(7, 8, 1\)"),
        (lambda: vae.encode(np.ones((3, 64))), r"x must have shape \(…, 8, 4, 2\), but has shape \(3, 64\)"),
        (lambda: vae.encode(np.ones(3)), r"but has shape \(3,\)"),
    ):
        with pytest.raises(InputError, match=words):
            call()
