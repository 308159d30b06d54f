import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from neuraxis.errors import InputError
from neuraxis.functions.upsampling import upsample

random = np.random.default_rng(0)


def draw(*shape):
    return random.normal(size=shape).astype(np.float32)


def nearest_then_correlate(x, kernel):
    """Repeat every entry, and let XLA correlate with zeros around."""
    space = kernel.ndim - 2
    for axis in range(1, 1 + space):
        x = jnp.repeat(x, 2, axis)
    letters = "HW"[:space]
    order = (f"N{letters}C", f"{letters}IO", f"N{letters}C")
    return lax.conv_general_dilated(x, kernel, (1,) * space, "SAME", dimension_numbers=order)


@pytest.mark.parametrize("space", [1, 2])
def test_is_nearest_neighbours_and_then_a_convolution(space):
    x, kernel = draw(2, *(5, 4)[:space], 3), draw(*(3,) * space, 3, 2)
    dy = draw(2, *(10, 8)[:space], 2)

    @jax.jit
    def both(x, kernel):
        return [(y, *pull(dy)) for y, pull in (jax.vjp(f, x, kernel) for f in (upsample, nearest_then_correlate))]

    ours, theirs = both(x, kernel)
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4)


def test_a_constant_image_stays_constant_inside():
    y = upsample(jnp.ones((4, 4, 1)), jnp.ones((3, 3, 1, 1)))
    np.testing.assert_array_equal(y[1:-1, 1:-1], 9)
    np.testing.assert_array_equal(y[0, 1:-1], 6)


@pytest.mark.usefixtures("as_user")
def test_bad_input():
    with pytest.raises(InputError, match=r"with 3 along each spatial axis, but has shape \(2, 2, 1, 1\)"):
        upsample(jnp.ones((4, 4, 1)), jnp.ones((2, 2, 1, 1)))
    with pytest.raises(InputError, match=r"with 3 along each spatial axis, but has shape \(3, 3\)"):
        upsample(jnp.ones((4, 4, 3)), jnp.ones((3, 3)))
    with pytest.raises(InputError, match=r"x must have shape \(…, height, width, 2\)"):
        upsample(jnp.ones((4, 4, 1)), jnp.ones((3, 3, 2, 1)))
