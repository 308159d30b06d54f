"""The error against the number of neurons, split into noise and distortion."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from neuraxis.population import Ensemble, solve_decoders

POINTS = 1000  # at which decoders are solved; as many others measure the error


def measure(key: Array, settings: Any) -> tuple[dict[str, float], dict[str, Any]]:
    """Measure both parts of the squared error of many ensembles of each size, and their slopes."""
    sizes = np.array(sorted(set(settings.sizes)))
    keys = jax.random.split(key, settings.ensembles)
    # (size, ensemble, part)
    parts = np.array([[program(each) for each in keys] for program in (_program(int(n), settings) for n in sizes)])
    distortion, noise = np.log(parts).mean(axis=1).T  # of the geometric mean
    lines = [np.polyfit(np.log(sizes), part, 1) for part in (distortion, noise)]
    metrics = {
        "distortion_slope": lines[0][0],
        "noise_slope": lines[1][0],
        "noise_prediction_error": _prediction_error(keys[0], settings),
    }
    return metrics, {"sizes": sizes, "error_parts": parts, "error_lines": np.array(lines)}


def _program(size: int, settings: Any) -> Callable[[Array], tuple[Array, Array]]:
    """Compile what is measured of one ensemble of that size."""
    return jax.jit(lambda key: _parts(key, size, settings))


def _parts(key: Array, size: int, settings: Any) -> tuple[Array, Array]:
    """Return the mean squared error of x without noise, and what noise adds: σ² ‖d‖²."""
    decoders, sigma, activities, x = _solved(key, size, settings)
    return jnp.mean(jnp.square(activities @ decoders - x)), sigma**2 * jnp.sum(decoders**2)


def _solved(key: Array, size: int, settings: Any) -> tuple[Array, Array, Array, Array]:
    """Solve at some points; give the decoders, σ, and activities at other points."""
    edge = settings.intercept
    ensemble = Ensemble(size, 1, intercepts=(-edge, edge), key=key)
    points = jnp.linspace(-1, 1, POINTS)[:, None]
    between = (points[1:] + points[:-1]) / 2
    activities = ensemble.rates(points)
    sigma = settings.noise * jnp.max(activities)
    return solve_decoders(activities, points, settings.noise), sigma, ensemble.rates(between), between


def _prediction_error(key: Array, settings: Any) -> float:
    """Draw the noise, and give by which share the error that it makes differs from the one that was predicted."""
    decoders, sigma, activities, x = (np.asarray(a, float) for a in _solved(key, settings.neurons, settings))
    rng = np.random.default_rng(settings.seed)
    noisy = [np.mean(((activities + sigma * rng.normal(size=activities.shape)) @ decoders - x) ** 2) for _ in range(20)]
    predicted = np.mean((activities @ decoders - x) ** 2) + sigma**2 * np.sum(decoders**2)
    return float(abs(np.mean(noisy) / predicted - 1))
