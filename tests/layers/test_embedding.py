import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from neuraxis.errors import InputError
from neuraxis.layers import Embedding

KEY = jax.random.key(0)
layer = Embedding(300, 4, key=KEY)


def test_gives_the_rows_of_a_table():
    tokens = np.array([[0, 299, 7], [7, 7, 1]])
    expected = np.asarray(layer.weight)[tokens]
    np.testing.assert_array_equal(layer(tokens), expected)
    np.testing.assert_array_equal(eqx.filter_jit(layer)(tokens), expected)
    np.testing.assert_array_equal(layer(np.uint8([255])), np.asarray(layer.weight)[[255]])
    np.testing.assert_array_equal(layer(7), np.asarray(layer.weight)[7])
    assert np.std(layer.weight) == pytest.approx(1, abs=0.1)  # 1200 draws: 0.02


def test_the_gradient_adds_up_what_each_token_received():
    gradient = jax.grad(lambda layer: jnp.sum(layer(np.array([7, 7, 1])) * jnp.array([[1.0], [2.0], [5.0]])))(layer)
    expected = np.zeros((300, 4))
    expected[7], expected[1] = 3, 5
    np.testing.assert_allclose(gradient.weight, expected)


def test_no_token_and_one_word():
    assert layer(np.zeros((0, 3), int)).shape == (0, 3, 4)
    assert Embedding(1, 1, key=KEY)(np.array([0])).shape == (1, 1)


def test_tokens_out_of_range_are_refused_or_nan():
    for wrong in (-1, 300):
        with pytest.raises(InputError, match="x must be between 0 and 299, but contains"):
            layer(np.array([0, wrong]))
        assert np.isnan(eqx.filter_jit(layer)(np.array([0, wrong]))[1]).all()


@pytest.mark.usefixtures("as_user")
def test_bad_input_is_refused():
    for wrong in (np.array([1.0]), np.array([True]), "text", None, np.array([1j])):
        with pytest.raises(InputError, match="x must"):
            layer(wrong)
    with pytest.raises(InputError, match="tokens must be an integer"):
        Embedding(0, 4, key=KEY)
    with pytest.raises(InputError, match="key must be one random key"):
        Embedding(3, 4, key=0)
    with pytest.raises(InputError, match="tokens and size must be smaller"):
        Embedding(10**8, 10**6, key=KEY)
