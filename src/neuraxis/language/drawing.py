"""Random draws for a chunk of text: the words that are kept, the sizes of their windows, and negative words."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Integer, PRNGKeyArray, UInt32

NO_SENTENCE = -1


class Drawn(eqx.Module):
    """The words of a chunk that are kept, in order, between two empty margins of one window each."""

    words: Int[Array, " place"]
    sentences: Int[Array, " place"]  # indices of their sentences; NO_SENTENCE where there is no word
    reaches: Int[Array, " place"]  # sizes of the windows around them
    negatives: Int[Array, "block shared"]
    kept: Int[Array, ""]


def thresholds(counts: Integer[np.ndarray, " word"]) -> UInt32[np.ndarray, " word"]:
    """Return the bounds, among all 32-bit integers, that divide them into words with probability ∝ f^¾."""
    power = np.asarray(counts, np.float64) ** 0.75
    cumulative = np.cumsum(power) / power.sum()
    return np.minimum(np.round(cumulative * 2**32), 2**32 - 1).astype(np.uint32)


def negative_words(
    key: PRNGKeyArray, bounds: UInt32[Array, " word"], shape: tuple[int, int]
) -> Int[Array, "block shared"]:
    """Draw negative words: the i-th of the n words of a block from the i-th of n equal parts of the distribution.

    The expected counts are those of independent draws, with a smaller variance.
    """
    part = jnp.uint32((2**32 - 1) // shape[1])
    numbers = jnp.arange(shape[1], dtype=jnp.uint32) * part + jax.random.bits(key, shape, jnp.uint32) % part
    return jnp.minimum(jnp.searchsorted(bounds, numbers, side="right"), len(bounds) - 1).astype(jnp.int32)


def draw(
    chunk: Int[Array, " token"],
    keep: Float[Array, " word"],
    bounds: UInt32[Array, " word"],
    *,
    window: int,
    block: int,
    shared: int,
    key: PRNGKeyArray,
) -> Drawn:
    """Drop frequent words at random, close the gaps, and draw window sizes and negative words.

    Args:
        chunk: words as written by `encoded`.
        keep: probability of each word to be kept.
        bounds: bounds as returned by `thresholds`.
        window: maximum window size; each word has its own, uniform from 1 to `window`.
        block: number of words that share negative words.
        shared: number of negative words of a block.
        key: random key.
    """
    key_keep, key_reach, key_negative = jax.random.split(key, 3)
    begins = chunk < 0
    words, sentences = jnp.where(begins, ~chunk, chunk), jnp.cumsum(begins)
    chances = keep.at[words].get(mode="fill", fill_value=0)  # 0 for NO_WORD
    kept = jax.random.uniform(key_keep, chunk.shape) < chances
    blocks = -(-len(chunk) // block)
    size = 2 * window + blocks * block
    places = jnp.where(kept, window - 1 + jnp.cumsum(kept), size)  # beyond the end for dropped words
    sources = jnp.full(size, len(chunk), jnp.int32).at[places].set(jnp.arange(len(chunk)), mode="drop")
    return Drawn(
        words=words.at[sources].get(mode="fill", fill_value=0),
        sentences=sentences.at[sources].get(mode="fill", fill_value=NO_SENTENCE),
        reaches=jax.random.randint(key_reach, (size,), 1, window + 1),
        negatives=negative_words(key_negative, bounds, (blocks, shared)),
        kept=jnp.sum(kept),
    )
