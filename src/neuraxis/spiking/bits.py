"""Flags packed into 32-bit words: one bit per spike, and a search that skips silent neurons."""

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Bool, UInt32

WORD = 32  # flags per word


def pack(flags: Array) -> UInt32[Array, "... word"]:
    """Pack the nonzero entries along the last axis into 32-bit words: bit i of word k stands for entry 32 k + i."""
    words = -(-flags.shape[-1] // WORD)
    padding = [(0, 0)] * (flags.ndim - 1) + [(0, words * WORD - flags.shape[-1])]
    bits = jnp.pad(flags != 0, padding).reshape(*flags.shape[:-1], words, WORD).astype(jnp.uint32)
    return (bits << jnp.arange(WORD, dtype=jnp.uint32)).sum(-1, dtype=jnp.uint32)


def flags(words: UInt32[Array, "*rows word"], size: int) -> Bool[Array, "*rows size"]:
    """Return the first `size` flags that `pack` packed."""
    bits = (words[..., None] >> jnp.arange(WORD, dtype=jnp.uint32)) & 1
    return bits.reshape(*words.shape[:-1], -1)[..., :size] != 0


def unpack(words: UInt32[Array | np.ndarray, "*rows word"]) -> tuple[np.ndarray, ...]:
    """Return the indices of all bits that `pack` set, one array per axis, in order: the `np.nonzero` of the flags."""
    words = np.ascontiguousarray(words, dtype="<u4")
    *rows, word = np.nonzero(words)
    bits = np.unpackbits(words[(*rows, word)].view(np.uint8).reshape(-1, 4), axis=1, bitorder="little")
    event, bit = np.nonzero(bits)
    return *(row[event] for row in rows), word[event] * WORD + bit


def for_each_bit(words: UInt32[Array, " word"], visit: Callable[[Array, Any], tuple[Any, Any]], value: Any) -> Any:
    """Fold `value, finished = visit(index, value)` over the indices of all set bits, in ascending order.

    An index is visited repeatedly until `visit` returns it as finished. A second level of words marks the nonzero
    words, so that the search for the next one scans one word per 1024 bits.
    """
    groups = pack(words)

    def next_group(groups):
        numbers = jnp.arange(groups.shape[0], dtype=jnp.int32)
        return jnp.min(jnp.where(groups != 0, numbers, groups.shape[0]))

    def body(carry):
        value, words, groups, group = carry
        in_group, lowest_word = _lowest_bit(groups[group])
        word = group * WORD + in_group
        bit, lowest = _lowest_bit(words[word])
        value, finished = visit(word * WORD + bit, value)
        left = jnp.where(finished, words[word] ^ lowest, words[word])
        words = words.at[word].set(left)
        groups = groups.at[group].set(jnp.where(left == 0, groups[group] ^ lowest_word, groups[group]))
        return value, words, groups, next_group(groups)

    return lax.while_loop(lambda carry: carry[3] < groups.shape[0], body, (value, words, groups, next_group(groups)))[0]


def _lowest_bit(word):
    """Return the position of the lowest set bit of a word, and the word with only that bit set."""
    lowest = word & (~word + 1)
    return lax.population_count(lowest - 1).astype(jnp.int32), lowest
