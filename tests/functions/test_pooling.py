from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from neuraxis.errors import InputError
from neuraxis.functions.pooling import max_pool, mean_pool

random = np.random.default_rng(0)


def windows(x, size, stride):
    """(batch, *space, *size, channel) views of x, by NumPy."""
    axes = tuple(range(1, 1 + len(size)))
    every = np.lib.stride_tricks.sliding_window_view(x, size, axes)
    every = every[(slice(None), *(slice(None, None, s) for s in stride))]
    return np.moveaxis(every, 1 + len(size), -1)


@pytest.mark.parametrize(
    ("size", "stride"), [((2, 2), (2, 2)), ((3, 3), (2, 2)), ((2, 3), (1, 2)), ((3, 2), (3, 2)), ((2,), (2,))]
)
def test_values_and_gradients(size, stride):
    shape = (2, 9, 8, 3) if len(size) == 2 else (2, 9, 3)
    x = random.normal(size=shape).astype(np.float32)
    x[0, :2] = 0.5  # ties
    inside = windows(x, size, stride)
    axes = tuple(range(1 + len(size), 1 + 2 * len(size)))

    np.testing.assert_array_equal(max_pool(x, size, stride), inside.max(axes))
    np.testing.assert_allclose(mean_pool(x, size, stride), inside.mean(axes), rtol=1e-5, atol=1e-6)
    dy = random.normal(size=inside.max(axes).shape).astype(np.float32)
    dx = np.zeros_like(x)
    for place in np.ndindex(dy.shape):
        batch, *where, channel = place
        first = [s * i for s, i in zip(stride, where, strict=True)]
        window = x[(batch, *(slice(f, f + k) for f, k in zip(first, size, strict=True)), channel)]
        winner = np.unravel_index(np.argmax(window), window.shape)  # the first of the largest
        dx[(batch, *(f + w for f, w in zip(first, winner, strict=True)), channel)] += dy[place]
    pull = jax.jit(lambda x, dy: jax.vjp(lambda x: max_pool(x, size, stride), x)[1](dy)[0])
    np.testing.assert_allclose(pull(x, dy), dx, atol=1e-5)


def test_leading_axes_are_free():
    x = random.normal(size=(2, 3, 6, 4, 2)).astype(np.float32)
    for pool in (max_pool, mean_pool):
        whole = pool(x)
        assert whole.shape == (2, 3, 3, 2, 2)
        np.testing.assert_array_equal(pool(x[1, 2]), whole[1, 2])
        np.testing.assert_array_equal(jax.vmap(jax.vmap(pool))(x), whole)


def test_not_a_number_is_not_hidden():
    x = jnp.ones((2, 2, 1)).at[1, 0, 0].set(jnp.nan)
    assert np.isnan(max_pool(x)).all()


@pytest.mark.usefixtures("as_user")
@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"size": 0}, "size must be a whole number of at least 1, but is 0"),
        ({"stride": 0}, "stride must be a whole number of at least 1, but is 0"),
        ({"size": 7}, r"window must not be larger than the input \(6, 4\), but has size \(7, 7\)"),
        ({"size": (1, 1, 1)}, "x must have 3 spatial axes"),
        ({"stride": (1, 1, 1)}, r"stride is \(1, 1, 1\)"),
    ],
)
def test_bad_input(how, message):
    for pool in (max_pool, mean_pool):
        with pytest.raises(InputError, match=message):
            partial(pool, **how)(np.ones((6, 4, 2), np.float32))
