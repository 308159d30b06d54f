import jax
import numpy as np
import pytest

from neuraxis.errors import InputError
from neuraxis.functions.pooling import global_max_pool, global_mean_pool, max_pool, mean_pool
from neuraxis.layers import Flatten, GlobalMaxPool, GlobalMeanPool, MaxPool, MeanPool

x = np.random.default_rng(0).normal(size=(2, 6, 4, 3)).astype(np.float32)


def test_are_the_functions():
    for layer, function in ((MaxPool, max_pool), (MeanPool, mean_pool)):
        np.testing.assert_array_equal(layer()(x), function(x))
        np.testing.assert_array_equal(layer((3,), 1)(x), function(x, (3,), 1))
    np.testing.assert_array_equal(GlobalMaxPool(axes=2)(x), global_max_pool(x, axes=2))
    np.testing.assert_array_equal(GlobalMeanPool(axes=1)(x), global_mean_pool(x, axes=1))
    np.testing.assert_array_equal(Flatten(axes=3)(x), x.reshape(2, -1))
    assert Flatten(axes=3)(x[:0]).shape == (0, 72)


@pytest.mark.usefixtures("as_user")
def test_settings_are_numbers_that_compiled_programs_can_depend_on():
    layer = MaxPool([np.int64(2), 3], np.int32(1))
    assert (layer.size, layer.stride) == ((2, 3), (1, 1))
    assert layer == MaxPool((2, 3), (1, 1))
    assert jax.jit(lambda layer, x: layer(x), static_argnums=0)(layer, x).shape == (2, 5, 2, 3)


@pytest.mark.usefixtures("as_user")
def test_bad_input():
    for bad in (0, 2.0, True, "2", None, (), (2, None), np.ones(2)):
        for layer in (MaxPool, MeanPool):
            with pytest.raises(InputError, match="size must"):
                layer(bad)
        for of_axes in (GlobalMaxPool, GlobalMeanPool, Flatten):
            with pytest.raises(InputError, match="axes must be an integer of at least 1"):
                of_axes(axes=bad)
    with pytest.raises(InputError, match=r"stride must be .* one for each .* \(height, width\), but is \(1,\)"):
        MaxPool(2, (1,))
    with pytest.raises(InputError, match=r"x must have at least 3 axes to be flattened, but has shape \(4, 3\)"):
        Flatten(axes=3)(x[0, 0])
