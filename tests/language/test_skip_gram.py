import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from neuraxis.errors import InputError
from neuraxis.language.skip_gram import SkipGram, softmax_loss


def model(words=7, size=3):
    shape = (2, words, size)
    parts = jax.random.normal(jax.random.key(1), shape)
    return eqx.tree_at(lambda m: (m.input, m.output), SkipGram(words, size, key=jax.random.key(0)), tuple(parts))


def test_is_a_product_of_two_rows():
    ours = model()
    scores = ours(jnp.array([[2, 0]]))
    assert scores.shape == (1, 2, 7)
    np.testing.assert_allclose(scores[0, 0, 5], np.dot(ours.input[2], ours.output[5]), rtol=1e-6)


def test_begins_as_word2vec_does():
    ours = SkipGram(500, 20, key=jax.random.key(0))
    assert np.abs(ours.input).max() <= 1 / 40
    assert np.std(ours.input) == pytest.approx(1 / 40 / np.sqrt(3), rel=0.05)
    assert not np.any(ours.output)


def test_softmax_loss_is_that_of_the_definition():
    ours, centres, contexts = model(), np.array([0, 3, 3]), np.array([1, 3, 6])
    scores = np.asarray(ours.input, float)[centres] @ np.asarray(ours.output, float).T
    p = np.exp(scores) / np.exp(scores).sum(1, keepdims=True)
    np.testing.assert_allclose(softmax_loss(ours, centres, contexts), -np.log(p[range(3), contexts]), rtol=1e-5)


def test_words_out_of_range_are_nan_where_they_cannot_be_refused():
    scores = jax.jit(lambda x: model()(x))(np.array([6, 7, -1]))
    np.testing.assert_array_equal(np.isnan(scores).all(-1), [False, True, True])


def test_bad_input(as_user):
    with pytest.raises(InputError, match="x must be between 0 and 6"):
        model()(np.array([0, 7]))
    with pytest.raises(InputError, match="contexts must be between 0 and 6, but contains -1"):
        softmax_loss(model(), np.array([0]), np.array([-1]))
    with pytest.raises(InputError, match="x must be integers"):
        model()(np.array([0.5]))
    with pytest.raises(InputError, match="size must be an integer"):
        SkipGram(5, 0, key=jax.random.key(0))
    with pytest.raises(InputError, match="words must be an integer"):
        SkipGram(0, 5, key=jax.random.key(0))
