import math

import numpy as np
import pytest
from scipy.linalg import sqrtm

from neuraxis.errors import InputError
from neuraxis.generative.image_scores import class_coverage, class_entropy, confidence, frechet_distance

RANDOM = np.random.default_rng(0)
P = np.array([[0.7, 0.3, 0.0], [0.1, 0.9, 0.0], [0.4, 0.6, 0.0]])


def test_confidence_coverage_and_entropy_by_hand():
    assert confidence(P) == pytest.approx((0.7 + 0.9 + 0.6) / 3)
    assert class_coverage(P) == 2
    assert class_coverage(P, 0.5) == 1
    assert class_entropy(P) == pytest.approx(-(0.4 * math.log(0.4) + 0.6 * math.log(0.6)))
    assert class_entropy(np.eye(10)) == pytest.approx(math.log(10))
    assert class_entropy(np.eye(2)[:1]) == 0


def test_a_share_is_reached_by_exactly_as_many():
    p = np.eye(2)[[0] * 99 + [1]]
    assert class_coverage(p, 0.01) == 2
    assert class_coverage(np.concatenate([p, p[:1]]), 0.01) == 1


def test_frechet_distance_agrees_with_the_root_of_the_product():
    a = RANDOM.normal(size=(40, 5)) @ RANDOM.normal(size=(5, 5))
    b = RANDOM.normal(size=(30, 5)) * [1, 2, 3, 4, 5] + 1
    cov_a, cov_b = np.cov(a.T), np.cov(b.T)
    expected = np.sum((a.mean(0) - b.mean(0)) ** 2) + np.trace(cov_a + cov_b - 2 * sqrtm(cov_a @ cov_b).real)
    assert frechet_distance(a, b) == pytest.approx(expected, rel=1e-9)
    assert frechet_distance(b, a) == pytest.approx(expected, rel=1e-9)


def test_frechet_distance_of_normal_distributions_with_diagonal_covariances():
    """It is ‖μ_a − μ_b‖² + ‖σ_a − σ_b‖²; examples that have exactly these moments are made by whitening."""
    x = RANDOM.normal(size=(50, 3))
    x = np.linalg.qr(x - x.mean(0))[0] * np.sqrt(49)
    mean, sigma_a, sigma_b = np.array([1.0, -2.0, 0.5]), np.array([1.0, 2.0, 3.0]), np.array([2.0, 2.0, 0.5])
    expected = np.sum(mean**2) + np.sum((sigma_a - sigma_b) ** 2)
    assert frechet_distance(x * sigma_a, x * sigma_b + mean) == pytest.approx(expected)


def test_fewer_examples_than_features():
    a, b = RANDOM.normal(size=(4, 9)), RANDOM.normal(size=(6, 9))
    trace = np.sum(np.sqrt(np.maximum(np.linalg.eigvals(np.cov(a.T) @ np.cov(b.T)).real, 0)))
    expected = np.sum((a.mean(0) - b.mean(0)) ** 2) + np.trace(np.cov(a.T) + np.cov(b.T)) - 2 * trace
    assert frechet_distance(a, b) == pytest.approx(expected, rel=1e-6)
    assert frechet_distance(a, a) == pytest.approx(0, abs=1e-12)


@pytest.mark.usefixtures("as_user")
def test_bad_arguments_are_refused():
    for call, words in (
        (lambda: confidence([0.5, 0.5]), r"probabilities must have shape \(N, class\), but have shape \(2,\)"),
        (lambda: confidence([[0.5, 0.6]]), "add up to 1 in each row"),
        (lambda: confidence([[2.0, -1.0]]), "from 0 to 1"),
        (lambda: class_entropy([[np.nan, 1.0]]), "probabilities must be finite, but contains nan"),
        (lambda: class_coverage(P, 1.0), r"share must lie in \[0, 1\)"),
        (lambda: frechet_distance([[1.0]], [[1.0], [2.0]]), "a must contain two or more examples"),
        (lambda: frechet_distance(np.ones((3, 2)), np.ones((3, 1))), "the same number of features"),
        (lambda: frechet_distance(np.ones((3, 2)), "b"), "b must be a number"),
    ):
        with pytest.raises(InputError, match=words):
            call()
