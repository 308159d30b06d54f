import jax
import numpy as np
import pytest

from neuraxis.population.ball import in_ball, on_sphere, spread_in_ball


@pytest.mark.parametrize("dimensions", [1, 3, 16])
def test_points_of_the_sphere_have_length_one_and_no_direction(dimensions):
    points = np.asarray(on_sphere(jax.random.key(0), 4000, dimensions))
    np.testing.assert_allclose(np.linalg.norm(points, axis=1), 1, rtol=1e-6)
    assert np.abs(points.mean(axis=0)).max() < 0.06
    np.testing.assert_allclose(points.T @ points / 4000 * dimensions, np.eye(dimensions), atol=0.1)


@pytest.mark.parametrize("dimensions", [1, 3, 40])
@pytest.mark.parametrize("draw", [lambda n, d: in_ball(jax.random.key(1), n, d), spread_in_ball])
def test_points_of_the_ball_fill_it_evenly(draw, dimensions):
    """The mean of a uniform density is 0, its covariance I/(D + 2), and r^D is uniform."""
    points = np.asarray(draw(4000, dimensions))
    assert points.shape == (4000, dimensions)
    assert np.abs(points.mean(axis=0)).max() < 0.05
    np.testing.assert_allclose(points.T @ points / 4000 * (dimensions + 2), np.eye(dimensions), atol=0.15)
    share = np.sort(np.linalg.norm(points, axis=1) ** dimensions)
    np.testing.assert_allclose(share, np.linspace(0, 1, 4000), atol=0.04)


@pytest.mark.parametrize("dimensions", [1, 3])
def test_evenly_spread_points_lie_closer_to_uniform_than_drawn_ones(dimensions):
    mean = lambda points: np.abs(np.asarray(points).mean(axis=0)).max()
    drawn = np.median([mean(in_ball(key, 2000, dimensions)) for key in jax.random.split(jax.random.key(2), 9)])
    assert mean(spread_in_ball(2000, dimensions)) < drawn / 2


def test_spread_points_in_one_dimension_are_equally_spaced():
    np.testing.assert_allclose(spread_in_ball(4, 1)[:, 0], [-0.75, -0.25, 0.25, 0.75])
