"""What lies between codes: images between two images, and a plane of codes."""

from typing import Any, NamedTuple

import jax
import numpy as np
from scipy.stats import norm

from neuraxis.engine import evaluate, predict
from neuraxis.experiment import Session
from neuraxis.experiments.shared.images import Images
from neuraxis.experiments.vae.likelihood import train
from neuraxis.generative import VAE, NegativeELBO, binarise

_BETWEEN = 11  # images from one to the other, with both
_GRID = 20  # codes along each side of the plane


class Found(NamedTuple):
    """Measured results."""

    metrics: dict[str, float]
    arrays: dict[str, Any]


def measure(key: jax.Array, model: VAE, images: Images, settings: Any, session: Session) -> Found:
    """Go from image to image, and train a network with two numbers in its code."""
    keys = jax.random.split(key, 3)
    x, labels = images.test
    test = np.asarray(binarise(keys[0], x))
    flat = train(keys[1], images, 2, settings.plane_steps, "plane", settings, session).model
    codes = predict(lambda each: flat.encode(each)[0], test)
    return Found(
        {"plane_negative_elbo": evaluate(flat, NegativeELBO(), (test,), key=keys[2])},
        {
            "between": between(model, test, labels),
            "codes": codes,
            "labels": labels,
            "classes": images.classes,
            "plane": plane(flat),
        },
    )


def between(model: VAE, test: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Decode the points of straight lines from the code of one test image to that of another: (line, point, pixel)."""
    firsts = [np.flatnonzero(labels == c)[1] for c in range(10)]
    codes = np.asarray(model.encode(test[firsts])[0])
    share = np.linspace(0, 1, _BETWEEN, dtype=np.float32)[:, None]
    lines = [(1 - share) * codes[a] + share * codes[b] for a, b in ((0, 1), (2, 3), (4, 9), (5, 6), (7, 8))]
    return np.asarray(model.likelihood.mean(model.decode(np.stack(lines)))).reshape(len(lines), _BETWEEN, -1)


def plane(model: VAE) -> np.ndarray:
    """Decode codes on a grid that holds equal shares of N(0, I): (row, column, pixel), with z₂ rising upwards."""
    steps = norm.ppf((np.arange(_GRID) + 0.5) / _GRID).astype(np.float32)
    grid = np.stack(np.meshgrid(steps, steps[::-1]), axis=-1)
    return np.asarray(model.likelihood.mean(model.decode(grid))).reshape(_GRID, _GRID, -1)
