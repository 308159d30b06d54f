import jax
import jax.numpy as jnp
import numpy as np
import pytest

from neuraxis.errors import InputError
from neuraxis.layers import GroupNorm, LayerNorm, RMSNorm

random = np.random.default_rng(0)
images = random.normal(2.0, 3.0, (3, 4, 5, 6)).astype(np.float32)
LAYERS = pytest.mark.parametrize(
    "layer", [LayerNorm(6), RMSNorm(6), GroupNorm(3, 6)], ids=lambda layer: type(layer).__name__
)


def standardized(x, axes):
    x = x.astype(float)
    return (x - x.mean(axes, keepdims=True)) / np.sqrt(x.var(axes, keepdims=True) + 1e-5)


def test_the_equations_in_double_precision():
    np.testing.assert_allclose(LayerNorm(6)(images), standardized(images, -1), atol=1e-5)
    root = np.sqrt((images.astype(float) ** 2).mean(-1, keepdims=True) + 1e-5)
    np.testing.assert_allclose(RMSNorm(6)(images), images / root, atol=1e-5)
    groups = standardized(images.reshape(3, 4, 5, 3, 2), (1, 2, 4)).reshape(images.shape)
    np.testing.assert_allclose(GroupNorm(3, 6)(images), groups, atol=1e-5)
    signals = standardized(images.reshape(3, 4, 5, 2, 3), (2, 4)).reshape(images.shape)
    np.testing.assert_allclose(GroupNorm(2, 6, space=1)(images), signals, atol=1e-5)


@LAYERS
def test_gradients_by_forward_and_reverse_mode_equal_finite_differences(layer):
    def total(x, epsilon):
        changed = jax.tree.map(lambda leaf: epsilon if isinstance(leaf, float) else leaf, layer)
        return jnp.sum(changed(x) * weights)

    with jax.enable_x64(True):
        weights = random.normal(size=images.shape)
        x, direction, epsilon = images.astype(float), random.normal(size=images.shape), 0.5
        step = 1e-6
        slope = (total(x + step * direction, epsilon) - total(x - step * direction, epsilon)) / (2 * step)
        slope_epsilon = (total(x, epsilon + step) - total(x, epsilon - step)) / (2 * step)
        gradient, gradient_epsilon = jax.grad(total, argnums=(0, 1))(x, epsilon)
        np.testing.assert_allclose(np.sum(gradient * direction), slope, rtol=1e-6)
        np.testing.assert_allclose(gradient_epsilon, slope_epsilon, rtol=1e-6)
        forward = jax.jvp(total, (x, epsilon), (direction, 1.0))[1]
        np.testing.assert_allclose(forward, slope + slope_epsilon, rtol=1e-6)


@LAYERS
def test_nothing_cancels_and_half_precision_is_calculated_with_in_single(layer):
    if not isinstance(layer, RMSNorm):
        far = (1e6 + images / 3).astype(np.float32)
        np.testing.assert_allclose(layer(far), layer(far.astype(float) - 1e6), atol=2e-4)
        np.testing.assert_array_equal(layer(np.full_like(images, 2024.7)), np.zeros_like(images))
    half = (200 * images).astype(jnp.float16)
    expected = layer(half.astype(np.float32))
    assert layer(half).dtype == jnp.float32  # as the weights
    np.testing.assert_allclose(layer(half), expected, rtol=1e-5)
    all_half = jax.tree.map(lambda leaf: leaf.astype(jnp.float16) if hasattr(leaf, "dtype") else leaf, layer)
    assert all_half(half).dtype == jnp.float16
    np.testing.assert_allclose(all_half(half).astype(float), expected, atol=2e-3)


@LAYERS
def test_integers_empty_batches_and_one_feature(layer):
    whole = images.astype(np.int32)
    np.testing.assert_array_equal(layer(whole), layer(whole.astype(np.float32)))
    assert layer(images[:0]).shape == (0, 4, 5, 6)
    np.testing.assert_array_equal(LayerNorm(1)(images[..., :1]), np.zeros((3, 4, 5, 1)))
    np.testing.assert_allclose(GroupNorm(6, 6, space=0)(images), np.zeros_like(images))


@LAYERS
@pytest.mark.usefixtures("as_user")
def test_bad_input_is_refused(layer):
    with pytest.raises(InputError, match=r"h must have shape \(…, 6\), but has shape \(3, 4, 5, 5\)"):
        layer(images[..., :5])
    for wrong in (images + 1j, "text", None):
        with pytest.raises(InputError, match="h must"):
            layer(wrong)


@pytest.mark.usefixtures("as_user")
def test_bad_arguments_are_refused():
    for kind in (LayerNorm, RMSNorm, lambda size, **more: GroupNorm(1, size, **more)):
        for wrong in (0, 2.5, None):
            with pytest.raises(InputError, match=r"(size|channels) must be an integer"):
                kind(wrong)
        for wrong in (0.0, np.nan, [1.0, 2.0], 1j):
            with pytest.raises(InputError, match="epsilon must"):
                kind(6, epsilon=wrong)
    with pytest.raises(InputError, match="groups must divide the 6 channels, but is 4"):
        GroupNorm(4, 6)
    with pytest.raises(InputError, match=r"h must have 2 spatial axes and a channel axis, but has shape \(2, 6\)"):
        GroupNorm(2, 6)(np.zeros((2, 6)))
