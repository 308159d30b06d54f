"""Both games on mixtures of Gaussians in the plane."""

import math
from typing import Any, NamedTuple

import jax
import numpy as np
import optax

from neuraxis import data
from neuraxis.data import Gaussians
from neuraxis.engine import averaged, fit, predict
from neuraxis.experiment import Session
from neuraxis.generative import (
    GAN,
    ModeCoverage,
    adversarial,
    coverage_of_points,
    cross_entropy,
    dense_gan,
    relativistic,
)
from neuraxis.kinds import Rule

_POINTS, _SAMPLES = 100_000, 10_000
_LATENT = 2
LEAST = 0.1  # of an even share of the samples, with which a mode counts as covered
_DECAY = 0.99  # of the mean of the weights
GAMES = ("plain", "relativistic")


class Found(NamedTuple):
    """What was measured, and what is drawn of it."""

    metrics: dict[str, float]
    arrays: dict[str, Any]


def measure(key: jax.Array, settings: Any, session: Session) -> Found:
    """Play both games on a ring and on a grid, each from the same networks."""
    mixtures = {"ring": data.ring_of_gaussians(settings.ring), "grid": data.grid_of_gaussians(settings.side)}
    metrics, arrays = {}, {}
    for own, (name, mixture) in zip(jax.random.split(key), mixtures.items(), strict=True):
        samples = {game: _train(own, mixture, game, name, settings, session) for game in GAMES}
        arrays[name] = {"mixture": mixture, "samples": samples, "every": math.ceil(settings.steps / settings.frames)}
        for game, frames in samples.items():
            found = coverage(frames[-1], mixture)
            which = name if game == "relativistic" else f"{name}_plain"
            metrics |= {
                f"{which}_modes_covered": float(found.covered(LEAST)),
                f"{which}_share_near_modes": found.share,
                f"{which}_divergence_from_uniform": found.divergence,
            }
    return Found(metrics, arrays)


def coverage(samples: np.ndarray, mixture: Gaussians) -> ModeCoverage:
    """Count samples at the modes of a mixture."""
    return coverage_of_points(samples, mixture.centres, mixture.deviation)


def _train(
    key: jax.Array, mixture: Gaussians, game: str, name: str, settings: Any, session: Session
) -> list[np.ndarray]:
    """Play a game; give samples after every frame of it."""
    key_model, key_fit, key_samples = jax.random.split(key, 3)
    model: GAN = dense_gan(2, settings.hidden_sizes, _LATENT, key=key_model)
    points, state, frames = mixture.draw(_POINTS, seed=settings.seed), None, []
    z = model.draw(_SAMPLES, key=key_samples)
    steps = math.ceil(settings.steps / settings.frames)
    rule = _rule(game, steps * settings.frames, settings)
    for frame in range(settings.frames):
        fitted = fit(
            model,
            rule,
            (points,),
            steps=steps,
            batch_size=settings.batch_size,
            key=jax.random.fold_in(key_fit, frame),
            state=state,
            **session.training(
                f"{name}, {game}: {frame + 1} of {settings.frames}", f"checkpoint-{name}-{game}-{frame + 1}"
            ),
        )
        model, state = fitted.model, fitted.state
        frames.append(predict(model, z, batch_size=_SAMPLES))
    return frames


def _rule(game: str, steps: int, settings: Any) -> Rule:
    # The moments as Huang et al. (2024) take them: no momentum, which makes players overshoot each other.
    adam = optax.adam(optax.cosine_decay_schedule(settings.learning_rate, steps), b1=0.0, b2=0.99)
    if game == "plain":
        return averaged(adversarial(cross_entropy, adam, adam), _DECAY)
    return averaged(adversarial(relativistic, adam, adam, r1=settings.penalty, r2=settings.penalty), _DECAY)
