import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg

from neuraxis.errors import InputError
from neuraxis.functions.principal_components import principal_angles, principal_components

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 6)) @ np.diag([5.0, 3.0, 2.0, 1.0, 0.5, 0.1]) @ RNG.normal(size=(6, 6)) + 10.0


def test_components_are_those_of_the_covariance():
    found = principal_components(X, 3)
    variances, vectors = np.linalg.eigh(np.cov(X.T))
    np.testing.assert_allclose(found.mean, X.mean(0), rtol=1e-6)
    np.testing.assert_allclose(found.variances, variances[::-1][:3], rtol=1e-4)
    np.testing.assert_allclose(found.total_variance, variances.sum(), rtol=1e-4)
    overlaps = np.asarray(found.directions) @ vectors[:, ::-1][:, :3]
    np.testing.assert_allclose(np.abs(overlaps), np.eye(3), atol=1e-3)
    directions = np.asarray(found.directions)
    assert np.all(directions[np.arange(3), np.abs(directions).argmax(1)] > 0)


def test_fewer_examples_than_features():
    found = principal_components(X[:3], 3)
    np.testing.assert_allclose(found.variances[2], 0, atol=1e-6)
    np.testing.assert_allclose(found.total_variance, X[:3].var(0, ddof=1).sum(), rtol=1e-4)


@pytest.mark.parametrize(("p", "q"), [(3, 3), (4, 2), (2, 4), (6, 2)])
def test_angles_are_scipys(p, q):
    a, b = RNG.normal(size=(6, p)), RNG.normal(size=(6, q))
    np.testing.assert_allclose(
        principal_angles(a, b), scipy.linalg.subspace_angles(a, b), atol=2e-3 if p == 6 else 1e-5
    )


@pytest.mark.parametrize("angle", [1e-6, 1e-3, 0.5, 1.5])
def test_an_angle_that_is_known(angle):
    """A small one, too, whose cosine is 1 in single precision."""
    a, b = jnp.eye(5)[:, :2], jnp.eye(5)[:, :2].at[:, 1].set(0)
    b = b.at[1, 1].set(np.cos(angle)).at[3, 1].set(np.sin(angle))
    np.testing.assert_allclose(principal_angles(a, 7.0 * b), [angle, 0], rtol=1e-5, atol=1e-10)


def test_double_precision():
    with jax.enable_x64(True):
        found = principal_components(X, 2)
        assert found.directions.dtype == jnp.float64
        np.testing.assert_allclose(found.variances, np.linalg.eigvalsh(np.cov(X.T))[::-1][:2], rtol=1e-12)


@pytest.mark.usefixtures("as_user")
@pytest.mark.parametrize(
    ("x", "count", "words"),
    [
        (X, 7, "count must be at most 6"),
        (X, 0, "count must be an integer"),
        (X[:1], 1, "at least two examples"),
        (X[0], 1, r"x must have shape \(N, feature\), but has shape \(6,\)"),
        (np.where(X > 12, np.nan, X), 1, "x must be finite"),
        (X + 1j, 1, "real numbers"),
        ("text", 1, "x must be an array of numbers"),
    ],
)
def test_bad_data_are_refused(x, count, words):
    with pytest.raises(InputError, match=words):
        principal_components(x, count)


@pytest.mark.usefixtures("as_user")
@pytest.mark.parametrize(
    ("a", "b", "words"),
    [
        (X, X[:5], "equally many rows"),
        (X[:4], X[:4], "the columns of a must be linearly independent"),
        (X[:, :2], X[:, [0, 0]], "the columns of b must be linearly independent"),
        (X[:, :2], np.zeros((40, 0)), r"b must have shape \(n, q\)"),
    ],
)
def test_bad_subspaces_are_refused(a, b, words):
    with pytest.raises(InputError, match=words):
        principal_angles(a, b)
