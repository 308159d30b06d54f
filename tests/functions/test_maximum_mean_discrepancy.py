import numpy as np
import pytest

from neuraxis.errors import InputError
from neuraxis.functions.maximum_mean_discrepancy import maximum_mean_discrepancy

random = np.random.default_rng(0)


def test_is_the_definition():
    x, y, bandwidths = random.normal(size=(6, 2)), random.normal(size=(4, 2)) + 1, (0.5, 2.0)

    def mean(a, b):
        return np.mean([np.exp(-np.sum((p - q) ** 2) / (2 * h * h)) for p in a for q in b for h in bandwidths])

    expected = np.sqrt(mean(x, x) + mean(y, y) - 2 * mean(x, y))
    assert float(maximum_mean_discrepancy(x, y, bandwidths)) == pytest.approx(expected, rel=1e-4)
    assert float(maximum_mean_discrepancy(x + 100, y + 100, bandwidths)) == pytest.approx(expected, rel=1e-2)


def test_tells_equal_from_different():
    x, y = random.normal(size=(2, 500, 3))
    same, other = (float(maximum_mean_discrepancy(x, z, 1.0)) for z in (y, y + 0.5))
    assert same < 0.06 < 0.15 < other
    assert float(maximum_mean_discrepancy(x, x, 1.0)) < 1e-3


@pytest.mark.usefixtures("as_user")
@pytest.mark.parametrize(
    ("x", "y", "bandwidths", "message"),
    [
        (np.ones((3, 2)), np.ones((3, 1)), 1.0, r"have shapes \(3, 2\) and \(3, 1\)"),
        (np.ones((0, 2)), np.ones((3, 2)), 1.0, "with points in both"),
        (np.ones((3, 2)), np.full((3, 2), np.nan), 1.0, "y must be finite"),
        (np.ones((3, 2)), np.ones((3, 2)), 0.0, "bandwidths must be positive"),
    ],
)
def test_bad_input(x, y, bandwidths, message):
    with pytest.raises(InputError, match=message):
        maximum_mean_discrepancy(x, y, bandwidths)
