"""Schedules and steps of diffusers, with the same predictions."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from diffusers import DDIMScheduler, DDPMScheduler

from neuraxis.engine import simulate
from neuraxis.generative import Diffusion, Noise, Sampler, V, cosine, ddim, linear
from neuraxis.generative.noise_schedule import Level
from neuraxis.generative.parametrisations import clean_and_noise

STEPS = 1000
OURS = {"linear": linear(STEPS), "squaredcos_cap_v2": cosine(STEPS)}
WHAT = {"epsilon": Noise(), "v_prediction": V()}
x = np.random.default_rng(0).normal(size=(4, 3)).astype(np.float32)


def theirs(kind, schedule, what="epsilon", **options):
    return kind(STEPS, beta_schedule=schedule, prediction_type=what, clip_sample=False, **options)


@pytest.mark.parametrize("schedule", OURS)
def test_schedules_agree(schedule):
    peer = theirs(DDPMScheduler, schedule)
    np.testing.assert_allclose(OURS[schedule].beta, peer.betas, rtol=5e-3)
    np.testing.assert_allclose(OURS[schedule].signal[1:] ** 2, peer.alphas_cumprod, rtol=1e-3, atol=1e-8)


@pytest.mark.parametrize("schedule", OURS)
@pytest.mark.parametrize("what", WHAT)
def test_a_step_of_ddpm_agrees(schedule, what):
    """Their step is told the same prediction; the noise that it adds is drawn once more and taken off."""
    peer, ours = theirs(DDPMScheduler, schedule, what), OURS[schedule]
    prediction = np.sin(3 * x)
    for t in (2, 10, 500, 900):
        stepped = peer.step(torch.tensor(prediction), t - 1, torch.tensor(x), torch.Generator().manual_seed(0))
        noise = torch.randn(x.shape, generator=torch.Generator().manual_seed(0)).numpy()
        level = Level(*ours.at(t))
        clean, _ = clean_and_noise(WHAT[what].weights(level), level, jnp.asarray(x), jnp.asarray(prediction))
        q = ours.posterior(t, t - 1)
        found = q.of_x * x + q.of_clean * clean + np.sqrt(q.variance) * noise
        np.testing.assert_allclose(clean, stepped.pred_original_sample, rtol=1e-3, atol=1e-4)
        np.testing.assert_allclose(found, stepped.prev_sample, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("what", WHAT)
@pytest.mark.parametrize("steps", [10, 50])
def test_fifty_steps_of_ddim_agree(what, steps):
    peer = theirs(DDIMScheduler, "linear", what, timestep_spacing="trailing")
    peer.set_timesteps(steps)
    noisy = torch.tensor(x)
    for t in peer.timesteps:
        noisy = peer.step(torch.tanh(noisy), t, noisy).prev_sample

    def network(x, time, label=None, *, key=None):
        return jnp.tanh(x)

    sampler = Sampler(network, Diffusion(OURS["linear"], WHAT[what]), ddim, shape=(3,), steps=steps)
    state = sampler.begin(4, key=jax.random.key(0))._replace(x=jnp.asarray(x))
    found = simulate(sampler, None, steps=steps, state=state).state.x
    np.testing.assert_allclose(found, noisy, rtol=2e-3, atol=2e-3)
