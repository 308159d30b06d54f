import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from neuraxis.engine import averaged, fit
from neuraxis.errors import DivergedError, InputError
from neuraxis.feedforward import MLP
from neuraxis.functions.activations import logistic, tanh
from neuraxis.generative import GAN, adversarial, cross_entropy, dense_gan, relativistic
from neuraxis.layers import BatchNorm, Linear, Sequential, SpectralNorm

KEY = jax.random.key(0)
X = np.random.default_rng(0).normal(size=(16, 2)).astype(np.float32)
SGD = optax.sgd(0.1)
HOW = {"batch_size": 8, "key": KEY, "progress": None}


def two_layers(network):
    return [np.asarray(w, float) for layer in network.layers for w in (layer.weight, layer.bias)]


def forward(parameters, x):
    """Return tanh(x W + b) and what the last layer makes of it."""
    w1, b1, w2, b2 = parameters
    h = np.tanh(x @ w1 + b1)
    return h, h @ w2 + b2


def backward(parameters, x, slope):
    """Return the gradient of Σ slope · output by the parameters, and that by x."""
    w1, _, w2, _ = parameters
    h, _ = forward(parameters, x)
    back = slope @ w2.T * (1 - h**2)
    return [x.T @ back, back.sum(0), h.T @ slope, slope.sum(0)], back @ w1.T


def by_hand(model, z, real, rate):
    """Take a step of the plain game, in NumPy: first the discriminator, then the generator against the new one."""
    sigmoid = lambda x: 1 / (1 + np.exp(-x))
    g, d = two_layers(model.generator), two_layers(model.discriminator)
    fake, n = forward(g, z)[1], len(real)
    for_real, _ = backward(d, real, (sigmoid(forward(d, real)[1]) - 1) / n)
    for_fake, _ = backward(d, fake, sigmoid(forward(d, fake)[1]) / n)
    d = [p - rate * (a + b) for p, a, b in zip(d, for_real, for_fake, strict=True)]
    _, by_fake = backward(d, fake, (sigmoid(forward(d, fake)[1]) - 1) / n)
    slope, _ = backward(g, z, by_fake)
    return [p - rate * s for p, s in zip(g, slope, strict=True)], d


def first_step(rule, model, x=X):
    """Return the model after a step, and the z that it was taken with."""
    after, _, losses = rule.step(model, rule.init(model), (x,), key=KEY)
    return after, model.draw(len(x), key=jax.random.split(KEY, 3)[0]), losses


def test_a_step_is_that_by_hand():
    model = dense_gan(2, (5,), 3, key=KEY, activation=tanh)
    after, z, losses = first_step(adversarial(cross_entropy, SGD, SGD), model)
    g, d = by_hand(model, np.asarray(z, float), X, 0.1)
    for network, expected in ((after.generator, g), (after.discriminator, d)):
        for ours, theirs in zip(two_layers(network), expected, strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-6)
    assert losses["discriminator"].shape == losses["generator"].shape == (16,)


def test_penalties_are_added():
    """Against the sum of loss and penalties, differentiated as one function of the discriminator."""
    model = dense_gan(2, (5,), 3, key=KEY, activation=tanh)
    after, z, _ = first_step(adversarial(relativistic, SGD, SGD, r1=0.5, r2=2.0), model)

    def loss(discriminator):
        fake = model.generator(z)
        slopes = [jax.vmap(jax.grad(lambda x: discriminator(x)[0]))(x) for x in (jnp.asarray(X), fake)]
        penalty = sum(r / 2 * jnp.sum(s**2, -1) for r, s in zip((0.5, 2.0), slopes, strict=True))
        return jnp.mean(jnp.logaddexp(0, discriminator(fake) - discriminator(X))[:, 0] + penalty)

    slope = eqx.filter_grad(loss)(model.discriminator)
    expected = jax.tree.map(
        lambda p, s: p - 0.1 * s, *(eqx.filter(t, eqx.is_array) for t in (model.discriminator, slope))
    )
    found = eqx.filter(after.discriminator, eqx.is_array)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6), found, expected)


@pytest.fixture(scope="module")
def line():
    """Data N(1, 0.5²) on a line, a linear generator, and how it is trained: what it is after that is known."""
    data = (1 + 0.5 * np.random.default_rng(0).normal(size=(4000, 1))).astype(np.float32)
    model = GAN(Linear(1, 1, key=KEY), MLP((1, 16, 16, 1), key=KEY), 1)
    adam = optax.adam(1e-2, b1=0.0, b2=0.99)
    rule = averaged(adversarial(relativistic, adam, adam, r1=0.1, r2=0.1), 0.99)
    return model, data, rule, fit(model, rule, (data,), epochs=16, batch_size=128, key=KEY, progress=None)


@pytest.mark.slow
def test_it_learns_the_mean_and_deviation_of_normal_data(line):
    *_, fitted = line
    layer = fitted.model.generator
    assert float(layer.bias[0]) == pytest.approx(1, abs=0.15)
    assert abs(float(layer.weight[0, 0])) == pytest.approx(0.5, abs=0.15)
    assert set(fitted.history) == {"discriminator", "generator"}
    assert fitted.history["discriminator"][-1] == pytest.approx(np.log(2), abs=0.05)  # nothing is left to tell apart


def test_the_mean_of_the_weights_is_beside_what_learns(line):
    *_, fitted = line
    learning = fitted.state.parameters.generator
    assert not np.array_equal(learning.weight, fitted.model.generator.weight)


def test_one_key_gives_one_result(line):
    model, data, rule, _ = line
    found = [fit(model, rule, (data[:256],), batch_size=128, key=KEY, progress=None).model for _ in range(2)]
    jax.tree.map(np.testing.assert_array_equal, *(eqx.filter(m, eqx.is_array) for m in found))


@pytest.mark.slow
def test_statistics_of_both_are_brought_up_to_date():
    generator = Sequential([Linear(3, 4, key=KEY), BatchNorm(4), tanh, Linear(4, 2, key=KEY)])
    discriminator = Sequential([SpectralNorm(Linear(2, 4, key=KEY)), tanh, SpectralNorm(Linear(4, 1, key=KEY))])
    model = GAN(generator, discriminator, 3)
    fitted = fit(model, adversarial(cross_entropy, SGD, SGD), (X,), **HOW).model
    assert not np.array_equal(fitted.generator.layers[1].running.mean, generator.layers[1].running.mean)
    before, after = discriminator.layers[0], fitted.discriminator.layers[0]
    assert not np.array_equal(after.vectors.left, before.vectors.left)
    followed = after.vectors.left @ after.layer.weight @ after.vectors.right
    assert float(followed) == pytest.approx(np.linalg.svd(after.layer.weight, compute_uv=False)[0], rel=0.02)
    assert fitted.sample(1, key=KEY).shape == (1, 2)  # in inference


@pytest.mark.slow
def test_nan_during_training_names_the_step():
    model = dense_gan(2, (5,), 3, key=KEY)
    broken = optax.sgd(lambda step: jnp.where(step < 1, 0.1, jnp.nan))
    rule = adversarial(relativistic, SGD, broken, r1=1.0)
    with pytest.raises(DivergedError, match="stopped being finite at step 1"):
        fit(model, rule, (X,), epochs=5, **HOW)


@pytest.mark.usefixtures("as_user")
def test_bad_data_are_refused():
    rule = adversarial(cross_entropy, SGD, SGD)
    model = dense_gan(2, (5,), 3, key=KEY)
    bounded = GAN(Sequential([MLP((3, 4, 2), key=KEY), logistic]), model.discriminator, 3)
    signed = GAN(Sequential([MLP((3, 4, 2), key=KEY), Sequential([tanh])]), model.discriminator, 3)
    for gan, data, words in (
        (model, (np.ones((16, 3), np.float32),), r"of the data, \(3,\), but returned \(2,\)"),
        (model, (np.ones(16, np.float32),), r"of the data, \(\), but returned \(2,\)"),
        (model, (X, X), "data must be a single array of examples, but are 2"),
        (model, (np.where(X > 1, np.nan, X),), "finite"),
        (model, (X[:0],), "empty"),
        (model, (X + 1j,), "real numbers"),
        (bounded, (X,), "data must be between 0 and 1, but ranges from -"),
        (signed, (3 * np.abs(X),), "data must be between -1 and 1"),
        (MLP((2, 1), key=KEY), (X,), "model must be a GAN"),
        (GAN(lambda z: z, model.discriminator, 2), (X,), "nothing to train"),
    ):
        with pytest.raises(InputError, match=words):
            fit(gan, rule, data, **HOW)
    fit(bounded, rule, (np.ones((16, 2), np.uint8),), **HOW)  # the ends of the range are in it


@pytest.mark.usefixtures("as_user")
def test_bad_arguments_are_refused():
    for call, words in (
        (lambda: adversarial("cross_entropy", SGD, SGD), "objective must be an Objective"),
        (lambda: adversarial(cross_entropy, 1e-3, SGD), "generator must be its optimiser"),
        (lambda: adversarial(cross_entropy, SGD, None), "discriminator must be its optimiser"),
        (lambda: adversarial(cross_entropy, SGD, SGD, r1=-1.0), "r1 must be finite and not negative"),
        (lambda: adversarial(cross_entropy, SGD, SGD, r2=[1.0, 2.0]), "r2 must be one number"),
        (lambda: adversarial(cross_entropy, SGD, SGD, r2="much"), "r2 must be a number"),
    ):
        with pytest.raises(InputError, match=words):
            call()
