"""Diffusion in the plane: networks beside the closed form for normal data, and two densities from points."""

import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from neuraxis.data.planar import swiss_roll, two_moons
from neuraxis.engine import averaged, descent, fit
from neuraxis.experiment import Session
from neuraxis.functions.maximum_mean_discrepancy import maximum_mean_discrepancy
from neuraxis.generative import (
    Diffusion,
    GaussianDenoiser,
    Noise,
    Sampler,
    TimedMLP,
    V,
    Velocity,
    cosine,
    ddpm,
    straight,
)
from neuraxis.values import compiled

PARAMETRISATIONS = {"noise": (cosine, Noise()), "v": (cosine, V()), "velocity": (straight, Velocity())}
DENSITIES = {"moons": two_moons, "roll": swiss_roll}

_MEAN, _COVARIANCE = np.array([0.5, -0.3]), np.array([[1.0, 0.7], [0.7, 0.8]])
_COUNT, _BATCH_SIZE, _RATE = 16_384, 512, 3e-3
_COMPARED = 2000  # points in each of the samples whose discrepancy is taken
_PAIRS = 5  # of real samples
_BANDWIDTHS = (0.1, 0.3, 1.0)


class Found(NamedTuple):
    """Measured results."""

    metrics: dict[str, float]
    arrays: dict[str, Any]


def measure(key: jax.Array, settings: Any, session: Session) -> Found:
    """Learn normal data in three parametrisations, and the densities in one."""
    keys = jax.random.split(key, len(PARAMETRISATIONS) + len(DENSITIES))
    data = np.random.default_rng(settings.seed).multivariate_normal(_MEAN, _COVARIANCE, _COUNT).astype(np.float32)
    metrics, errors = {}, {}
    for k, (name, (schedule, what)) in zip(keys, PARAMETRISATIONS.items(), strict=False):
        diffusion = Diffusion(schedule(settings.times), what)
        learnt = _train(k, diffusion, data, (64, 64), f"normal-{name}", settings, session)
        best = GaussianDenoiser(_MEAN, _COVARIANCE, diffusion)
        errors[name], size = map(np.asarray, _errors(learnt, best, jnp.asarray(data), k))
        metrics[f"gaussian_error_{name}"] = float(errors[name].sum() / size.sum())
    arrays: dict[str, Any] = {"errors": errors}
    for k, (name, draw) in zip(keys[len(PARAMETRISATIONS) :], DENSITIES.items(), strict=True):
        numbers, drawn = _density(k, name, draw, settings, session)
        metrics, arrays = metrics | numbers, arrays | {name: drawn}
    return Found(metrics, arrays)


def _train(
    key: jax.Array,
    diffusion: Diffusion,
    x: np.ndarray,
    sizes: tuple[int, ...],
    name: str,
    settings: Any,
    session: Session,
) -> TimedMLP:
    key_model, key_fit = jax.random.split(key)
    batches = len(x) // _BATCH_SIZE
    epochs = math.ceil(settings.point_steps / batches)
    optimizer = optax.adam(optax.cosine_decay_schedule(_RATE, epochs * batches))
    return fit(
        TimedMLP(2, sizes, key=key_model),
        averaged(descent(diffusion.loss, optimizer), 0.99),
        (x,),
        epochs=epochs,
        batch_size=_BATCH_SIZE,
        key=key_fit,
        **session.training(f"diffusion: {name}", f"checkpoint-{name}"),
    ).model


@compiled
def _errors(network: TimedMLP, best: GaussianDenoiser, x: jax.Array, key: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Return the mean squares of ε̂ − ε* and of ε* at every time t = 1 … T: the network's and the best prediction."""
    diffusion = best.diffusion

    def at(t):
        noisy = diffusion.schedule.noised(x, t, jax.random.normal(jax.random.fold_in(key, t), x.shape))
        times = jnp.broadcast_to(t, x.shape[:1])
        found, wanted = (
            diffusion.estimate(noisy, times, diffusion.predict(each, noisy, times))[1] for each in (network, best)
        )
        return jnp.mean((found - wanted) ** 2), jnp.mean(wanted**2)

    return jax.lax.map(at, jnp.arange(1, diffusion.schedule.steps + 1))


def _density(
    key: jax.Array, name: str, draw: Any, settings: Any, session: Session
) -> tuple[dict[str, float], dict[str, Any]]:
    """Learn a density from points of it, and compare its samples with points that it has not seen."""
    key_fit, key_sample = jax.random.split(key)
    diffusion = Diffusion(cosine(settings.times), V())
    seeds = np.random.default_rng(settings.seed).integers(2**31, size=2 * _PAIRS + 2)
    network = _train(key_fit, diffusion, draw(_COUNT, seed=int(seeds[0])), (128, 128, 128), name, settings, session)
    sampler = Sampler(network, diffusion, ddpm, shape=(2,))
    generated = sampler.sample(_PAIRS * _COMPARED, key=key_sample).reshape(_PAIRS, _COMPARED, 2)
    real = [draw(_COMPARED, seed=int(seed)) for seed in seeds[2:]]
    between = np.mean([_distance(a, b) for a, b in zip(real[:_PAIRS], real[_PAIRS:], strict=True)])
    ours = np.mean([_distance(a, b) for a, b in zip(generated, real[:_PAIRS], strict=True)])
    metrics = {f"{name}_mmd": ours, f"{name}_real_mmd": between, f"{name}_mmd_ratio": ours / between}
    arrays = {"real": real[0], "generated": np.asarray(generated[0])}
    return {key: float(value) for key, value in metrics.items()}, arrays


@compiled
def _distance(a: jax.Array, b: jax.Array) -> jax.Array:
    return maximum_mean_discrepancy(a, b, _BANDWIDTHS)
