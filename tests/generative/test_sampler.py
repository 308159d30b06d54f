from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from neuraxis.engine import record_state, simulate
from neuraxis.errors import InputError
from neuraxis.generative import (
    Diffusion,
    GaussianDenoiser,
    Noise,
    Sampler,
    TimedMLP,
    V,
    Velocity,
    cosine,
    ddim,
    ddpm,
    euler,
    linear,
    straight,
)
from neuraxis.generative.parametrisations import Weights

KEY = jax.random.key(0)
MEAN, COVARIANCE = np.array([0.5, -1.0]), np.array([[1.0, 0.6], [0.6, 0.5]])
CASES = [
    (linear(), Noise(), ddpm),
    (cosine(1000), V(), ddim),
    (straight(1000), Velocity(), euler),
]


@pytest.mark.parametrize(("schedule", "what", "move"), CASES)
def test_the_exact_prediction_gives_the_mean_and_covariance_of_the_data(schedule, what, move):
    diffusion = Diffusion(schedule, what)
    sampler = Sampler(GaussianDenoiser(MEAN, COVARIANCE, diffusion), diffusion, move, shape=(2,), steps=400)
    x = np.asarray(sampler.sample(10_000, key=KEY), float)
    np.testing.assert_allclose(x.mean(0), MEAN, atol=0.04)
    np.testing.assert_allclose(np.cov(x.T), COVARIANCE, atol=0.05)


def test_a_step_of_ddpm_is_the_formula_of_the_paper():
    """x_{t−1} = (x_t − β_t/√(1−ᾱ_t) ε)/√α_t + σ_t z, with σ_t² = β_t (1 − ᾱ_{t−1})/(1 − ᾱ_t)."""
    diffusion = Diffusion(linear(10, 0.01, 0.3), Noise())

    def network(x, time, label=None, *, key=None):
        return jnp.sin(3 * x)

    sampler = Sampler(network, diffusion, ddpm, shape=(3,))
    state = sampler.begin(5, key=KEY)
    after, clean = sampler.step(state, key=KEY)
    beta = np.linspace(0.01, 0.3, 10)
    alpha_bar = np.cumprod(1 - beta)
    x, noise = np.asarray(state.x, float), np.sin(3 * np.asarray(state.x, float))
    z = np.asarray(jax.random.normal(KEY, (5, 3)))
    sigma = np.sqrt(beta[-1] * (1 - alpha_bar[-2]) / (1 - alpha_bar[-1]))
    expected = (x - beta[-1] / np.sqrt(1 - alpha_bar[-1]) * noise) / np.sqrt(1 - beta[-1]) + sigma * z
    np.testing.assert_allclose(after.x, expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(clean, (x - np.sqrt(1 - alpha_bar[-1]) * noise) / np.sqrt(alpha_bar[-1]), rtol=1e-4)


def test_euler_is_eulers_method_on_a_straight_path():
    diffusion = Diffusion(straight(12), Velocity())

    def velocity(x, time, label=None, *, key=None):
        return jnp.cos(x) * time[..., None]

    sampler = Sampler(velocity, diffusion, euler, shape=(2,), steps=5)
    start = sampler.begin(4, key=KEY)
    x, times = np.asarray(start.x, float), sampler.times[:6] / 12
    for t, r in pairwise(times):
        x = x + (r - t) * np.cos(x) * t
    np.testing.assert_allclose(simulate(sampler, None, steps=5, state=start).state.x, x, atol=1e-5)


def test_times_go_from_the_last_to_the_first():
    diffusion = Diffusion(cosine(1000))
    for steps in (1, 4, 64, 1000):
        sampler = Sampler(abs, diffusion, ddim, shape=(2,), steps=steps)
        times = sampler.times[: steps + 1]
        assert sampler.steps == steps
        assert (times[0], times[-1], len(times)) == (1000, 0, steps + 1)
        assert np.all(np.diff(times) < 0)


def test_further_steps_leave_the_example_as_it_is():
    diffusion = Diffusion(cosine(20), V())
    sampler = Sampler(GaussianDenoiser(MEAN, COVARIANCE, diffusion), diffusion, ddpm, shape=(2,), steps=4)
    trace = simulate(sampler, None, steps=6, state=sampler.begin(3, key=KEY), key=KEY, record=record_state)
    np.testing.assert_array_equal(trace.record.x[3], trace.record.x[5])
    assert np.any(trace.record.x[2] != trace.record.x[3])
    assert sampler.init_state((3,)).x.shape == (3, 2)


class Classes:
    """A network that knows three classes, each at a point of its own."""

    classes = 3
    places = jnp.array([[1.0, 0.0], [-1.0, 0.0], [0.0, 2.0], [0.0, 0.0]])  # the last is that of no class

    def __call__(self, x, time, label=None, *, key=None):
        return jnp.broadcast_to(self.places[3 if label is None else label], x.shape)


class Clean:
    """y = x₀."""

    def weights(self, level):
        return Weights(jnp.ones_like(level.signal), jnp.zeros_like(level.signal))


def test_guidance_exaggerates_the_class():
    diffusion = Diffusion(cosine(10), Clean())
    plain = Sampler(Classes(), diffusion, ddim, shape=(2,), steps=3)
    np.testing.assert_allclose(plain.sample(2, label=np.array([0, 2]), key=KEY), [[1, 0], [0, 2]], atol=1e-5)
    np.testing.assert_allclose(plain.sample(2, key=KEY), np.zeros((2, 2)), atol=1e-5)
    guided = Sampler(Classes(), diffusion, ddim, shape=(2,), steps=3, guidance=2.5)
    np.testing.assert_allclose(guided.sample(2, label=1, key=KEY), [[-2.5, 0]] * 2, atol=1e-5)


@pytest.mark.usefixtures("as_user")
@pytest.mark.parametrize(
    ("call", "message"),
    [
        ({"steps": 0}, "steps must be an integer of at least 1, but is 0"),
        ({"steps": 21}, "steps must be at most the 20 of the schedule, but is 21"),
        ({"shape": 2}, "shape must be a sequence of integers, but is 2"),
        ({"shape": (0,)}, r"shape\[0\] must be an integer of at least 1"),
        ({"move": "ddim"}, "move must be a function, but is 'ddim'"),
        ({"network": None}, "network must be a function, but is None"),
        ({"guidance": 2.0}, "guidance needs a network with classes"),
        ({"guidance": np.nan, "network": Classes()}, "guidance must be finite"),
        ({"diffusion": Diffusion(straight(4), Noise())}, "the noise does not determine x₀; let the network predict V"),
        ({"diffusion": None}, "diffusion must be a Diffusion, but is None"),
    ],
)
def test_bad_settings(call, message):
    given = {"network": abs, "diffusion": Diffusion(cosine(20)), "move": ddim, "shape": (2,)} | call
    with pytest.raises(InputError, match=message):
        Sampler(given.pop("network"), given.pop("diffusion"), given.pop("move"), **given)


@pytest.mark.usefixtures("as_user")
def test_bad_input():
    diffusion = Diffusion(cosine(10), V())
    plain = Sampler(TimedMLP(2, (4,), key=KEY), diffusion, ddpm, shape=(2,))
    known = Sampler(TimedMLP(2, (4,), key=KEY, classes=3), diffusion, ddim, shape=(2,), guidance=2.0)
    for call, message in (
        (lambda: plain.sample(0, key=KEY), "count must be an integer of at least 1"),
        (lambda: plain.sample(4, key=None), "key must be one random key"),
        (lambda: plain.sample(4, label=1, key=KEY), "label= needs a network with classes"),
        (lambda: known.sample(4, key=KEY), "guidance needs the desired labels"),
        (lambda: known.sample(4, label=3, key=KEY), "labels must be between 0 and 2, but range from 3 to 3"),
        (lambda: known.sample(4, label="a", key=KEY), "labels must be"),
        (lambda: known.sample(4, label=[0, 1], key=KEY), r"label must broadcast to the state's shape \(4,\)"),
        (lambda: simulate(plain, None, steps=3, state=plain.begin(2, key=KEY)), "ddpm draws noise at every step"),
    ):
        with pytest.raises(InputError, match=message):
            call()
