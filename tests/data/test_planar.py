import numpy as np
import pytest

from neuraxis.data import swiss_roll, two_moons
from neuraxis.errors import InputError


@pytest.mark.parametrize("draw", [two_moons, swiss_roll])
def test_has_mean_0_and_variance_1(draw):
    x = draw(40_000, seed=3)
    assert (x.shape, x.dtype) == ((40_000, 2), np.float32)
    np.testing.assert_allclose(x.mean(0), 0, atol=0.02)
    np.testing.assert_allclose(x.var(0), 1, atol=0.02)
    np.testing.assert_array_equal(x[:3], draw(40_000, seed=3)[:3])
    assert np.any(x[:3] != draw(40_000, seed=4)[:3])


def test_moons_without_noise_lie_on_two_half_circles():
    x = two_moons(500, noise=0.0) * np.sqrt([0.75, 0.24419]) + [0.5, 0.25]
    upper, lower = np.hypot(*x.T), np.hypot(x[:, 0] - 1, x[:, 1] - 0.5)
    assert np.all(np.minimum(abs(upper - 1), abs(lower - 1)) < 1e-4)


@pytest.mark.usefixtures("as_user")
def test_bad_input():
    with pytest.raises(InputError, match="count must be an integer"):
        two_moons(1.5)
    with pytest.raises(InputError, match="noise must be finite and not negative"):
        swiss_roll(10, noise=-1.0)
