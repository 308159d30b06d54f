"""The block that Transformers are a stack of."""

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
    """The keys and values of the places that a block has seen, in arrays that have room for the whole context."""

    keys: Float[Array, "... head context d"]
    values: Float[Array, "... head context d"]


class TransformerBlock(eqx.Module):
    """h = x + attention(norm₁(x)); y = h + feed_forward(norm₂(h)).

    Each part receives normalised input and adds to what runs through all blocks (pre-norm), which trains without care
    for the first steps; the paper of 2017 normalised the sum.

    Args:
        attention: self-attention, (…, time, size) to the same shape.
        feed_forward: map of each place, (…, size) to (…, size).
        attention_norm: norm₁.
        feed_forward_norm: norm₂.

    Raises:
        InputError: for parts that are not of these kinds.

    Source: Vaswani et al., Advances in Neural Information Processing Systems (2017); Xiong et al., On layer
    normalization in the Transformer architecture, ICML (2020), for the place of the norms.
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
        """Return a cache that has seen nothing, for inputs with these leading axes and so many places at most."""
        size, heads = self.attention.out.weight.shape[0], self.attention.heads
        nothing = jnp.zeros((*leading, heads, context, size // heads), self.attention.out.weight.dtype)
        return Cache(nothing, nothing)

    def extend(
        self, cache: Cache, x: Float[Array, "... new size"], position: Int[Array, ""]
    ) -> tuple[Cache, Float[Array, "... new size"]]:
        """Go on with some more places, the first of which is number `position`; each sees those up to itself.

        The result is that of a call with all places and a causal mask, at the new ones.
        """
        cache, heads = attend_to_cache(self.attention, cache, self.attention_norm(x), position)
        return cache, self._after(x, heads)

    def _after(self, x: Array, heads: Array) -> Array:
        h = x + self.attention.merge(heads)
        return h + self.feed_forward(self.feed_forward_norm(h))


def attend_to_cache(
    layer: MultiHeadAttention, cache: Cache, x: Float[Array, "... new size"], position: Int[Array, ""]
) -> tuple[Cache, Float[Array, "... head new d"]]:
    """Take some more places into a cache; give it, and what the heads see of all places up to each of the new ones.

    Args:
        layer: whose heads these are.
        cache: of the places before.
        x: features of the new places.
        position: number of the first of them.
    """
    places = position + jnp.arange(x.shape[-2])
    q, k, v = layer.project(x, positions=places)
    keys, values = (
        lax.dynamic_update_slice_in_dim(old, new, position, axis=-2) for old, new in zip(cache, (k, v), strict=True)
    )
    seen = jnp.arange(keys.shape[-2]) <= places[:, None]
    return Cache(keys, values), attention(q, keys, values, seen)
