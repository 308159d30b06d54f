import jax
import jax.numpy as jnp
import numpy as np
import pytest

from neuraxis.engine import evaluate
from neuraxis.errors import InputError


def test_is_the_mean_over_all_examples_whatever_the_batches():
    x = np.random.default_rng(0).normal(size=2345).astype(np.float32)
    np.testing.assert_allclose(evaluate(2.0, lambda m, x, *, key: m * x, (x,)), 2 * x.mean(), rtol=1e-4)


def test_every_batch_has_its_own_noise():
    noise = lambda model, x, *, key: jax.random.normal(key, x.shape)
    mean = evaluate(None, noise, (jnp.zeros(20_000),), key=jax.random.key(0))
    assert abs(mean) < 4 / np.sqrt(20_000)
    assert mean == evaluate(None, noise, (jnp.zeros(20_000),), key=jax.random.key(0))


def test_no_data_is_an_error():
    with pytest.raises(InputError, match="empty"):
        evaluate(None, lambda m, x, *, key: x, (np.zeros(0),))
