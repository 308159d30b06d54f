"""Points along curves in the plane: densities that are easy to see but hard to describe by a formula."""

import numpy as np
from jaxtyping import Float

from neuraxis import check


def two_moons(count: int, *, noise: float = 0.1, seed: int = 0) -> Float[np.ndarray, "count 2"]:
    """Draw points near two interleaving half circles.

    With an angle φ uniform in [0, π), a point is (cos φ, sin φ) or (1 − cos φ, ½ − sin φ) with equal probability, plus
    Gaussian noise. The distribution is then standardised to mean 0 and variance 1 in each coordinate.

    Args:
        count: number of points.
        noise: standard deviation of the noise, relative to the radius of the circles.
        seed: random seed.

    Raises:
        InputError: for a count or seed that is not an integer, or noise that is negative.

    Source: scikit-learn's `make_moons`.
    """
    random = _random(count, noise, seed)
    angle, lower = np.pi * random.random(count), random.random(count) < 0.5
    x = np.where(lower, 1 - np.cos(angle), np.cos(angle))
    y = np.where(lower, 0.5 - np.sin(angle), np.sin(angle))
    # Exact moments of the distribution: those of a sample would differ from sample to sample.
    middle, variance = np.array([0.5, 0.25]), np.array([0.75, 0.5 + (2 / np.pi - 0.25) ** 2 - (2 / np.pi) ** 2])
    return _scaled(np.stack([x, y], axis=-1), middle, variance, noise, random)


def swiss_roll(count: int, *, noise: float = 0.05, seed: int = 0) -> Float[np.ndarray, "count 2"]:
    """Draw points near a spiral, (φ cos φ, φ sin φ)/(4.5 π) with an angle φ uniform in [1.5 π, 4.5 π).

    With Gaussian noise added, the distribution is standardised to mean 0 and variance 1 in each coordinate.

    Args:
        count: number of points.
        noise: standard deviation of the noise, relative to the outer radius of the spiral.
        seed: random seed.

    Raises:
        InputError: for a count or seed that is not an integer, or noise that is negative.

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
