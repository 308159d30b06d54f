"""Scores of generated images, from the class probabilities and features of a classifier.

A classifier trained on real images has a high `confidence` for images that resemble them, assigns varied samples to all
classes (`class_coverage`, `class_entropy`), and its features define a distance between two sets of images
(`frechet_distance`). All scores are computed in double precision.
"""

import numpy as np
from jaxtyping import ArrayLike

from neuraxis import check
from neuraxis.errors import InputError


def confidence(probabilities: ArrayLike) -> float:
    """Return the mean over the images of the largest class probability, max_k p(k|x).

    Args:
        probabilities: p(k|x), (N, class).

    Raises:
        InputError: for probabilities that are not (N, class), not between 0 and 1, or do not sum to 1 in each row.
    """
    return float(np.mean(_probabilities(probabilities).max(axis=1)))


def class_coverage(probabilities: ArrayLike, share: float = 0.01) -> int:
    """Count the classes that are the most probable one for at least the fraction `share` of the images.

    Args:
        probabilities: p(k|x), (N, class).
        share: smallest fraction of the images that counts, in [0, 1).

    Raises:
        InputError: as for `confidence`, and for a share outside [0, 1).
    """
    check.one_number(share=share)
    check.fraction(share=share)
    p = _probabilities(probabilities)
    counts = np.bincount(p.argmax(axis=1), minlength=p.shape[1])
    return int(np.sum((counts > 0) & (counts / len(p) >= share)))


def class_entropy(probabilities: ArrayLike) -> float:
    """Return the entropy of the mean class distribution, −Σ_k p̄_k ln p̄_k with p̄_k = mean_x p(k|x) [nats].

    It is ln(number of classes) if all classes are equally frequent, and 0 if only one occurs.

    Args:
        probabilities: p(k|x), (N, class).

    Raises:
        InputError: as for `confidence`.
    """
    mean = _probabilities(probabilities).mean(axis=0)
    mean = mean[mean > 0]
    return float(np.sum(mean * np.log(1 / mean)))


def frechet_distance(a: ArrayLike, b: ArrayLike) -> float:
    """Return the squared Fréchet distance between normal distributions: ‖μ_a − μ_b‖² + tr(Σ_a + Σ_b − 2 (Σ_a Σ_b)^½).

    μ and Σ are the mean and covariance of the features. With Σ_a = AᵀA and Σ_b = BᵀB, the trace of the root is the sum
    of the singular values of ABᵀ, which requires no matrix square root and also holds for fewer examples than features.
    The distance is biased upwards, more strongly for fewer examples: compare only sets of about the same size.

    Args:
        a: features, (N, feature).
        b: features, (M, feature).

    Raises:
        InputError: for fewer than two examples, different numbers of features, or values that are not finite.

    Source: Dowson and Landau, Journal of Multivariate Analysis 12:450 (1982); Heusel et al., Advances in Neural
    Information Processing Systems 30 (2017), who took the features of an Inception network.
    """
    first, second = _examples("a", a), _examples("b", b)
    if first.shape[1] != second.shape[1]:
        raise InputError(
            f"a and b must have the same number of features, but have shapes {first.shape} and {second.shape}"
        )
    (mean_a, root_a), (mean_b, root_b) = _moments(first), _moments(second)
    overlap = np.linalg.svd(root_a @ root_b.T, compute_uv=False).sum()
    distance = np.sum((mean_a - mean_b) ** 2) + np.sum(root_a**2) + np.sum(root_b**2) - 2 * overlap
    return float(max(distance, 0.0))  # rounding errors may make it slightly negative


def _moments(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean, and R with RᵀR = Σ."""
    mean = x.mean(axis=0)
    return mean, np.asarray(np.linalg.qr((x - mean) / np.sqrt(len(x) - 1), mode="r"))


def _examples(name: str, x: ArrayLike) -> np.ndarray:
    check.finite(**{name: x})
    examples = np.asarray(check.array(name, x), float)
    if examples.ndim != 2 or len(examples) < 2 or not examples.shape[1]:
        raise InputError(f"{name} must contain two or more examples, (N, feature), but has shape {examples.shape}")
    return examples


def _probabilities(p: ArrayLike) -> np.ndarray:
    check.finite(probabilities=p)
    p = np.asarray(check.array("probabilities", p), float)
    if p.ndim != 2 or not p.size:
        raise InputError(f"probabilities must have shape (N, class), but have shape {p.shape}")
    if p.min() < 0 or np.abs(p.sum(axis=1) - 1).max() > 1e-3:
        raise InputError(
            f"probabilities must be from 0 to 1 and add up to 1 in each row, but range from {p.min():.4g} to "
            f"{p.max():.4g}, with sums from {p.sum(axis=1).min():.4g} to {p.sum(axis=1).max():.4g}"
        )
    return p
