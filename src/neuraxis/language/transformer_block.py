"""The Transformer block."""

from collections.abc import Callable
from typing import NamedTuple

import equinox as eqx
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, ArrayLike, Bool, Float, Int, Num, PRNGKeyArray

from neuraxis import check
from neuraxis.functions.attention import attention
from neuraxis.layers import MultiHeadAttention
from neuraxis.layers.attention import for_heads


class Cache(NamedTuple):
    """Keys and values of the positions that a block has processed, in arrays with room for the whole context."""

    keys: Float[Array, "... head context d"]
    values: Float[Array, "... head context d"]


class TransformerBlock(eqx.Module):
    """h = x + attention(norm₁(x)); y = h + feed_forward(norm₂(h)).

    Each sublayer receives normalised input and adds its output to the residual stream (pre-norm), which trains without
    a warm-up of the learning rate; the paper of 2017 normalised the sum.

    Args:
        attention: self-attention, (…, time, size) to the same shape.
        feed_forward: map at each position, (…, size) to (…, size).
        attention_norm: norm₁.
        feed_forward_norm: norm₂.

    Raises:
        InputError: for parts of another type.

    Source: Vaswani et al., Advances in Neural Information Processing Systems (2017); Xiong et al., On layer
    normalization in the Transformer architecture, ICML (2020), for pre-norm.
    """

    attention: MultiHeadAttention
    feed_forward: Callable
    attention_norm: Callable
    feed_forward_norm: Callable

    def __check_init__(self):
        check.instance(MultiHeadAttention, attention=self.attention)
        parts = "feed_forward", "attention_norm", "feed_forward_norm"
        check.functions(**{name: getattr(self, name) for name in parts})

    def __call__(
        self,
        x: Num[ArrayLike, "..."],
        *,
        mask: Bool[ArrayLike, "..."] | None = None,
        positions: ArrayLike | None = None,
        key: PRNGKeyArray | None = None,
    ) -> Float[Array, "... time size"]:
        """Map (…, time, size) to the same shape; `mask` and `positions` are those of the attention."""
        numbers = check.floats("x", x)
        q, k, v = self.attention.project(self.attention_norm(numbers), positions=positions)
        return self._after(numbers, attention(q, k, v, for_heads(mask)))

    def first_cache(self, leading: tuple[int, ...], context: int) -> Cache:
        """Return an empty cache, for inputs with these leading axes and at most `context` positions."""
        size, heads = self.attention.out.weight.shape[0], self.attention.heads
        nothing = jnp.zeros((*leading, heads, context, size // heads), self.attention.out.weight.dtype)
        return Cache(nothing, nothing)

    def extend(
        self, cache: Cache, x: Float[Array, "... new size"], position: Int[Array, ""]
    ) -> tuple[Cache, Float[Array, "... new size"]]:
        """Process further positions, the first of which has index `position`; return the cache and their features.

        The features equal those of a call with all positions and a causal mask.
        """
        cache, heads = attend_to_cache(self.attention, cache, self.attention_norm(x), position)
        return cache, self._after(x, heads)

    def _after(self, x: Array, heads: Array) -> Array:
        h = x + self.attention.merge(heads)
        return h + self.feed_forward(self.feed_forward_norm(h))


def attend_to_cache(
    layer: MultiHeadAttention, cache: Cache, x: Float[Array, "... new size"], position: Int[Array, ""]
) -> tuple[Cache, Float[Array, "... head new d"]]:
    """Append further positions to a cache; return it, and the output of each head at the new positions.

    Args:
        layer: attention layer.
        cache: keys and values of the preceding positions.
        x: features of the new positions.
        position: index of the first new position.
    """
    places = position + jnp.arange(x.shape[-2])
    q, k, v = layer.project(x, positions=places)
    keys, values = (
        lax.dynamic_update_slice_in_dim(old, new, position, axis=-2) for old, new in zip(cache, (k, v), strict=True)
    )
    seen = jnp.arange(keys.shape[-2]) <= places[:, None]
    return Cache(keys, values), attention(q, keys, values, seen)
