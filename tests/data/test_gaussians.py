import numpy as np
import pytest

from neuraxis.data import grid_of_gaussians, ring_of_gaussians
from neuraxis.errors import InputError


def test_a_ring():
    ring = ring_of_gaussians(8, radius=2.0, deviation=0.02)
    np.testing.assert_allclose(np.hypot(*ring.centres.T), 2.0)
    apart = np.linalg.norm(ring.centres - np.roll(ring.centres, 1, axis=0), axis=1)
    np.testing.assert_allclose(apart, 4 * np.sin(np.pi / 8))  # sides of an octagon


def test_a_grid():
    grid = grid_of_gaussians(5, distance=2.0)
    expected = {(x, y) for x in (-4, -2, 0, 2, 4) for y in (-4, -2, 0, 2, 4)}
    assert set(map(tuple, grid.centres)) == expected
    np.testing.assert_array_equal(grid_of_gaussians(1).centres, [[0, 0]])


def test_what_is_drawn_is_spread_as_it_should_be():
    grid = grid_of_gaussians(3, deviation=0.05)
    x = grid.draw(30_000, seed=1)
    assert x.dtype == np.float32
    nearest = np.argmin(np.linalg.norm(x[:, None] - grid.centres, axis=-1), axis=1)
    np.testing.assert_allclose(np.bincount(nearest) / len(x), 1 / 9, atol=0.01)
    np.testing.assert_allclose(np.std(x - grid.centres[nearest], axis=0), 0.05, rtol=0.02)


def test_one_seed_gives_the_same_points():
    ring = ring_of_gaussians()
    np.testing.assert_array_equal(ring.draw(9, seed=3), ring.draw(9, seed=3))
    assert not np.allclose(ring.draw(9, seed=3), ring.draw(9, seed=4))
    assert ring.draw(0).shape == (0, 2)


@pytest.mark.usefixtures("as_user")
def test_bad_arguments_are_refused():
    for call, words in (
        (lambda: ring_of_gaussians(0), "modes must be an integer"),
        (lambda: ring_of_gaussians(radius=-1.0), "radius must be positive"),
        (lambda: ring_of_gaussians(deviation=0.0), "deviation must be positive"),
        (lambda: grid_of_gaussians(2.5), "side must be an integer"),
        (lambda: grid_of_gaussians(distance=np.nan), "distance must be positive"),
        (lambda: ring_of_gaussians().draw(-1), "count must be an integer"),
        (lambda: ring_of_gaussians().draw(1, seed=-1), "seed must be an integer"),
    ):
        with pytest.raises(InputError, match=words):
            call()
