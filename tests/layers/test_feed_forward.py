import jax
import numpy as np
import pytest

from neuraxis.errors import InputError
from neuraxis.functions import squared_relu
from neuraxis.layers import FeedForward

KEY = jax.random.key(0)


def test_is_two_products_with_an_activation_between():
    layer = FeedForward(4, 6, key=KEY, activation=squared_relu)
    x = np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32)
    hidden = np.maximum(x @ layer.up.weight, 0) ** 2
    np.testing.assert_allclose(layer(x), hidden @ layer.down.weight, atol=1e-5)
    assert FeedForward(4, 6, key=KEY, bias=False).down.bias is None


def test_bad_input_is_refused(as_user):
    with pytest.raises(InputError, match="hidden_size must be an integer"):
        FeedForward(4, 0, key=KEY)
    with pytest.raises(InputError, match="activation must be a function"):
        FeedForward(4, 6, key=KEY, activation="relu")  # pyright: ignore
    with pytest.raises(InputError, match=r"x must have shape \(…, 4\)"):
        FeedForward(4, 6, key=KEY)(np.zeros(5))
