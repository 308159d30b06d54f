from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from neuraxis.language import drawing
from neuraxis.language.drawing import NO_SENTENCE, negative_words, thresholds
from neuraxis.language.encoded import NO_WORD

COUNTS = np.array([400, 100, 30, 5, 1])
BOUNDS = jnp.asarray(thresholds(COUNTS))
CHUNK = jnp.array([2, ~0, 1, 3, ~4, 3, ~1, 0, 2, NO_WORD, NO_WORD], jnp.int32)
draw = partial(jax.jit, static_argnames=("window", "block", "shared"))(drawing.draw)
HOW = {"window": 2, "block": 4, "shared": 8, "key": jax.random.key(0)}


def test_words_that_are_kept_move_together():
    drawn = draw(CHUNK, jnp.array([1.0, 0.0, 1.0, 1.0, 0.0]), BOUNDS, **HOW)
    assert drawn.kept == 6
    margin, rest = [NO_SENTENCE] * 2, [NO_SENTENCE] * 8
    assert drawn.words[2:8].tolist() == [2, 0, 3, 3, 0, 2]
    # A sentence whose first word is passed over still ends the one before it.
    assert drawn.sentences.tolist() == [*margin, 0, 1, 1, 2, 3, 3, *rest]


def test_words_are_kept_with_their_probability():
    keep = jnp.array([0.2, 1.0, 0.7, 0.0, 0.5])
    chunk = jnp.tile(jnp.arange(5), 6000)
    drawn = draw(chunk, keep, BOUNDS, **HOW)
    words = np.asarray(drawn.words)[np.asarray(drawn.sentences) != NO_SENTENCE]
    np.testing.assert_allclose(np.bincount(words, minlength=5) / 6000, keep, atol=0.03)
    assert len(words) == drawn.kept


def test_reaches_are_drawn_evenly():
    drawn = draw(jnp.zeros(30_000, jnp.int32), jnp.ones(5), BOUNDS, **HOW)
    np.testing.assert_allclose(
        np.bincount(drawn.reaches, minlength=3) / len(drawn.reaches), [0, 1 / 2, 1 / 2], atol=0.02
    )


@pytest.mark.parametrize("shared", [1, 64])
def test_negative_words_are_drawn_by_the_three_quarters_power(shared):
    found = negative_words(jax.random.key(1), BOUNDS, (64_000 // shared, shared))
    expected = COUNTS**0.75 / np.sum(COUNTS**0.75)
    np.testing.assert_allclose(np.bincount(found.ravel(), minlength=5) / found.size, expected, atol=0.01)


def test_the_share_of_a_frequent_word_is_about_the_same_in_every_block():
    found = np.asarray(negative_words(jax.random.key(1), BOUNDS, (100, 64)))
    expected = 64 * COUNTS[0] ** 0.75 / np.sum(COUNTS**0.75)
    assert np.ptp(np.sum(found == 0, axis=1)) <= 1
    assert np.abs(np.sum(found == 0, axis=1) - expected).max() < 1


def test_rare_words_have_their_place_among_a_million():
    counts = np.maximum(1e7 / np.arange(1, 1_000_001), 1).astype(int)
    bounds = thresholds(counts)
    share = np.diff(bounds[[-1001, -1]].astype(float))[0] / 2**32
    assert share == pytest.approx(np.sum(counts[-1000:] ** 0.75) / np.sum(counts**0.75), rel=0.01)
