import jax
import jax.numpy as jnp
import numpy as np
import pytest

from neuraxis.errors import InputError
from neuraxis.functions.upsampling import upsample
from neuraxis.layers import Upsampling

KEY = jax.random.key(0)


def test_doubles_height_and_width_and_adds_the_bias():
    layer = Upsampling(2, 3, key=KEY)
    x = jax.random.normal(KEY, (5, 4, 2))
    assert layer(x).shape == (10, 8, 3)
    np.testing.assert_allclose(layer(x), upsample(x, layer.kernel) + layer.bias)
    assert Upsampling(2, 3, key=KEY, space=1)(x[0]).shape == (8, 3)


@pytest.mark.usefixtures("as_user")
def test_bad_input():
    with pytest.raises(InputError, match="out_channels must be an integer of at least 1, but is 0"):
        Upsampling(1, 0, key=KEY)
    with pytest.raises(InputError, match="key must be one random key"):
        Upsampling(1, 1, key=None)
    with pytest.raises(InputError, match=r"x must have shape \(…, height, width, 2\)"):
        Upsampling(2, 3, key=KEY)(jnp.ones((4, 4, 1)))
