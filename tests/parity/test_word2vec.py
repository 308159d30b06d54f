"""gensim's word2vec: the same words are kept, negative ones drawn, and vectors that agree as well as two runs of it."""

from pathlib import Path

import gensim
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from gensim.models import Word2Vec
from scipy.stats import spearmanr

from neuraxis.language import Sentences, Vocabulary, fit_skip_gram
from neuraxis.language.drawing import negative_words, thresholds
from neuraxis.language.subsampling import keep_probability
from neuraxis.language.training import vectors_of

LEE = Path(gensim.__file__).parent / "test" / "test_data" / "lee_background.cor"
SENTENCES = [line.lower().split() for line in LEE.read_text(encoding="latin-1").splitlines()]


def gensims(seed: int, **settings) -> Word2Vec:
    how = {"vector_size": 50, "window": 5, "min_count": 5, "sg": 1, "negative": 5, "workers": 1, "epochs": 20}
    return Word2Vec(SENTENCES, seed=seed, **how | settings)


@pytest.fixture(scope="module")
def peer():
    return gensims(1)


@pytest.fixture(scope="module")
def vocabulary():
    return Vocabulary.count(SENTENCES, min_count=5)


def test_words_are_kept_with_the_same_probability(peer, vocabulary):
    assert set(vocabulary.words) == set(peer.wv.index_to_key)
    ours = dict(zip(vocabulary.words, keep_probability(vocabulary.counts, 1e-3), strict=True))
    theirs = {word: peer.wv.get_vecattr(word, "sample_int") / 2**32 for word in ours}
    np.testing.assert_allclose(list(ours.values()), list(theirs.values()), rtol=1e-6)


def test_negative_words_are_drawn_from_the_same_distribution(peer, vocabulary):
    theirs = np.diff(peer.cum_table.astype(float), prepend=0.0) / peer.cum_table[-1]
    theirs = dict(zip(peer.wv.index_to_key, theirs, strict=True))
    bounds = thresholds(vocabulary.counts)
    exact = np.diff(bounds.astype(float), prepend=0.0) / 2**32
    np.testing.assert_allclose(exact, [theirs[word] for word in vocabulary.words], atol=1e-8)
    drawn = np.asarray(negative_words(jax.random.key(0), jnp.asarray(bounds), (10_000, 64))).ravel()
    np.testing.assert_allclose(np.bincount(drawn, minlength=len(exact)) / len(drawn), exact, atol=5e-4)


def test_similarities_of_frequent_words_agree(peer, vocabulary):
    """As well as those of two seeds of gensim agree with each other, but for a margin."""
    words = vocabulary.words[30:180]
    fitted = fit_skip_gram(Sentences(SENTENCES), vocabulary, size=50, epochs=20, key=jax.random.key(0), progress=None)
    ours, other = vectors_of(fitted.model, vocabulary), gensims(2)

    def cosines(vectors):
        rows = np.stack([vectors[word] for word in words])
        rows = rows / np.linalg.norm(rows, axis=1, keepdims=True)
        return (rows @ rows.T)[np.triu_indices(len(words), 1)]

    agreement = spearmanr(cosines(ours), cosines(peer.wv))[0]
    among_peers = spearmanr(cosines(other.wv), cosines(peer.wv))[0]
    print(f"agreement {agreement:.3f}, of two seeds of gensim {among_peers:.3f}")
    assert agreement > 0.9 * among_peers
    assert agreement > 0.6
