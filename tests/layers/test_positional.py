import numpy as np
import pytest

from neuraxis.errors import InputError
from neuraxis.functions import rotate, sinusoidal_encoding
from neuraxis.layers import RotaryPositions, SinusoidalPositions

random = np.random.default_rng(0)
x = random.normal(size=(2, 5, 4)).astype(np.float32)


def test_sinusoidal_positions_are_added():
    np.testing.assert_allclose(SinusoidalPositions()(x) - x, [sinusoidal_encoding(np.arange(5), 4)] * 2, atol=1e-6)
    last = SinusoidalPositions()(x[:, -1:], positions=np.array([4]))
    np.testing.assert_allclose(last, SinusoidalPositions()(x)[:, -1:], atol=1e-6)


def test_rotary_positions_turn():
    np.testing.assert_allclose(RotaryPositions(100.0)(x), rotate(x, np.arange(5), 100.0), atol=1e-6)


@pytest.mark.parametrize("layer", [SinusoidalPositions(), RotaryPositions()])
def test_bad_input_is_refused(as_user, layer):
    with pytest.raises(InputError, match=r"x must have shape \(…, time, feature\), but has shape \(4,\)"):
        layer(np.zeros(4))
    with pytest.raises(InputError, match=r"positions must broadcast to the state's shape|positions must"):
        layer(x, positions=np.arange(6))
    with pytest.raises(InputError, match="base must be positive"):
        type(layer)(base=0.0)
