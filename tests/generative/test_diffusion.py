import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from neuraxis.engine import descent, fit
from neuraxis.errors import DivergedError, InputError
from neuraxis.generative import Diffusion, GaussianDenoiser, Noise, TimedMLP, V, cosine, linear

KEY = jax.random.key(0)
MEAN, COVARIANCE = np.array([0.3, -0.6]), np.array([[0.6, 0.4], [0.4, 0.5]])
x = np.random.default_rng(0).multivariate_normal(MEAN, COVARIANCE, 4096).astype(np.float32)


def nothing(x, time, label=None, *, key=None):
    return jnp.zeros_like(x)


def test_the_loss_of_predicting_nothing_is_the_variance_of_the_noise():
    losses = Diffusion(linear(), Noise()).loss(nothing, x, key=KEY)
    assert losses.shape == (len(x),)
    assert float(jnp.mean(losses)) == pytest.approx(1, abs=0.05)


def test_the_network_sees_the_noisy_example_its_time_and_its_label():
    """Undo what the loss does, from what the network is shown: then ε is the prediction, and the loss is 0."""
    diffusion, seen = Diffusion(cosine(50), Noise(), label_dropout=0.25), []

    def knows(x_t, time, label, *, key):
        seen.append((time, label))
        level = diffusion.schedule.at(jnp.round(time * 50).astype(int))
        return (x_t - level.signal[:, None] * x) / level.noise[:, None]

    labels = np.arange(len(x)) % 10
    assert float(jnp.max(diffusion.loss(knows, x, labels, key=KEY))) < 1e-6
    time, label = seen[0]
    assert time.min() == pytest.approx(1 / 50)
    assert time.max() == 1
    hidden = np.asarray(label) == -1
    assert np.mean(hidden) == pytest.approx(0.25, abs=0.03)
    np.testing.assert_array_equal(np.asarray(label)[~hidden], labels[~hidden])


@pytest.mark.slow
def test_a_trained_network_comes_near_the_best_one():
    diffusion = Diffusion(cosine(50), V())
    network = TimedMLP(2, (48, 48), key=KEY)
    rule = descent(diffusion.loss, optax.adam(optax.cosine_decay_schedule(5e-3, 640)))
    how = {"batch_size": 256, "key": KEY, "progress": None}
    network = fit(network, rule, (x,), epochs=40, **how).model
    best = GaussianDenoiser(MEAN, COVARIANCE, diffusion)
    t = np.random.default_rng(1).integers(1, 51, len(x))
    noisy = diffusion.schedule.noised(x, t, jax.random.normal(KEY, x.shape))
    wanted = diffusion.predict(best, noisy, t)
    error = float(jnp.mean((diffusion.predict(network, noisy, t) - wanted) ** 2) / jnp.mean(wanted**2))
    assert error < 0.03


def test_nan_in_training_stops_and_names_the_step():
    class Network(eqx.Module):
        scale: jax.Array

        def __call__(self, x, time, label=None, *, key=None):
            return self.scale * x / 0

    with pytest.raises(DivergedError, match="step 0"):
        fit(
            Network(jnp.ones(())),
            descent(Diffusion(cosine(5)).loss, optax.sgd(0.1)),
            (x[:8],),
            batch_size=8,
            key=KEY,
            progress=None,
        )


@pytest.mark.usefixtures("as_user")
@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Diffusion(linear), "schedule must be a NoiseSchedule, but is"),
        (lambda: Diffusion("linear"), "schedule must be a NoiseSchedule, but is 'linear'"),
        (lambda: Diffusion(linear(), V), "parametrisation must be an object, but is the class V itself"),
        (lambda: Diffusion(linear(), "v"), r"parametrisation must have a method weights\(level\)"),
        (lambda: Diffusion(linear(), V(), 1.0), r"label_dropout must lie in \[0, 1\)"),
        (lambda: Diffusion(linear()).loss(nothing, x[0], key=KEY), r"x must contain examples along its first axis"),
        (lambda: Diffusion(linear()).loss(nothing, x * np.nan, key=KEY), "x must be finite"),
        (lambda: Diffusion(linear()).loss(nothing, x, key=None), "key must be one random key"),
        (lambda: Diffusion(linear()).loss(lambda x, t, c, key: x[:3], x, key=KEY), "must keep the shape of x"),
        (lambda: Diffusion(linear()).loss(3, x, key=KEY), "network must be a function, but is 3"),
        (
            lambda: Diffusion(linear()).loss(TimedMLP(2, (4,), key=KEY), x, np.ones(4096, int), key=KEY),
            "has no classes, but received labels",
        ),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(InputError, match=message):
        call()
