import jax
import jax.numpy as jnp
import numpy as np
import pytest

from neuraxis.errors import InputError
from neuraxis.language import Encoder, within

KEY = jax.random.key(0)
SIZE, TIME = 8, 5
x = np.random.default_rng(0).normal(size=(3, TIME, SIZE)).astype(np.float32)
LENGTHS = np.array([5, 3, 0])


@pytest.fixture(scope="module")
def encoder():
    return Encoder(SIZE, layers=2, heads=2, hidden_size=16, key=KEY)


@pytest.fixture(scope="module")
def apply(encoder):
    return jax.jit(lambda x: encoder(x, mask=within(LENGTHS, TIME)))


@pytest.fixture(scope="module")
def masked(apply):
    return np.asarray(apply(x))


def by_hand(block, h):
    """One block, without a mask, written out."""

    def norm(layer, x):
        centred = x - x.mean(-1, keepdims=True)
        return centred / np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-5) * layer.gamma + layer.beta

    h = h + block.attention(norm(block.attention_norm, h))
    f = block.feed_forward
    hidden = np.maximum(norm(block.feed_forward_norm, h) @ f.up.weight + f.up.bias, 0)
    return h + hidden @ f.down.weight + f.down.bias


def test_is_the_equation(encoder, masked):
    h = x[0]
    for block in encoder.blocks:
        h = by_hand(block, h)
    centred = h - h.mean(-1, keepdims=True)
    expected = centred / np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-5)
    np.testing.assert_allclose(masked[0], expected, atol=1e-4)


def test_padding_changes_nothing(encoder, apply, masked):
    np.testing.assert_allclose(masked[1, :3], jax.jit(lambda x: encoder(x))(x[1, :3]), atol=1e-5)
    other = x.copy()
    other[1, 3:] = 100.0
    np.testing.assert_allclose(apply(other)[1, :3], masked[1, :3], atol=1e-5)


def test_every_place_looks_both_ways(encoder):
    gradient = jax.jit(jax.grad(lambda x: jnp.sum(encoder(x)[2] ** 3)))(x[0])
    assert np.all(np.any(np.abs(gradient) > 1e-6, axis=-1))


def test_a_mask_that_hides_everything_gives_no_nan(masked):
    assert np.isfinite(masked[2]).all()


@pytest.mark.usefixtures("as_user")
def test_bad_input_is_refused(encoder):
    cases = {
        r"mask must be one boolean for each position of x, \(3, 5\), but has shape \(3, 4\)": np.ones((3, 4), bool),
        "mask must contain booleans, False for padding of x, but has dtype int": np.ones((3, 5), int),
        "mask must broadcast": np.ones((2, 5), bool),
        "mask must be an array": "all",
    }
    for message, wrong in cases.items():
        with pytest.raises(InputError, match=message):
            encoder(x, mask=wrong)
    for wrong in (np.zeros((5, 7)), np.zeros(8), None):
        with pytest.raises(InputError):
            encoder(wrong)
    for wrong in ({"layers": 0}, {"heads": 3}, {"hidden_size": -1}, {"key": 0}):
        with pytest.raises(InputError, match=next(iter(wrong))):
            Encoder(SIZE, **{"layers": 1, "heads": 2, "hidden_size": 16, "key": KEY, **wrong})
