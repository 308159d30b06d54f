import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from neuraxis.errors import InputError
from neuraxis.generative import UNet

KEY = jax.random.key(0)


def moved(network):
    """Move every weight away from where it begins, so that nothing is 0."""
    random = np.random.default_rng(0)
    return jax.tree.map(
        lambda x: x + 0.1 * random.normal(size=x.shape).astype(x.dtype) if eqx.is_inexact_array(x) else x, network
    )


apply = eqx.filter_jit(lambda network, x, time, label=None: network(x, time, label))


@pytest.fixture(scope="module")
def network():
    return moved(UNet(1, 4, (1, 2), key=KEY, classes=3, heads=2, groups=2))


@pytest.mark.slow
def test_begins_with_nothing():
    network = UNet(1, 4, (1, 2), key=KEY, heads=2, groups=2)
    assert np.all(apply(network, jax.random.normal(KEY, (6, 6, 1)), 0.5) == 0)
    assert network.classes == 0


def test_odd_images_are_filled_up_with_zeros(network):
    x = jax.random.normal(KEY, (2, 5, 7, 1))
    y = apply(network, x, 0.5, jnp.array([1, -1]))
    assert y.shape == x.shape
    filled = apply(network, jnp.pad(x, ((0, 0), (0, 1), (0, 1), (0, 0))), 0.5, jnp.array([1, -1]))
    np.testing.assert_allclose(y, filled[:, :5, :7], rtol=1e-4, atol=1e-5)


def test_is_told_time_and_class_of_every_image(network):
    x = jnp.broadcast_to(jax.random.normal(KEY, (6, 6, 1)), (4, 6, 6, 1))
    y = apply(network, x, jnp.array([0.1, 0.9, 0.1, 0.1]), jnp.array([0, 0, 1, -1]))
    assert all(np.abs(y[0] - y[i]).max() > 1e-3 for i in (1, 2, 3))


def test_every_place_sees_all_others(network):
    slope = jax.jit(jax.grad(lambda x: network(x, 0.5)[0, 0, 0]))(jax.random.normal(KEY, (6, 6, 1)))
    assert np.all(slope != 0)


@pytest.mark.usefixtures("as_user")
@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: UNet(0, key=KEY), "channels must be an integer of at least 1"),
        (lambda: UNet(1, 0, key=KEY), "width must be an integer of at least 1"),
        (lambda: UNet(1, 32, (), key=KEY), "multipliers must be a sequence of 1 or more integers"),
        (lambda: UNet(1, 32, 2, key=KEY), "multipliers must be a sequence of 1 or more integers"),
        (lambda: UNet(1, 32, (1, 0), key=KEY), r"multipliers\[1\] must be an integer"),
        (lambda: UNet(1, 12, (1, 2), key=KEY), "groups must divide all numbers of channels"),
        (lambda: UNet(1, 8, (1,), key=KEY, heads=3), "groups must divide all numbers of channels and heads"),
        (lambda: UNet(1, key=None), "key must be one random key"),
    ],
)
def test_bad_settings(call, message):
    with pytest.raises(InputError, match=message):
        call()


@pytest.mark.usefixtures("as_user")
def test_bad_input(network):
    for x, time, label, message in (
        (jnp.ones((6, 6)), 0.5, None, r"x must have shape \(…, height, width, 1\), but has shape \(6, 6\)"),
        (jnp.ones((6, 6, 3)), 0.5, None, r"x must have shape \(…, height, width, 1\)"),
        (jnp.ones((0, 6, 1)), 0.5, None, r"x must have shape \(…, height, width, 1\)"),
        ("image", 0.5, None, "x must be an array"),
        (jnp.ones((2, 6, 6, 1)), jnp.ones(3), None, "time must broadcast"),
        (jnp.ones((2, 6, 6, 1)), 0.5, 3, "labels must be between 0 and 2, or −1"),
    ):
        with pytest.raises(InputError, match=message):
            network(x, time, label)
