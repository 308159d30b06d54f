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
        (np.zeros(()), r"shape \(4,\) for a batch of 4, but gave shape \(\): leave the mean or sum .* out"),
        (0.5, r"gave shape \(\): leave the mean"),
        (np.zeros((4, 1)), r"gave shape \(4, 1\): take the last axis off"),
        (np.zeros((4, 4)), r"gave shape \(4, 4\): outputs and targets have broadcast"),
        (np.zeros((4, 3)), r"gave shape \(4, 3\): sum or average over all axes but the first"),
        (np.zeros(3), r"gave shape \(3,\): keep the examples along the first axis"),
        (np.zeros((1, 4)), r"gave shape \(1, 4\): keep the examples along the first axis"),
        (np.zeros(4, complex), "accuracy must give real numbers, one per example, but gave dtype complex"),
        (
            jax.random.split(jax.random.key(0), 4),
            "must give real numbers, one per example, but gave dtype key",
        ),
        ("good", "accuracy must give an array with one number per example, but gave 'good'"),
        (None, "accuracy must give an array with one number per example, but gave None"),
    ],
)
def test_anything_else_is_refused(values, message):
    with pytest.raises(InputError, match=message):
        per_example(values, 4, "accuracy")
