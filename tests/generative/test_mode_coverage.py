import numpy as np
import pytest

from neuraxis.data import grid_of_gaussians, ring_of_gaussians
from neuraxis.errors import InputError
from neuraxis.generative import ModeCoverage, coverage_of_labels, coverage_of_points

CENTRES = [[0.0, 0.0], [4.0, 0.0], [0.0, 4.0]]


def test_points_belong_to_the_nearest_mode_within_three_deviations():
    points = [[0.0, 0.29], [0.0, -0.31], [4.2, 0.2], [4.0, 0.0], [2.0, 0.0], [-0.1, 0.1]]
    found = coverage_of_points(points, CENTRES, 0.1)
    np.testing.assert_array_equal(found.counts, [2, 2, 0])
    assert (found.covered(), found.samples) == (2, 6)
    assert found.share == pytest.approx(4 / 6)
    assert found.divergence == pytest.approx(np.log(1.5))  # half and half instead of thirds


@pytest.mark.parametrize("mixture", [ring_of_gaussians(), grid_of_gaussians()])
def test_the_data_themselves(mixture):
    """A share 1 − e^(−9/2) of a normal distribution in the plane lies within three deviations."""
    found = coverage_of_points(mixture.draw(20_000, seed=1), mixture.centres, mixture.deviation)
    assert found.covered(0.8) == len(mixture.centres)
    assert found.share == pytest.approx(1 - np.exp(-4.5), abs=0.004)
    assert found.divergence < 0.002


def test_a_mode_with_too_few_samples_can_be_left_out():
    found = ModeCoverage(np.array([90, 9, 2, 1, 0]), 110)  # an even share is 22
    assert [found.covered(least) for least in (0.0, 0.09, 0.1, 0.4, 0.5)] == [4, 3, 2, 2, 1]


def test_labels():
    found = coverage_of_labels(np.array([3, 3, 0, 3]), 4)
    np.testing.assert_array_equal(found.counts, [1, 0, 0, 3])
    assert (found.covered(), found.share) == (2, 1.0)
    assert found.divergence == pytest.approx(0.25 * np.log(1) + 0.75 * np.log(3))


def test_where_no_sample_belongs_to_a_mode():
    found = coverage_of_points([[9.0, 9.0]], CENTRES, 0.1)
    assert (found.covered(), found.share, found.divergence) == (0, 0.0, np.inf)
    assert ModeCoverage(np.array([5, 5]), 10).divergence == 0


@pytest.mark.usefixtures("as_user")
def test_bad_arguments_are_refused():
    for call, words in (
        (lambda: coverage_of_points([[0.0, np.nan]], CENTRES, 0.1), "samples must be finite"),
        (lambda: coverage_of_points([[0.0, 0.0, 0.0]], CENTRES, 0.1), r"samples must have shape \(…, 2\)"),
        (lambda: coverage_of_points([], CENTRES, 0.1), "samples must be an array of points"),
        (lambda: coverage_of_points([[0.0, 0.0]], [1.0, 2.0], 0.1), "centres must be an array of points"),
        (lambda: coverage_of_points([[0.0, 0.0]], CENTRES, 0.0), "deviation must be positive"),
        (lambda: coverage_of_points("points", CENTRES, 0.1), "samples must be an array of numbers"),
        (lambda: coverage_of_labels([0, 4], 4), "labels must be between 0 and 3"),
        (lambda: coverage_of_labels([0.5], 4), "labels must be integers"),
        (lambda: coverage_of_labels(np.array([], int), 4), "labels must contain the mode"),
        (lambda: coverage_of_labels([0], 0), "modes must be an integer"),
    ):
        with pytest.raises(InputError, match=words):
            call()
