"""What a chunk of text is learnt from: the words that are kept, how far their windows reach, and negative words."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Integer, PRNGKeyArray, UInt32

NO_SENTENCE = -1


class Drawn(eqx.Module):
    """The words of a chunk that are kept, one after the other, between two margins of a window without words."""

    words: Int[Array, " place"]
    sentences: Int[Array, " place"]  # numbers of their sentences; NO_SENTENCE where there is no word
    reaches: Int[Array, " place"]  # of the windows around them
    negatives: Int[Array, "block shared"]
    kept: Int[Array, ""]


def thresholds(counts: Integer[np.ndarray, " word"]) -> UInt32[np.ndarray, " word"]:
    """Return the bounds, among all 32-bit numbers, between words drawn with probability ∝ f^¾."""
    power = np.asarray(counts, np.float64) ** 0.75
    cumulative = np.cumsum(power) / power.sum()
    return np.minimum(np.round(cumulative * 2**32), 2**32 - 1).astype(np.uint32)


def negative_words(
    key: PRNGKeyArray, bounds: UInt32[Array, " word"], shape: tuple[int, int]
) -> Int[Array, "block shared"]:
    """Draw negative words: the i-th of n of a block from the i-th of n equal parts of the distribution.

    Together they are distributed as independent ones are, but a frequent word appears about as often as is expected.
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
    """Pass frequent words over, move the others together, and draw reaches and negative words.

    Args:
        chunk: words as `encoded` writes them.
        keep: probability of each word to be kept.
        bounds: as `thresholds` gives them.
        window: the farthest reach; each word has its own, drawn evenly from 1 to `window`.
        block: words that share their negative words; the places are a multiple of it.
        shared: negative words of a block.
        key: seed of it all.
    """
    key_keep, key_reach, key_negative = jax.random.split(key, 3)
    begins = chunk < 0
    words, sentences = jnp.where(begins, ~chunk, chunk), jnp.cumsum(begins)
    chances = keep.at[words].get(mode="fill", fill_value=0)  # NO_WORD has none
    kept = jax.random.uniform(key_keep, chunk.shape) < chances
    blocks = -(-len(chunk) // block)
    size = 2 * window + blocks * block
    places = jnp.where(kept, window - 1 + jnp.cumsum(kept), size)  # beyond the end for what is passed over
    sources = jnp.full(size, len(chunk), jnp.int32).at[places].set(jnp.arange(len(chunk)), mode="drop")
    return Drawn(
        words=words.at[sources].get(mode="fill", fill_value=0),
        sentences=sentences.at[sources].get(mode="fill", fill_value=NO_SENTENCE),
        reaches=jax.random.randint(key_reach, (size,), 1, window + 1),
        negatives=negative_words(key_negative, bounds, (blocks, shared)),
        kept=jnp.sum(kept),
    )
