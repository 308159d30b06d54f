import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from neuraxis.errors import InputError
from neuraxis.layers import Dropout

KEY = jax.random.key(0)


def test_drops_at_the_rate_and_keeps_the_mean():
    y = np.asarray(Dropout(0.3)(jnp.full((300, 400), 2.0), key=KEY))
    # 120 000 independent draws: the share dropped has a standard deviation of 0.0013.
    assert np.mean(y == 0) == pytest.approx(0.3, abs=0.006)
    assert np.mean(y) == pytest.approx(2.0, abs=0.02)
    np.testing.assert_allclose(y[y != 0], 2 / 0.7, rtol=1e-6)


def test_passes_the_gradient_of_what_was_kept():
    x = jnp.ones(50)
    y = Dropout(0.5)(x, key=KEY)
    np.testing.assert_array_equal(jax.grad(lambda x: Dropout(0.5)(x, key=KEY).sum())(x), y)


def test_does_nothing_in_inference():
    x = jnp.arange(5.0)
    np.testing.assert_array_equal(eqx.nn.inference_mode(Dropout(0.5))(x), x)
    np.testing.assert_array_equal(Dropout(0.0)(x), x)


@pytest.mark.usefixtures("as_user")
@pytest.mark.parametrize("rate", [-0.1, 1.0, 2.0, float("nan"), [0.1, 0.2], None, "text", 1j, True])
def test_rate_outside_its_range(rate):
    with pytest.raises(InputError, match=r"rate must"):
        Dropout(rate)


@pytest.mark.usefixtures("as_user")
def test_needs_a_key_in_training():
    with pytest.raises(InputError, match="needs a key"):
        Dropout(0.5)(jnp.ones(3))
    for wrong in (0, "text", jax.random.split(KEY)):
        with pytest.raises(InputError, match="key must be one random key"):
            Dropout(0.5)(jnp.ones(3), key=wrong)
    with pytest.raises(InputError, match="inference must be True or False"):
        Dropout(0.5, "text")


def test_integers_and_empty_arrays():
    counts = np.array([200, 3], np.uint8)
    for layer in (Dropout(0.5), Dropout(0.5, True), Dropout(0.0)):
        np.testing.assert_array_equal(layer(counts, key=KEY), layer(counts.astype(np.float32), key=KEY))
        assert layer(counts, key=KEY).dtype == jnp.float32
        assert layer(np.zeros((0, 3)), key=KEY).shape == (0, 3)
