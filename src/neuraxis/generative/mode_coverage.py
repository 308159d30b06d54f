"""Coverage of the modes of the data by the samples of a generative model."""

from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Int

from neuraxis import check
from neuraxis.errors import InputError


class ModeCoverage(NamedTuple):
    """Distribution of samples over the modes of the data."""

    counts: Int[np.ndarray, " mode"]
    """Number of samples assigned to each mode."""
    samples: int
    """Number of all samples, including those assigned to no mode."""

    def covered(self, least: float = 0.0) -> int:
        """Count the modes with at least one sample, and at least the fraction `least` of an even share of all samples.

        The literature counts all modes with a sample, even those crossed only by samples between other modes.
        """
        check.not_negative(least=least)
        return int(np.count_nonzero(self.counts >= np.maximum(1, least * self.samples / len(self.counts))))

    @property
    def share(self) -> float:
        """Fraction of the samples assigned to a mode."""
        return float(self.counts.sum() / self.samples)

    @property
    def divergence(self) -> float:
        """KL(p ‖ uniform) = Σ p ln(p K) [nats], with the fractions p of the K modes among the assigned samples."""
        p = self.counts[self.counts > 0] / max(1, self.counts.sum())
        return float(np.sum(p * np.log(p * len(self.counts)))) if len(p) else float("inf")


def coverage_of_points(samples: Any, centres: Any, deviation: float) -> ModeCoverage:
    """Count samples (N, d) by mode: each is assigned to the nearest centre (K, d), if within 3 deviations of it.

    In the plane, this holds for 98.9 % of the samples of normal modes.

    Raises:
        InputError: for samples or centres that are not a non-empty array of finite points, or a deviation that is not
            positive.

    Source: Srivastava, Valkov, Russell, Gutmann and Sutton, VEEGAN, Advances in Neural Information Processing Systems
    (2017), section 5.1.
    """
    from scipy.spatial import KDTree

    check.positive(deviation=deviation)
    points, modes = (np.asarray(check.array(name, x)) for name, x in (("samples", samples), ("centres", centres)))
    for name, x in (("samples", points), ("centres", modes)):
        if x.ndim != 2 or not x.size:
            raise InputError(f"{name} must be an array of points, (number, coordinate), but has shape {x.shape}")
    check.last_axis(modes.shape[1], samples=points)
    check.finite(samples=points, centres=modes)
    distance, nearest = KDTree(modes).query(points)
    found = np.asarray(nearest)[np.asarray(distance) <= 3 * deviation]
    return ModeCoverage(np.bincount(found, minlength=len(modes)), len(points))


def coverage_of_labels(labels: Any, modes: int) -> ModeCoverage:
    """Count samples by mode, from the labels that a classifier assigned to them, integers from 0 to `modes` − 1.

    Raises:
        InputError: for labels that are not such integers, or empty.
    """
    check.whole(modes=modes)
    check.labels(labels, modes)
    given = np.asarray(check.array("labels", labels)).ravel()
    if not given.size:
        raise InputError("labels must contain the mode of at least one sample, but are empty")
    return ModeCoverage(np.bincount(given, minlength=modes), len(given))
