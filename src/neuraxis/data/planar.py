"""Points in the plane that lie along curves: densities that are easy to see and hard to describe by a formula."""

import numpy as np
from jaxtyping import Float

from neuraxis import check


def two_moons(count: int, *, noise: float = 0.1, seed: int = 0) -> Float[np.ndarray, "count 2"]:
    """Draw points near two half circles that reach into each other.

    With an angle φ that is uniform in [0, π): (cos φ, sin φ) or (1 − cos φ, ½ − sin φ), each half of the time, and
    normal noise. The points are then shifted and scaled as a whole, to mean 0 and variance 1 in either coordinate.

    Args:
        count: number of points.
        noise: standard deviation of the noise, where the circles have a radius of 1.
        seed: of the draw.

    Raises:
        InputError: for a count or seed that is not whole, or noise that is negative.

    Source: scikit-learn's `make_moons`.
    """
    random = _random(count, noise, seed)
    angle, lower = np.pi * random.random(count), random.random(count) < 0.5
    x = np.where(lower, 1 - np.cos(angle), np.cos(angle))
    y = np.where(lower, 0.5 - np.sin(angle), np.sin(angle))
    # The moments of the whole density: those of a sample would differ from sample to sample.
    middle, variance = np.array([0.5, 0.25]), np.array([0.75, 0.5 + (2 / np.pi - 0.25) ** 2 - (2 / np.pi) ** 2])
    return _scaled(np.stack([x, y], axis=-1), middle, variance, noise, random)


def swiss_roll(count: int, *, noise: float = 0.05, seed: int = 0) -> Float[np.ndarray, "count 2"]:
    """Draw points near a spiral, (φ cos φ, φ sin φ)/(4.5 π) with an angle φ that is uniform in [1.5 π, 4.5 π).

    They are then shifted and scaled as a whole, to mean 0 and variance 1 in either coordinate.

    Args:
        count: number of points.
        noise: standard deviation of the noise, where the spiral ends at a radius of 1.
        seed: of the draw.

    Raises:
        InputError: for a count or seed that is not whole, or noise that is negative.

    Source: scikit-learn's `make_swiss_roll`, seen from above.
    """
    random = _random(count, noise, seed)
    angle = np.pi * (1.5 + 3 * random.random(count))
    points = _spiral(angle)
    whole = _spiral(np.pi * (1.5 + 3 * (np.arange(100_000) + 0.5) / 100_000))
    return _scaled(points, whole.mean(0), whole.var(0), noise, random)


def _spiral(angle: np.ndarray) -> np.ndarray:
    return np.stack([angle * np.cos(angle), angle * np.sin(angle)], axis=-1) / (4.5 * np.pi)


def _random(count: int, noise: float, seed: int) -> np.random.Generator:
    check.whole(0, count=count, seed=seed)
    check.not_negative(noise=noise)
    check.one_number(noise=noise)
    check.array_fits("count", (count, 2))
    return np.random.default_rng(seed)


def _scaled(
    points: np.ndarray, mean: np.ndarray, variance: np.ndarray, noise: float, random: np.random.Generator
) -> np.ndarray:
    noisy = points + noise * random.normal(size=points.shape)
    return ((noisy - mean) / np.sqrt(variance + noise**2)).astype(np.float32)
