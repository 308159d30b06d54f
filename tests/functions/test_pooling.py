from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from neuraxis.errors import InputError
from neuraxis.functions.pooling import global_max_pool, global_mean_pool, max_pool, mean_pool

random = np.random.default_rng(0)


def windows(x, size, stride):
    """(batch, *space, *size, channel) views of x, by NumPy."""
    axes = tuple(range(1, 1 + len(size)))
    every = np.lib.stride_tricks.sliding_window_view(x, size, axes)
    every = every[(slice(None), *(slice(None, None, s) for s in stride))]
    return np.moveaxis(every, 1 + len(size), -1)


@pytest.mark.parametrize(
    ("size", "stride"),
    [
        ((2, 2), (2, 2)),
        ((3, 3), (2, 2)),
        ((2, 3), (1, 2)),
        ((3, 2), (3, 2)),
        ((2,), (2,)),
        # Large windows, which are taken axis by axis.
        ((6, 4), (2, 4)),
        ((5, 7), (1, 1)),
    ],
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


@pytest.mark.parametrize("size", [(2, 2), (3, 6)])
def test_not_a_number_is_not_hidden(size):
    for place in np.ndindex(size):
        x = np.ones((*size, 1), np.float32)
        x[place] = np.nan
        assert np.isnan(max_pool(x, size)).all()


def test_over_all_places():
    x = random.normal(size=(2, 3, 20, 30, 4)).astype(np.float32)
    np.testing.assert_array_equal(global_max_pool(x, axes=2), x.max((2, 3)))
    np.testing.assert_allclose(global_mean_pool(x, axes=2), x.mean((2, 3), dtype=float), atol=1e-6)
    np.testing.assert_allclose(global_mean_pool(x, axes=1), x.mean(3, dtype=float), atol=1e-6)


@pytest.mark.parametrize(
    ("dtype", "value"),
    [(np.uint8, 200), (np.int8, -100), (np.int32, 7), (bool, True), (np.float16, 30000), (jnp.bfloat16, 1e4)],
)
@pytest.mark.usefixtures("as_user")
@pytest.mark.parametrize("size", [(2, 2), (1, 18)])
def test_sums_do_not_overflow(dtype, value, size):
    x = np.full((2, 18, 1), value, dtype)
    for pool in (max_pool, mean_pool, lambda x, _: global_mean_pool(x, axes=2)):
        np.testing.assert_allclose(np.asarray(pool(x, size), float), float(x.ravel()[0]), rtol=1e-2)


def test_the_gradient_of_half_precision_is_added_up_in_single_precision():
    """All of 2049 windows have the same largest entry: in half precision 2048 + 1 is 2048."""
    x = np.zeros((4097, 1), np.float16)
    x[2048] = 1
    gradient = jax.grad(lambda x: max_pool(x, (2049,), 1).astype(np.float32).sum())(x)
    assert float(gradient[2048, 0]) == pytest.approx(2049, rel=1e-3)


@pytest.mark.parametrize(("size", "stride"), [((64,), 1), ((64,), 64), ((63,), 5)])
def test_programs_do_not_grow_with_the_window(size, stride):
    x = np.zeros((400, 1), np.float32)
    for pool in (max_pool, mean_pool):
        program = jax.make_jaxpr(jax.grad(lambda x, pool: pool(x, size, stride).sum()), static_argnums=1)(x, pool)
        assert str(program).count("slice") + str(program).count("pad[") < 80


@pytest.mark.usefixtures("as_user")
def test_whole_numbers_and_lists_are_numbers_and_truth_values_are_not():
    x = random.normal(size=(4, 6, 1)).astype(np.float32)
    np.testing.assert_array_equal(max_pool(x, [np.int64(2), 3], np.int32(2)), max_pool(x, (2, 3), (2, 2)))
    np.testing.assert_array_equal(max_pool(x.tolist(), np.array([2, 2])), max_pool(x))
    for bad in (True, (2, True), 2.0, "2", None, (), 2**70):
        with pytest.raises(InputError, match="size must"):
            max_pool(x, bad)
    with pytest.raises(InputError, match="x must contain real numbers, but has dtype complex64"):
        mean_pool(x * 1j)
    with pytest.raises(InputError, match=r"x must have shape \(…, time, channel\) with at least one position"):
        global_mean_pool(np.ones((3, 0, 2), np.float32), axes=1)


@pytest.mark.usefixtures("as_user")
@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"size": 0}, "size must be an integer of at least 1, but is 0"),
        ({"stride": 0}, "stride must be an integer of at least 1, but is 0"),
        ({"size": 7}, r"window must not be larger than the input \(6, 4\), but has size \(7, 7\)"),
        ({"size": (1, 1, 1)}, r"x must have shape \(…, depth, height, width, channel\) .* has shape \(6, 4, 2\)"),
        ({"stride": (1, 1, 1)}, r"stride must be one number .* \(height, width\), but is \(1, 1, 1\)"),
    ],
)
def test_bad_input(how, message):
    for pool in (max_pool, mean_pool):
        with pytest.raises(InputError, match=message):
            partial(pool, **how)(np.ones((6, 4, 2), np.float32))
