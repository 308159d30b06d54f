import jax.numpy as jnp
import numpy as np
import pytest

from neuraxis.errors import InputError
from neuraxis.functions import causal_convolve

random = np.random.default_rng(0)
X = random.normal(size=(2, 9, 3)).astype(np.float32)  # (…, time, channel)


def by_sums(x, kernel):
    y = np.zeros((*x.shape[:-1], kernel.shape[-1]))
    for t in range(x.shape[-2]):
        for k in range(min(t + 1, len(kernel))):
            y[..., t, :] += x[..., t - k, :].astype(float) @ kernel[k]
    return y


@pytest.mark.parametrize("lags", [0, 1, 4, 9, 20])
def test_is_a_sum_over_the_past(lags):
    kernel = random.normal(size=(lags, 3, 2)).astype(np.float32)
    np.testing.assert_allclose(causal_convolve(X, kernel), by_sums(X, kernel), atol=1e-5)


def test_no_steps_and_half_precision():
    assert causal_convolve(X[:, :0], np.ones((4, 3, 2))).shape == (2, 0, 2)
    assert causal_convolve(jnp.asarray(X, jnp.bfloat16), jnp.ones((4, 3, 2), jnp.bfloat16)).dtype == jnp.bfloat16


@pytest.mark.parametrize(
    ("x", "kernel", "message"),
    [
        (X, np.ones((4, 2, 2)), r"but have \(2, 9, 3\) and \(4, 2, 2\)"),
        (X, np.ones((4, 3)), "x and kernel must have shapes"),
        (X[0, 0], np.ones((4, 3, 2)), "x and kernel must have shapes"),
        (X + 1j, np.ones((4, 3, 2)), "x must contain real numbers"),
        ("x", np.ones((4, 3, 2)), "x must be an array of numbers"),
    ],
)
def test_bad_input(as_user, x, kernel, message):
    with pytest.raises(InputError, match=message):
        causal_convolve(x, kernel)
