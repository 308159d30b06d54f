import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from neuraxis.engine import descent, evaluate, fit
from neuraxis.errors import DivergedError, InputError
from neuraxis.feedforward import MLP
from neuraxis.functions.normal import kl_from_standard
from neuraxis.generative import (
    VAE,
    Bernoulli,
    Binarised,
    Gaussian,
    NegativeELBO,
    annealed,
    dense_vae,
    divergence,
    log_likelihood,
)

KEY = jax.random.key(0)
RANDOM = np.random.default_rng(0)
BINARY = (RANDOM.random((6, 5)) < 0.5).astype(np.float32)


@pytest.fixture(scope="module")
def vae():
    return dense_vae((5, 4, 2), key=KEY)


class Principal:
    """Probabilistic PCA of some data with two components, in NumPy: its parameters and ln p(x) in closed form.

    Tipping and Bishop, Journal of the Royal Statistical Society B 61:611 (1999), equations 3 to 9.
    """

    def __init__(self, components=2):
        mixing = RANDOM.normal(size=(2, 5)) * [[2.0], [1.0]]
        self.x = RANDOM.normal(size=(300, 2)) @ mixing + 0.5 * RANDOM.normal(size=(300, 5)) + [1, 2, 3, 4, 5]
        self.mean = self.x.mean(0)
        values, vectors = np.linalg.eigh(np.cov(self.x.T, bias=True))
        self.values, vectors = values[::-1], vectors[:, ::-1]
        self.noise = self.values[components:].mean()  # σ²
        self.largest = self.values[:components]
        self.weight = vectors[:, :components] * np.sqrt(self.largest - self.noise)
        covariance = self.weight @ self.weight.T + self.noise * np.eye(5)
        centred = self.x - self.mean
        squares = np.sum(centred @ np.linalg.inv(covariance) * centred, axis=1)
        self.log_prob = -0.5 * (squares + np.linalg.slogdet(covariance)[1] + 5 * np.log(2 * np.pi))

    def as_vae(self):
        """The decoder is z Wᵀ + mean, and the encoder the posterior N((x − mean) W M⁻¹, σ² M⁻¹), M = WᵀW + σ² I."""
        model = dense_vae((5, 2), key=KEY, likelihood=Gaussian(float(np.sqrt(self.noise))))
        to_mean = self.weight / self.largest
        log_var = np.log(self.noise / self.largest)
        arrays = (
            np.concatenate([to_mean, np.zeros((5, 2))], axis=1),
            np.concatenate([-self.mean @ to_mean, log_var]),
            self.weight.T,
            self.mean,
        )
        return eqx.tree_at(
            lambda m: (
                m.encoder.layers[0].weight,
                m.encoder.layers[0].bias,
                m.decoder.layers[0].weight,
                m.decoder.layers[0].bias,
            ),
            model,
            [jnp.asarray(a, jnp.float32) for a in arrays],
        )


@pytest.fixture(scope="module")
def principal():
    return Principal()


def test_a_linear_vae_at_its_optimum_is_probabilistic_pca(principal):
    """The bound is tight: its mean over draws is ln p(x), and each single importance weight is p(x)."""
    model, x = principal.as_vae(), principal.x.astype(np.float32)
    found = log_likelihood(model, x, key=KEY, samples=2)
    np.testing.assert_allclose(found.values, principal.log_prob, rtol=1e-4)
    np.testing.assert_allclose(found.standard_errors, 0, atol=1e-3)
    draws = np.stack([NegativeELBO()(model, x, key=jax.random.key(i)).mean() for i in range(20)])
    expected = -principal.log_prob.mean()
    assert draws.mean() == pytest.approx(expected, abs=5 * draws.std() / np.sqrt(20))
    # With the noise at its optimum, the data's mean log-likelihood is Tipping and Bishop's equation 8.
    closed = 0.5 * (5 * np.log(2 * np.pi) + np.log(principal.largest).sum() + 3 * np.log(principal.noise) + 5)
    assert expected == pytest.approx(closed, rel=1e-6)


@pytest.mark.slow
def test_training_a_linear_vae_finds_it(principal):
    x = (principal.x - principal.mean).astype(np.float32)
    model = dense_vae((5, 2), key=KEY, likelihood=Gaussian(jnp.asarray(1.0)))
    rule = descent(NegativeELBO(), optax.adam(optax.cosine_decay_schedule(0.05, 1800)))
    model = fit(model, rule, (x,), epochs=600, batch_size=100, key=KEY, progress=None).model
    bound = evaluate(model, NegativeELBO(), (np.tile(x, (20, 1)),), key=KEY)
    assert bound == pytest.approx(-principal.log_prob.mean(), abs=0.05)
    assert float(model.likelihood.sigma) ** 2 == pytest.approx(principal.noise, rel=0.1)


def test_the_bound_is_reconstruction_and_divergence(vae):
    mean, log_var = vae.encode(BINARY)
    z = mean + np.exp(log_var / 2) * jax.random.normal(KEY, mean.shape)
    a = np.asarray(vae.decode(z), float)
    reconstruction = np.sum(BINARY * np.log(1 / (1 + np.exp(-a))) + (1 - BINARY) * np.log(1 / (1 + np.exp(a))), axis=1)
    kl = kl_from_standard(mean, log_var)
    np.testing.assert_allclose(divergence(vae, BINARY), kl, rtol=1e-6)
    for beta in (0.5, 1.0, 4.0):
        np.testing.assert_allclose(NegativeELBO(beta)(vae, BINARY, key=KEY), beta * kl - reconstruction, rtol=1e-5)


def test_log_likelihood_is_the_integral(vae):
    """Over a grid of z in the plane, p(x) = ∫ p(x|z) N(z; 0, I) dz."""
    axis = np.linspace(-6, 6, 121)
    z = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 1, 2).astype(np.float32)
    shape = (len(z), *BINARY.shape)
    log_joint = vae.log_prob(np.broadcast_to(BINARY, shape), np.broadcast_to(z, (*shape[:2], 2)))
    log_joint = np.asarray(log_joint, float) - 0.5 * np.sum(z**2, axis=-1) - np.log(2 * np.pi)
    expected = np.log(np.exp(log_joint).sum(0) * 0.1**2)
    found = log_likelihood(vae, BINARY, key=KEY, samples=5000)
    assert np.all(np.abs(found.values - expected) < 5 * found.standard_errors + 1e-3)
    bound = -np.mean([NegativeELBO()(vae, BINARY, key=jax.random.key(i)) for i in range(50)])
    assert bound < found.values.mean()


def test_standard_errors_are_the_spread_of_the_estimates(vae):
    estimates = [log_likelihood(vae, BINARY, key=jax.random.key(i), samples=300) for i in range(60)]
    spread = np.std([e.values for e in estimates], axis=0)
    told = np.mean([e.standard_errors for e in estimates], axis=0)
    np.testing.assert_allclose(told, spread, rtol=0.4)  # of 60 estimates, within 4 standard errors


def test_blocks_give_what_one_piece_gives(vae, monkeypatch):
    from neuraxis.generative import importance_sampling

    monkeypatch.setattr(importance_sampling, "_NUMBERS_AT_ONCE", 7 * BINARY.size)
    blocks = log_likelihood(vae, BINARY, key=KEY, samples=700)
    monkeypatch.undo()
    whole = log_likelihood(vae, BINARY, key=KEY, samples=701)
    errors = np.hypot(blocks.standard_errors, whole.standard_errors)
    assert np.all(np.abs(blocks.values - whole.values) < 5 * errors)
    np.testing.assert_allclose(blocks.standard_errors, whole.standard_errors, rtol=0.3)


def test_samples_and_reconstructions_are_means(vae):
    z = jax.random.normal(KEY, (7, 2))
    np.testing.assert_allclose(vae.sample(7, key=KEY), 1 / (1 + np.exp(-vae.decode(z))), rtol=1e-5)
    mean, _ = vae.encode(BINARY)
    np.testing.assert_allclose(vae(BINARY), Bernoulli().mean(vae.decode(mean)), rtol=1e-6)
    assert not np.allclose(vae(BINARY, key=KEY), vae(BINARY))


def test_warm_up_follows_its_schedule(vae):
    """One step at β = ½ moves the weights as `descent` on that loss does; the losses are those of the schedule."""
    optimizer = optax.sgd(0.1)
    rule = annealed(lambda beta: NegativeELBO(beta), optax.linear_schedule(0.0, 1.0, 2), optimizer)
    model, state = vae, rule.init(vae)
    step = eqx.filter_jit(rule.step)
    for beta in (0.0, 0.5, 1.0, 1.0):
        expected = np.asarray(NegativeELBO(1.0)(model, BINARY, key=KEY) - (1 - beta) * divergence(model, BINARY))
        model, state, losses = step(model, state, (BINARY,), key=KEY)
        np.testing.assert_allclose(losses, expected, rtol=1e-5)
    assert int(state.steps) == 4
    np.testing.assert_allclose(rule.loss(vae, BINARY, key=KEY), NegativeELBO()(vae, BINARY, key=KEY))


ELBO = NegativeELBO()


def train(model, data, loss=ELBO, rate=1e-3):
    return fit(model, descent(loss, optax.sgd(rate)), (data,), epochs=3, batch_size=6, key=KEY, progress=None)


@pytest.mark.usefixtures("as_user")
@pytest.mark.slow
def test_training_on_what_the_likelihood_cannot_take_is_refused(vae):
    grey = np.full((6, 5), 0.5, np.float32)
    with pytest.raises(InputError, match=r"contains 0.5; .* as in Binarised\(NegativeELBO\(\)\)"):
        train(vae, grey)
    with pytest.raises(InputError, match="must be between 0 and 1, but ranges from 0 to 255"):
        train(vae, 255 * BINARY, Binarised(NegativeELBO()))
    with pytest.raises(InputError, match=r"data\[0\] must be finite"):
        train(vae, np.where(BINARY == 0, np.nan, BINARY))
    with pytest.raises(DivergedError, match="step"):
        train(vae, BINARY, rate=1e30)


@pytest.mark.usefixtures("as_user")
def test_bad_arguments_are_refused(vae):
    mlp = lambda *sizes: MLP(sizes, key=KEY)
    schedule = optax.linear_schedule(0.0, 1.0, 2)
    for call, words in (
        (lambda: VAE(mlp(5, 3), mlp(1, 5), shape=(5,)), r"an even number of features .* but returned shape \(3,\)"),
        (lambda: VAE(mlp(5, 4), mlp(3, 5), shape=(5,)), "decoder must map shape"),
        (lambda: VAE(mlp(5, 4), mlp(2, 6), shape=(5,)), r"decoder must map z .* returned \(6,\)"),
        (lambda: VAE(mlp(6, 4), mlp(2, 5), shape=(5,)), "encoder must map shape"),
        (lambda: VAE("net", mlp(2, 5), shape=(5,)), "encoder must be a function"),
        (lambda: VAE(mlp(5, 4), mlp(2, 5), shape=5), "shape must be a sequence of 1 or more integers, but is 5"),
        (lambda: VAE(mlp(5, 4), mlp(2, 5), shape=(0,)), r"shape\[0\] must be an integer of at least 1, but is 0"),
        (lambda: VAE(mlp(5, 4), mlp(2, 5), shape=(5,), likelihood="bernoulli"), "likelihood must be an object"),
        (lambda: VAE(mlp(5, 4), mlp(2, 5), shape=(5,), likelihood=Bernoulli), "likelihood must be an object"),
        (lambda: dense_vae((5,), key=KEY), "sizes must name at least"),
        (lambda: dense_vae("abc", key=KEY), "sizes must be a sequence of 1 or more integers"),
        (lambda: dense_vae(None, key=KEY), "sizes must be a sequence of 1 or more integers"),
        (lambda: dense_vae((5, 0), key=KEY), "must be an integer of at least 1"),
        (lambda: NegativeELBO(0.0), "beta must be positive and finite, but is 0.0"),
        (lambda: NegativeELBO(-1), "beta must be positive and finite, but is -1"),
        (lambda: NegativeELBO([1.0, 2.0]), "beta must be one number"),
        (lambda: NegativeELBO("1"), "beta must be a number"),
        (lambda: NegativeELBO()(vae, BINARY), "needs a key"),
        (lambda: NegativeELBO()(mlp(5, 4), BINARY, key=KEY), "model must be a VAE"),
        (lambda: NegativeELBO()(vae, BINARY[:, :4], key=KEY), r"x must have shape \(…, 5\), but has shape \(6, 4\)"),
        (lambda: vae.decode(np.ones((3, 3))), r"z must have shape \(…, 2\)"),
        (lambda: vae.decode("z"), "z must be an array of numbers"),
        (lambda: vae.sample(10**12, key=KEY), "count must be smaller"),
        (lambda: vae.sample(0, key=KEY), "count must be an integer of at least 1"),
        (lambda: vae(1j * BINARY), "real numbers"),
        (lambda: divergence(None, BINARY), "model must be a VAE"),
        (lambda: annealed(1.0, schedule, optax.sgd(1.0)), "loss_at must be a function"),
        (lambda: annealed(lambda beta: NegativeELBO(beta), 0.5, optax.sgd(1.0)), "schedule must be a function"),
        (lambda: annealed(lambda beta: NegativeELBO(beta), schedule, "adam"), "optimizer must be an optax"),
        (
            lambda: annealed(lambda beta: 1.0, schedule, optax.sgd(1.0)).loss(vae, BINARY, key=KEY),
            "the loss returned by",
        ),
        (lambda: log_likelihood(vae, BINARY, key=KEY, samples=1), "samples must be an integer of at least 2"),
        (
            lambda: log_likelihood(vae, BINARY[:0], key=KEY),
            r"at least one example, but has shape \(0, 5\)",
        ),
        (lambda: log_likelihood(vae, BINARY[0], key=KEY), r"x must have shape \(N, 5\) .* but has shape \(5,\)"),
        (lambda: log_likelihood(vae, BINARY / 2, key=KEY), "contains 0.5"),
        (lambda: log_likelihood(None, BINARY, key=KEY), "model must be a VAE"),
        (lambda: log_likelihood(vae, BINARY, key=None), "key must be one random key"),
        (lambda: jax.jit(lambda x: log_likelihood(vae, x, key=KEY).values)(BINARY), "not possible under jit"),
    ):
        with pytest.raises(InputError, match=words):
            call()
