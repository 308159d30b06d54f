import jax
import jax.numpy as jnp
import numpy as np
import pytest

from neuraxis.engine.losses import per_example
from neuraxis.errors import InputError


@pytest.mark.parametrize("dtype", [np.bool_, np.int32, np.uint8, np.float16, jnp.bfloat16, np.float32])
def test_gives_numbers_that_can_be_added_up(dtype):
    values = per_example(jnp.array([0, 1, 1], dtype), 3, "loss")
    assert values.dtype == np.float32
    np.testing.assert_array_equal(values, [0, 1, 1])


def test_double_precision_stays():
    with jax.enable_x64(True):
        assert per_example(np.array([0.1]), 1, "loss").dtype == np.float64


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.zeros(()), r"shape \(4,\) for a batch of 4, but returned shape \(\): omit the mean or sum"),
        (0.5, r"returned shape \(\): omit the mean"),
        (np.zeros((4, 1)), r"returned shape \(4, 1\): remove the last axis"),
        (np.zeros((4, 4)), r"returned shape \(4, 4\): outputs and targets were broadcast"),
        (np.zeros((4, 3)), r"returned shape \(4, 3\): sum or average over all axes but the first"),
        (np.zeros(3), r"returned shape \(3,\): keep the examples along the first axis"),
        (np.zeros((1, 4)), r"returned shape \(1, 4\): keep the examples along the first axis"),
        (np.zeros(4, complex), "accuracy must return real numbers, one per example, but returned dtype complex"),
        (
            jax.random.split(jax.random.key(0), 4),
            "must return real numbers, one per example, but returned dtype key",
        ),
        ("good", "accuracy must return an array with one number per example, but returned 'good'"),
        (None, "accuracy must return an array with one number per example, but returned None"),
    ],
)
def test_anything_else_is_refused(values, message):
    with pytest.raises(InputError, match=message):
        per_example(values, 4, "accuracy")
