"""The decoder of a Transformer with cross-attention to the output of an encoder, its memory."""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Bool, Float, Int, Num, PRNGKeyArray

from neuraxis import check
from neuraxis.functions.attention import attention, causal_mask
from neuraxis.language.encoder import for_queries
from neuraxis.language.transformer_block import Cache, attend_to_cache
from neuraxis.layers import FeedForward, LayerNorm, MultiHeadAttention
from neuraxis.layers.attention import for_heads


class Memory(NamedTuple):
    """Output of an encoder, and the mask of its positions that are not padding."""

    features: Float[Array, "... m size"]
    mask: Bool[Array, "... m"]


class CrossCache(NamedTuple):
    """Keys and values that a block keeps from step to step of decoding."""

    written: Cache  # of the positions so far
    memory: Cache  # of the memory, computed once
    mask: Bool[Array, "... 1 m"]  # of the memory


class CrossDecoderBlock(eqx.Module):
    """h ← h + Attention(LN(h)); h ← h + Attention(LN(h), memory); h ← h + FeedForward(LN(h)).

    The first attention is causal: each position attends to itself and to earlier ones. The second (cross-attention)
    attends to the whole memory. Each sublayer receives normalised input (pre-norm).

    Args:
        size: number of features of h and of the memory.
        heads: number of heads of each attention.
        hidden_size: number of hidden neurons of the feed-forward network, with ReLU.
        key: random key for the initial weights.

    Raises:
        InputError: for sizes that are not positive, heads that do not divide the size, or an h or memory of another
            shape.

    Source: Vaswani et al., Advances in Neural Information Processing Systems (2017), section 3.1; for pre-norm, Xiong
    et al., On layer normalization in the Transformer architecture, ICML (2020).
    """

    attention: MultiHeadAttention
    cross_attention: MultiHeadAttention
    feed_forward: FeedForward
    attention_norm: LayerNorm
    cross_attention_norm: LayerNorm
    feed_forward_norm: LayerNorm

    def __init__(self, size: int, heads: int, hidden_size: int, *, key: PRNGKeyArray):
        check.key(key)
        first, second, third = jax.random.split(key, 3)
        self.attention = MultiHeadAttention(size, heads, key=first)
        self.cross_attention = MultiHeadAttention(size, heads, key=second)
        self.feed_forward = FeedForward(size, hidden_size, key=third)
        self.attention_norm, self.cross_attention_norm, self.feed_forward_norm = (LayerNorm(size) for _ in range(3))

    def __call__(
        self, h: Num[ArrayLike, "..."], memory: Memory, *, key: PRNGKeyArray | None = None
    ) -> Float[Array, "... time size"]:
        """Map (…, time, size) to (…, time, size)."""
        x = self._attended(h)
        x = x + self.cross_attention(self.cross_attention_norm(x), context=memory.features, mask=_mask(memory))
        return x + self.feed_forward(self.feed_forward_norm(x))

    def cross_weights(self, h: Num[ArrayLike, "..."], memory: Memory) -> Float[Array, "... head time m"]:
        """Return the attention weights of every head, from each position of h to those of the memory."""
        x = self.cross_attention_norm(self._attended(h))
        return self.cross_attention.weights(x, context=memory.features, mask=_mask(memory))

    def first_cache(self, memory: Memory, length: int) -> CrossCache:
        """Return a cache with room for `length` positions, and with the keys and values of the memory."""
        keys, values = self.cross_attention.keys_and_values(memory.features)
        room = jnp.zeros((*keys.shape[:-2], length, keys.shape[-1]), keys.dtype)
        return CrossCache(Cache(room, room), Cache(keys, values), _mask(memory))

    def extend(
        self, cache: CrossCache, x: Float[Array, "... new size"], position: Int[Array, ""]
    ) -> tuple[CrossCache, Float[Array, "... new size"]]:
        """Process further positions, the first of which has index `position`; return the cache and their features.

        The features equal those of a call with all positions.
        """
        written, heads = attend_to_cache(self.attention, cache.written, self.attention_norm(x), position)
        x = x + self.attention.merge(heads)
        q = self.cross_attention.queries(self.cross_attention_norm(x))
        x = x + self.cross_attention.merge(attention(q, *cache.memory, for_heads(cache.mask)))
        return cache._replace(written=written), x + self.feed_forward(self.feed_forward_norm(x))

    def _attended(self, h: ArrayLike) -> Array:
        """Return h after the causal self-attention."""
        x = check.floats("h", h)
        mask = causal_mask(x.shape[-2]) if x.ndim > 1 else None  # the attention rejects other shapes
        return x + self.attention(self.attention_norm(x), mask=mask)


class CrossDecoder(eqx.Module):
    """y = LN(blockᴸ(… block¹(x, memory) …, memory)).

    Args:
        size: number of features of x, of the memory and of y.
        layers: number of blocks.
        heads: number of heads of each attention.
        hidden_size: number of hidden neurons of each feed-forward network.
        key: random key for the initial weights.

    Raises:
        InputError: as for `CrossDecoderBlock`.
    """

    blocks: tuple[CrossDecoderBlock, ...]
    norm: LayerNorm

    def __init__(self, size: int, *, layers: int, heads: int, hidden_size: int, key: PRNGKeyArray):
        check.whole(layers=layers)
        check.key(key)
        self.blocks = tuple(CrossDecoderBlock(size, heads, hidden_size, key=k) for k in jax.random.split(key, layers))
        self.norm = LayerNorm(size)

    def __call__(
        self, x: Num[ArrayLike, "..."], memory: Memory, *, key: PRNGKeyArray | None = None
    ) -> Float[Array, "... time size"]:
        """Map (…, time, size) to (…, time, size)."""
        h = check.floats("x", x)
        for block in self.blocks:
            h = block(h, memory)
        return self.norm(h)

    def cross_weights(self, x: Num[ArrayLike, "..."], memory: Memory) -> Float[Array, "... block head time m"]:
        """Return the cross-attention weights of every block."""
        h, weights = check.floats("x", x), []
        for block in self.blocks:
            weights.append(block.cross_weights(h, memory))
            h = block(h, memory)
        return jnp.stack(weights, axis=-4)


def _mask(memory: Memory) -> Bool[Array, "... 1 m"]:
    return for_queries(memory.mask, memory.features.shape[:-1], "the memory")
