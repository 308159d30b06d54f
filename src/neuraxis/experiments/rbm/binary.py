"""Binary images, and the two estimates of a likelihood."""

import math
from typing import Any, NamedTuple

import jax
import numpy as np
from jaxtyping import PRNGKeyArray

from neuraxis.energy import (
    RBM,
    Annealed,
    annealed_importance_sampling,
    log_odds,
    reverse_annealed_importance_sampling,
)
from neuraxis.experiments.shared import images as real

_HELD_OUT = 5000


class Found(NamedTuple):
    """A machine, and what was measured."""

    model: RBM
    metrics: dict[str, Any]
    arrays: dict[str, Any]


class Both(NamedTuple):
    """The two estimates of ln Z [nats]."""

    forward: Annealed
    reverse: Annealed


def load(name: str, training_images: int, seed: int) -> real.Images:
    """Load images as vectors of 0 and 1, in bytes, and hold some out to watch the learning."""
    found = real.find(name)
    used = min(len(found.train_x), training_images)
    held_out = min(_HELD_OUT, max(1, used // 12))
    images = real.split(found, max(1, used - held_out), held_out, seed)
    parts = {part: (_binary(x), y) for part in ("train", "validation", "test") for x, y in [getattr(images, part)]}
    return images._replace(**parts, description=f"{images.description}, binarised at 0.5")


def _binary(x: np.ndarray) -> np.ndarray:
    return (x >= 0.5).astype(np.uint8)


def batches(images: real.Images, settings: Any) -> int:
    """Return the number of steps in an epoch."""
    return math.ceil(len(images.train[0]) / settings.batch_size)


def annealed(key: PRNGKeyArray, rbm: RBM, images: real.Images, samples: Any, steps: int, progress: str | None) -> Both:
    """Estimate ln Z forwards, and in reverse from samples of the machine, with equally many chains."""
    keys, base = jax.random.split(key), log_odds(images.train[0])
    label = lambda name: None if progress is None else f"{progress}, {name}"
    return Both(
        annealed_importance_sampling(
            rbm, key=keys[0], steps=steps, chains=len(samples), base=base, progress=label("annealing")
        ),
        reverse_annealed_importance_sampling(
            rbm, samples, key=keys[1], steps=steps, base=base, progress=label("annealing in reverse")
        ),
    )


def estimates(both: Both) -> dict[str, tuple[float, float, np.ndarray]]:
    """Return ln Z, its standard error and the single chains' values of both."""
    return {
        name: (float(found.log_partition), float(found.standard_error), np.asarray(found.log_weights))
        for name, found in both._asdict().items()
    }
