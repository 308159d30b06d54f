import jax
import jax.numpy as jnp
import numpy as np
import pytest

from neuraxis.errors import InputError
from neuraxis.functions.borders import circular
from neuraxis.functions.convolution import cross_correlate, transposed_convolve
from neuraxis.layers import Convolution, TransposedConvolution

KEY = jax.random.key(0)
x = np.random.default_rng(0).normal(size=(2, 8, 9, 3)).astype(np.float32)


def test_adds_a_bias_for_each_kernel():
    layer = Convolution(3, 5, 3, key=KEY, stride=2, padding="same")
    assert layer.kernel.shape == (3, 3, 3, 5)
    z = layer(x)
    assert z.shape == (2, 4, 5, 5)
    np.testing.assert_allclose(z, cross_correlate(x, layer.kernel, stride=2, padding="same"))
    moved = jax.tree.map(lambda leaf: leaf + jnp.arange(5.0) if leaf.ndim == 1 else leaf, layer)
    np.testing.assert_allclose(moved(x), z + np.arange(5), rtol=1e-6)


def test_one_by_one_kernel_is_a_product_over_the_channels():
    layer = Convolution(3, 5, 1, key=KEY)
    np.testing.assert_allclose(layer(x), x @ np.asarray(layer.kernel[0, 0]), rtol=1e-4, atol=1e-5)


def test_signals_and_dilation():
    layer = Convolution(3, 5, (4,), key=KEY, dilation=2, padding=[(1, 2)])
    assert layer(x[0]).shape == (8, 9 + 3 - 6, 5)
    assert hash(layer.padding) == hash(((1, 2),))


def test_transposed_convolution_enlarges():
    layer = TransposedConvolution(3, 2, 4, key=KEY, stride=2, padding=1)
    assert layer(x).shape == (2, 16, 18, 2)
    np.testing.assert_allclose(layer(x), transposed_convolve(x, layer.kernel, stride=2, padding=1))


def test_without_bias_in_groups_and_with_a_border():
    layer = Convolution(4, 6, 3, key=KEY, bias=False, groups=2, padding=1, border=circular)
    assert layer.bias is None
    assert layer.kernel.shape == (3, 3, 2, 6)
    x = np.random.default_rng(0).normal(size=(2, 5, 6, 4)).astype(np.float32)
    moved = np.roll(x, (2, 3), (1, 2))  # a picture without borders has no fixed place
    np.testing.assert_allclose(layer(moved), np.roll(layer(x), (2, 3), (1, 2)), atol=1e-5)
    assert TransposedConvolution(3, 2, 4, key=KEY, bias=False).bias is None


def test_kernels_begin_with_he_variance():
    kernel = Convolution(16, 64, 5, key=KEY).kernel
    assert np.var(kernel) == pytest.approx(2 / (5 * 5 * 16), rel=0.05)


@pytest.mark.usefixtures("as_user")
def test_bad_input():
    for layer in (Convolution, TransposedConvolution):
        with pytest.raises(InputError, match="out_channels must be an integer of at least 1, but is 0"):
            layer(3, 0, key=KEY)
        with pytest.raises(InputError, match="size must be an integer of at least 1, but is -1"):
            layer(3, 2, (3, -1), key=KEY)
        with pytest.raises(InputError, match=r"x must have shape \(…, height, width, 4\)"):
            layer(4, 2, key=KEY)(x)
        with pytest.raises(InputError, match="stride must be an integer of at least 1, but is 0"):
            layer(3, 2, key=KEY, stride=0)
        with pytest.raises(InputError, match=r"padding must be .* but is 'full'"):
            layer(3, 2, key=KEY, padding="full")
        with pytest.raises(InputError, match="bias must be True or False, but is None"):
            layer(3, 2, key=KEY, bias=None)
        with pytest.raises(InputError, match=r"key must be one random key, .* but is 0"):
            layer(3, 2, key=0)
        with pytest.raises(InputError, match="in_channels, out_channels and size must be smaller"):
            layer(10**9, 10**9, key=KEY)
    with pytest.raises(InputError, match="in_channels and out_channels must be divisible by groups"):
        Convolution(3, 2, key=KEY, groups=2)
    with pytest.raises(InputError, match=r"larger than the padded input of size \(8, 9\), but has size \(9, 9\)"):
        Convolution(3, 2, 9, key=KEY)(x)
