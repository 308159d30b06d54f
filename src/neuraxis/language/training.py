"""Training of word vectors on a text."""

from typing import Any

import jax
import numpy as np
import optax
from jaxtyping import Float, PRNGKeyArray

from neuraxis import check
from neuraxis.engine import fit
from neuraxis.engine.fit import Fitted
from neuraxis.language.encoded import encoded
from neuraxis.language.negative_sampling import TILE, negative_sampling
from neuraxis.language.sentences import Sentences
from neuraxis.language.skip_gram import SkipGram
from neuraxis.language.subsampling import keep_probability
from neuraxis.language.vocabulary import Vocabulary
from neuraxis.language.word_vectors import WordVectors

_CHUNK = 8192  # words: many blocks, so that the last, partly filled one costs little
_LARGEST_BLOCK = 256  # words: products of larger blocks cost more time than they save
_MOST_IN_BLOCK = 3  # occurrences of the most frequent word: the sum of more gradients would overshoot
_CHUNKS_IN_STEP = 16  # after each step `fit` checks all weights, which may take as long as training on a chunk


def train_word_vectors(
    sentences: Any,
    *,
    size: int = 100,
    window: int = 5,
    min_count: int = 5,
    negatives: int = 5,
    epochs: int = 5,
    key: PRNGKeyArray,
    progress: str | None = "word vectors",
) -> WordVectors:
    """Train word vectors on a text: words that occur in similar contexts obtain similar vectors.

    The method is skip-gram with negative sampling. The text may be larger than the memory.

    Args:
        sentences: path of a text file with one sentence per line, `neuraxis.data.Text`, lists of words, or `Sentences`
            with your own tokeniser.
        size: dimension of the vectors.
        window: maximum window size [words to each side].
        min_count: minimum count of a word; rarer words are ignored.
        negatives: number of negative words per pair.
        epochs: number of passes over the text.
        key: random key; the same key gives the same vectors.
        progress: label of the progress bar; None for no progress bar.

    Raises:
        InputError: for settings out of range, or sentences of the wrong type.
        DataError: for a text that cannot be read, whose words are all too rare, or without two known words in a
            sentence.
    """
    sentences = Sentences.of(sentences)
    vocabulary = Vocabulary.count(sentences, min_count)
    how = {"size": size, "window": window, "negatives": negatives, "epochs": epochs, "key": key, "progress": progress}
    fitted = fit_skip_gram(sentences, vocabulary, **how)
    return vectors_of(fitted.model, vocabulary)


def vectors_of(model: SkipGram, vocabulary: Vocabulary) -> WordVectors:
    """Return the rows of the input matrix as word vectors."""
    return WordVectors(vocabulary.words, np.asarray(model.input), vocabulary.counts)


def fit_skip_gram(
    sentences: Sentences,
    vocabulary: Vocabulary,
    *,
    size: int,
    window: int = 5,
    negatives: int = 5,
    sample: float = 1e-3,
    learning_rate: float = 0.025,
    epochs: int,
    key: PRNGKeyArray,
    **how: Any,
) -> Fitted:
    """Train a new `SkipGram` on a text by `negative_sampling`.

    Args:
        sentences: sentences of the text.
        vocabulary: words to train, counted in this text.
        size: dimension of the vectors.
        window: maximum window size [words to each side].
        negatives: number of negative words per pair.
        sample: threshold of `keep_probability`.
        learning_rate: initial learning rate κ, which decreases linearly to 1/250 of this value.
        epochs: number of passes over the text.
        key: random key for the initial weights and the training.
        how: further arguments of `neuraxis.engine.fit`, such as `callback` or `checkpoint`.

    Raises:
        InputError: for settings out of range.
        DataError: for a text that cannot be read, or without two known words in a sentence.
        DivergedError: for a learning rate that is too large.
    """
    check.whole(size=size, window=window, negatives=negatives, epochs=epochs)
    check.positive(learning_rate=learning_rate)
    check.key(key)
    key_model, key_fit = jax.random.split(key)
    words = int(vocabulary.counts.sum())
    chunks = -(-words // _CHUNK)
    together = min(chunks, _CHUNKS_IN_STEP)
    chunks = -(-chunks // together) * together  # no smaller last step, which would compile another program
    with encoded(sentences, vocabulary, -(-words // chunks), chunks) as data:
        rule = negative_sampling(
            vocabulary.counts,
            learning_rate=optax.linear_schedule(learning_rate, learning_rate / 250, epochs * chunks),
            chunks=chunks,
            window=window,
            negatives=negatives,
            sample=sample,
            block=_block(keep_probability(vocabulary.counts, sample) * vocabulary.counts),
        )
        # Created in the call, so that the initial model is freed during training.
        return fit(
            SkipGram(len(vocabulary), size, key=key_model),
            rule,
            (data,),
            epochs=epochs,
            batch_size=together,
            key=key_fit,
            **how,
        )


def _block(kept: Float[np.ndarray, " word"]) -> int:
    """Return the size of a block with few occurrences of the most frequent word, from the kept number of each word."""
    size = _MOST_IN_BLOCK * kept.sum() / kept.max()
    return int(np.clip(size // TILE, 1, _LARGEST_BLOCK // TILE)) * TILE
