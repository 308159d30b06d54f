"""The skip-gram model: each word predicts the words around it."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float, Integer, PRNGKeyArray

from neuraxis import check
from neuraxis.functions.losses import categorical_cross_entropy_with_logits, one_hot
from neuraxis.layers.embedding import rows


class SkipGram(eqx.Module):
    """Score every word o as a neighbour of the word c: s_o = u_o · v_c, a linear network of three layers.

    The input is a one-hot code of c, so the hidden layer is the row v_c of the input matrix, the vector of the word.
    P(o | c) = softmax(s)_o.

    Args:
        words: number of words; their indices start at 0.
        size: dimension of the vectors.
        key: random key for the input matrix, uniform between ±1/(2 size); the output matrix is initialised to zero.

    Raises:
        InputError: for sizes that are not positive, or words that are not integers from 0 to `words` − 1.

    Source: Mikolov, Chen, Corrado and Dean, Efficient estimation of word representations in vector space, 2013,
    arXiv:1301.3781.
    """

    input: Float[Array, "word feature"]
    """Input vectors V."""
    output: Float[Array, "word feature"]
    """Output vectors U."""

    def __init__(self, words: int, size: int, *, key: PRNGKeyArray):
        check.whole(words=words, size=size)
        check.array_fits("words and size", (2, words, size))
        check.key(key)
        self.input = jax.random.uniform(key, (words, size), minval=-0.5 / size, maxval=0.5 / size)
        self.output = jnp.zeros((words, size))

    def __call__(self, x: Integer[ArrayLike, "..."], *, key: PRNGKeyArray | None = None) -> Float[Array, "... word"]:
        """Return the scores of all words as neighbours of the words with indices x."""
        return rows(self.input, x) @ self.output.T


def softmax_loss(
    model: SkipGram,
    centres: Integer[ArrayLike, " pair"],
    contexts: Integer[ArrayLike, " pair"],
    *,
    key: PRNGKeyArray | None = None,
) -> Float[Array, " pair"]:
    """Return −ln softmax(s)_o for each pair of a centre word c and a context word o, over the whole vocabulary.

    Time and memory per pair are proportional to the size of the vocabulary.

    Raises:
        InputError: for words that are not integers, or out of range.
    """
    check.indices(len(model.output), contexts=contexts)
    return categorical_cross_entropy_with_logits(model(centres), one_hot(contexts, len(model.output)))
