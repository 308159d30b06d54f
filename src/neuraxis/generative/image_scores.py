"""How good generated images are, seen through a classifier: measures of class probabilities and of features.

A classifier that was trained on real images is sure of what looks like them (`confidence`), finds all classes among
samples that are varied (`class_coverage`, `class_entropy`), and its features tell how far two sets of images lie from
each other (`frechet_distance`). All are taken in double precision.
"""

import numpy as np
from jaxtyping import ArrayLike

from neuraxis import check
from neuraxis.errors import InputError


def confidence(probabilities: ArrayLike) -> float:
    """Mean over the images of the largest class probability, max_k p(k|x).

    Args:
        probabilities: p(k|x), (N, class).

    Raises:
        InputError: for what is no table of probabilities, (N, class), each row with a sum of 1.
    """
    return float(np.mean(_probabilities(probabilities).max(axis=1)))


def class_coverage(probabilities: ArrayLike, share: float = 0.01) -> int:
    """Count the classes that at least a share of the images are taken for, each for its most probable class.

    Args:
        probabilities: p(k|x), (N, class).
        share: smallest part of the images that counts, in [0, 1).

    Raises:
        InputError: as `confidence`, and for a share outside [0, 1).
    """
    check.one_number(share=share)
    check.fraction(share=share)
    p = _probabilities(probabilities)
    counts = np.bincount(p.argmax(axis=1), minlength=p.shape[1])
    return int(np.sum((counts > 0) & (counts / len(p) >= share)))


def class_entropy(probabilities: ArrayLike) -> float:
    """Entropy of the mean class distribution, −Σ_k p̄_k ln p̄_k with p̄ = mean_x p(k|x) [nats].

    It is ln(classes) where all classes are equally frequent, and 0 where there is only one.

    Args:
        probabilities: p(k|x), (N, class).

    Raises:
        InputError: as `confidence`.
    """
    mean = _probabilities(probabilities).mean(axis=0)
    mean = mean[mean > 0]
    return float(np.sum(mean * np.log(1 / mean)))


def frechet_distance(a: ArrayLike, b: ArrayLike) -> float:
    """Squared Fréchet distance of two normal distributions: ‖μ_a − μ_b‖² + tr(Σ_a + Σ_b − 2 (Σ_a Σ_b)^½).

    μ and Σ are mean and covariance of features. With Σ_a = AᵀA and Σ_b = BᵀB the trace of the root is the sum of the
    singular values of ABᵀ, which needs no root of a matrix and holds for fewer examples than features, too. It is
    biased upwards, the more so the fewer examples there are: compare only sets of about the same size.

    Args:
        a: features, (N, feature).
        b: features, (M, feature).

    Raises:
        InputError: for fewer than two examples, other shapes, and numbers that are not finite.

    Source: Dowson and Landau, Journal of Multivariate Analysis 12:450 (1982); Heusel et al., Advances in Neural
    Information Processing Systems 30 (2017), who took the features of an Inception network.
    """
    first, second = _examples("a", a), _examples("b", b)
    if first.shape[1] != second.shape[1]:
        raise InputError(f"a and b must have equally many features, but have shapes {first.shape} and {second.shape}")
    (mean_a, root_a), (mean_b, root_b) = _moments(first), _moments(second)
    overlap = np.linalg.svd(root_a @ root_b.T, compute_uv=False).sum()
    distance = np.sum((mean_a - mean_b) ** 2) + np.sum(root_a**2) + np.sum(root_b**2) - 2 * overlap
    return float(max(distance, 0.0))  # rounding may leave a little less


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
