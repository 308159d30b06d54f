import jax
import jax.numpy as jnp
import numpy as np
import pytest

from neuraxis.errors import InputError
from neuraxis.feedforward import MLP
from neuraxis.functions.activations import logistic
from neuraxis.generative import GAN, convolutional_gan, dense_gan
from neuraxis.layers import BatchNorm, Dropout, Linear, Sequential

KEY = jax.random.key(0)


def test_samples_are_what_the_generator_makes_of_normal_numbers():
    model = dense_gan(2, (8,), 3, key=KEY)
    z = model.draw(5000, key=KEY)
    np.testing.assert_array_equal(model.sample(5000, key=KEY), model.generator(z))
    np.testing.assert_allclose(np.mean(z, axis=0), 0, atol=5 / np.sqrt(5000))
    np.testing.assert_allclose(np.cov(z.T), np.eye(3), atol=0.1)
    np.testing.assert_array_equal(model(z[:4].reshape(2, 2, 3)), model.generator(z[:4]).reshape(2, 2, 2))
    assert model.sample(0, key=KEY).shape == (0, 2)


def test_any_maps_will_do():
    """Networks that measure their batch and draw noise, and plain functions."""
    generator = Sequential([Linear(3, 4, key=KEY), BatchNorm(4), Dropout(0.5), logistic])
    model = GAN(generator, lambda x: jnp.sum(x, axis=-1, keepdims=True), 3)
    assert model.sample(6, key=KEY).shape == (6, 4)


@pytest.mark.slow
def test_a_convolutional_one_makes_images():
    model = convolutional_gan((8, 12, 3), (4, 6), 5, key=KEY)
    x = np.asarray(model.sample(3, key=KEY))
    assert x.shape == (3, 8, 12, 3)
    assert 0 < x.min() < x.max() < 1
    assert model.discriminator(x).shape == (3, 1)
    assert model.generator.layers[0].weight.shape == (5, 2 * 3 * 6)
    assert convolutional_gan((2, 2, 1), (3,), 1, key=KEY).generator.layers[1].shape == (1, 1, 3)


@pytest.mark.usefixtures("as_user")
def test_bad_arguments_are_refused():
    generator, discriminator = MLP((3, 4, 2), key=KEY), MLP((2, 4, 1), key=KEY)
    model = GAN(generator, discriminator, 3)
    for call, words in (
        (lambda: GAN(generator, discriminator, 0), "latent_size must be an integer of at least 1, but is 0"),
        (lambda: GAN(generator, discriminator, 3.0), "latent_size must be an integer"),
        (lambda: GAN(generator, MLP((2, 4, 3), key=KEY), 3), r"one logit for each example.* returned shape \(2, 3\)"),
        (lambda: GAN(generator, lambda x: x[:, 0], 3), r"one logit for each example.* returned shape \(2,\)"),
        (lambda: GAN(generator, MLP((5, 4, 1), key=KEY), 3), r"discriminator must accept .*, but raised: x must"),
        (lambda: GAN(generator, discriminator, 4), r"generator must accept an input of shape \(…, 4\)"),
        (lambda: GAN("generator", discriminator, 3), "generator must be a function"),
        (lambda: GAN(generator, MLP, 3), "discriminator must be a function"),
        (lambda: GAN(lambda z: "x", discriminator, 3), "generator must return an array"),
        (lambda: GAN(lambda z: z[0], discriminator, 3), r"generator must map z"),
        (lambda: model.sample(-1, key=KEY), "count must be an integer of at least 0"),
        (lambda: model.sample(10**15, key=KEY), "count must be smaller"),
        (lambda: model.sample(2, key=0), "key must be one random key"),
        (lambda: model(np.ones((2, 4))), r"z must have shape \(…, 3\)"),
        (lambda: model("z"), "z must be an array of numbers"),
        (lambda: dense_gan(2, (8,), 0, key=KEY), "latent_size must be an integer"),
        (lambda: dense_gan(2, (8, 0), 2, key=KEY), r"hidden_sizes\[1\] must be an integer"),
        (lambda: convolutional_gan((28, 30, 1), (4, 4), 2, key=KEY), "multiples of 4 .* 28 and 30"),
        (lambda: convolutional_gan((28, 28), (4,), 2, key=KEY), r"image must be \(height, width, channel\)"),
        (
            lambda: convolutional_gan((28, 28, 1), (), 2, key=KEY),
            "channels must be a sequence of 1 or more integers",
        ),
        (lambda: convolutional_gan((28, 28, 1), (4, 0), 2, key=KEY), r"channels\[1\] must be an integer"),
    ):
        with pytest.raises(InputError, match=words):
            call()
