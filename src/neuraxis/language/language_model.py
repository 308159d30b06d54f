"""Language models, which predict the next token."""

from collections.abc import Callable

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float, Int, Integer, PRNGKeyArray

from neuraxis import check
from neuraxis.errors import InputError
from neuraxis.functions.attention import causal_mask
from neuraxis.language.transformer_block import Cache, TransformerBlock
from neuraxis.layers import Embedding, Linear


class LanguageModel(eqx.Module):
    """Logits of the next token at each position: z = norm(blockₙ(… block₁(E[tokens] + PE))) U.

    Attention is causal. `transformer_2017` and `modern_transformer` create two such models.

    Args:
        embedding: embedding E of the tokens.
        positions: map that adds the positional encoding PE, such as `SinusoidalPositions`; None for blocks with rotary
            positions.
        blocks: Transformer blocks.
        norm: normalisation of the output of the last block.
        unembedding: linear map U from features to one logit for each token.
        context: maximum number of tokens that the model reads at once.

    Raises:
        InputError: for parts of another type.

    Source: Radford et al., Improving language understanding by generative pre-training (2018).
    """

    embedding: Embedding
    positions: Callable | None
    blocks: tuple[TransformerBlock, ...]
    norm: Callable
    unembedding: Linear
    context: int = eqx.field(static=True)

    def __check_init__(self):
        check.instance(Embedding, embedding=self.embedding)
        if not isinstance(self.blocks, tuple) or not self.blocks:
            raise InputError(f"blocks must be a tuple of one or more, but is {check.received(self.blocks)}")
        check.instance(TransformerBlock, **{f"blocks[{i}]": block for i, block in enumerate(self.blocks)})
        check.functions(norm=self.norm, **({} if self.positions is None else {"positions": self.positions}))
        check.instance(Linear, unembedding=self.unembedding)
        check.whole(context=self.context)

    @property
    def tokens(self) -> int:
        """Number of tokens in the vocabulary."""
        return self.embedding.weight.shape[0]

    def __call__(
        self, tokens: Integer[ArrayLike, "..."], *, key: PRNGKeyArray | None = None
    ) -> Float[Array, "... time token"]:
        """Map tokens (…, time) to logits (…, time, token).

        Raises:
            InputError: for tokens that are not integers from 0 to the size of the vocabulary − 1, or more than the
                context.
        """
        x = self._embedded(tokens)
        mask = causal_mask(x.shape[-2])
        for block in self.blocks:
            x = block(x, mask=mask)
        return self.unembedding(self.norm(x))

    def attention_maps(self, tokens: Integer[ArrayLike, "..."]) -> Float[Array, "... block head time time"]:
        """Return the attention weights of every head of every block."""
        x = self._embedded(tokens)
        mask, maps = causal_mask(x.shape[-2]), []
        for block in self.blocks:
            maps.append(block.attention.weights(block.attention_norm(x), mask=mask))
            x = block(x, mask=mask)
        return jnp.stack(maps, axis=-4)

    def first_caches(self, leading: tuple[int, ...] = ()) -> tuple[Cache, ...]:
        """Return an empty cache for each block, for tokens with these leading axes."""
        return tuple(block.first_cache(leading, self.context) for block in self.blocks)

    def extend(
        self, caches: tuple[Cache, ...], tokens: Int[Array, "... new"], position: Int[Array, ""]
    ) -> tuple[tuple[Cache, ...], Float[Array, "... new token"]]:
        """Read further tokens, the first of which is at `position`; return the caches and their logits.

        The logits equal those of a call with all tokens so far; only the cost of attention grows with their number.
        `Decoding` is the corresponding dynamics.
        """
        x, after = self._embedded(tokens, position + jnp.arange(tokens.shape[-1])), []
        for block, cache in zip(self.blocks, caches, strict=True):
            cache, x = block.extend(cache, x, position)
            after.append(cache)
        return tuple(after), self.unembedding(self.norm(x))

    def _embedded(self, tokens: ArrayLike, positions: Array | None = None) -> Array:
        known = check.array("tokens", tokens)
        if known.ndim < 1:
            raise InputError("tokens must have shape (…, time), but are a single number")
        if known.shape[-1] > self.context:
            raise InputError(
                f"tokens must be at most {self.context} at once, the context of the model, but are {known.shape[-1]}"
            )
        check.indices(self.tokens, tokens=known)
        x = self.embedding(known)
        return x if self.positions is None else self.positions(x, positions=positions)
