"""Word vectors of a text, from beginning to end."""

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

_CHUNK = 8192  # words: many blocks, so that the last one, which is not full, costs little
_LARGEST_BLOCK = 256  # words: beyond, products take more time than is saved otherwise
_MOST_IN_BLOCK = 3  # of the most frequent word: its gradients in a block add up, and with many would overshoot
_CHUNKS_IN_STEP = 16  # after each step `fit` looks at all weights, which may take as long as learning from a chunk


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
    """Learn vectors for the words of a text: words that appear among like words get like vectors.

    This is skip-gram with negative sampling. The text may be larger than the memory.

    Args:
        sentences: the path of a text file with a sentence in each line, a `neuraxis.data.Text`, lists of words, or
            `Sentences` with a tokeniser of your own.
        size: of the vectors.
        window: the farthest reach of a context, in words to each side.
        min_count: words that appear less often are left out.
        negatives: negative words for each pair.
        epochs: how often to go through the text.
        key: seed of it all; one key gives the same vectors again.
        progress: label of the progress bar; None shows none.

    Raises:
        InputError: for settings out of range, or what is no text.
        DataError: for a text that cannot be read, whose words are all too rare, or without two words in a sentence.
    """
    sentences = Sentences.of(sentences)
    vocabulary = Vocabulary.count(sentences, min_count)
    how = {"size": size, "window": window, "negatives": negatives, "epochs": epochs, "key": key, "progress": progress}
    fitted = fit_skip_gram(sentences, vocabulary, **how)
    return vectors_of(fitted.model, vocabulary)


def vectors_of(model: SkipGram, vocabulary: Vocabulary) -> WordVectors:
    """Return the rows of the input matrix as the vectors of the words."""
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
    """Let a new `SkipGram` learn from a text by `negative_sampling`.

    Args:
        sentences: of the text.
        vocabulary: of the words to learn, counted in this text.
        size: of the vectors.
        window: the farthest reach of a context, in words to each side.
        negatives: negative words for each pair.
        sample: threshold of `keep_probability`.
        learning_rate: κ at the beginning; it falls in proportion to what is left of the text, to 1/250 of that.
        epochs: how often to go through the text.
        key: seed of it all.
        how: further arguments of `neuraxis.engine.fit`, such as `callback` or `checkpoint`.

    Raises:
        InputError: for settings out of range.
        DataError: for a text that cannot be read, or without two words of the vocabulary in a sentence.
        DivergedError: for a learning rate that is too large.
    """
    check.whole(size=size, window=window, negatives=negatives, epochs=epochs)
    check.positive(learning_rate=learning_rate)
    check.key(key)
    key_model, key_fit = jax.random.split(key)
    words = int(vocabulary.counts.sum())
    chunks = -(-words // _CHUNK)
    together = min(chunks, _CHUNKS_IN_STEP)
    chunks = -(-chunks // together) * together  # no step with fewer, which would be another program to compile
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
        # Made in the call, so that nobody holds it while the model that is learnt lies in memory, too.
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
    """Return the size of a block that holds few of the most frequent word, for how many are kept of each."""
    size = _MOST_IN_BLOCK * kept.sum() / kept.max()
    return int(np.clip(size // TILE, 1, _LARGEST_BLOCK // TILE)) * TILE
