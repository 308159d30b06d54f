"""Mixtures of Gaussians in the plane, which show the modes that a generative model misses."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from neuraxis import check


class Gaussians(NamedTuple):
    """A mixture of equally likely isotropic normal distributions with the same standard deviation."""

    centres: Float[np.ndarray, "mode 2"]
    deviation: float

    def draw(self, count: int, *, seed: int = 0) -> Float[np.ndarray, "count 2"]:
        """Draw points, in float32, with NumPy's default generator.

        Raises:
            InputError: for a count or a seed that is negative or not an integer.
        """
        check.whole(0, count=count, seed=seed)
        check.array_fits("count", (count, 2))
        random = np.random.default_rng(seed)
        centres = self.centres[random.integers(len(self.centres), size=count)]
        return (centres + self.deviation * random.standard_normal((count, 2))).astype(np.float32)


def ring_of_gaussians(modes: int = 8, *, radius: float = 2.0, deviation: float = 0.02) -> Gaussians:
    """Place modes evenly on a circle around the origin.

    Args:
        modes: number of modes.
        radius: radius of the circle.
        deviation: standard deviation of each mode.

    Raises:
        InputError: for a number that is not positive.

    Source: Metz, Poole, Pfau and Sohl-Dickstein, Unrolled generative adversarial networks, International Conference on
    Learning Representations (2017), section 3.1.
    """
    check.whole(modes=modes)
    check.positive(radius=radius, deviation=deviation)
    angles = 2 * np.pi * np.arange(modes) / modes
    return Gaussians(radius * np.stack([np.cos(angles), np.sin(angles)], axis=-1), float(deviation))


def grid_of_gaussians(side: int = 5, *, distance: float = 2.0, deviation: float = 0.05) -> Gaussians:
    """Place side² modes on a square grid around the origin.

    Args:
        side: number of modes along each side.
        distance: distance between neighbouring modes.
        deviation: standard deviation of each mode.

    Raises:
        InputError: for a number that is not positive.

    Source: Lin, Khetan, Fanti and Oh, PacGAN, Advances in Neural Information Processing Systems (2018), section 4.1.
    """
    check.whole(side=side)
    check.positive(distance=distance, deviation=deviation)
    along = distance * (np.arange(side) - (side - 1) / 2)
    return Gaussians(np.stack(np.meshgrid(along, along), axis=-1).reshape(-1, 2), float(deviation))
