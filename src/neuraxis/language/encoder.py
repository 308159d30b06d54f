"""The encoder of a Transformer: every place of a sequence looks at all the others."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Bool, Float, Num, PRNGKeyArray

from neuraxis import check
from neuraxis.errors import InputError
from neuraxis.language.transformer_block import TransformerBlock
from neuraxis.layers import FeedForward, LayerNorm, MultiHeadAttention


class Encoder(eqx.Module):
    """y = LN(blockᴸ(… block¹(x))): a bidirectional network, in which every place of a sequence looks at all others.

    Alone it is an encoder-only network, of features such as those that `Embedding` and `SinusoidalPositions` give. Its
    blocks normalise before each part (see `TransformerBlock`).

    Args:
        size: features of x and y.
        layers: number of blocks.
        heads: of the attention in each.
        hidden_size: of the feed-forward part in each, whose activation is ReLU.
        key: seed of the weights.

    Raises:
        InputError: for sizes that are not positive, heads that do not divide the size, an x of another size, or a mask
            that is not one truth value for each place.

    Source: Vaswani et al., Advances in Neural Information Processing Systems (2017), section 3.1.
    """

    blocks: tuple[TransformerBlock, ...]
    norm: LayerNorm

    def __init__(self, size: int, *, layers: int, heads: int, hidden_size: int, key: PRNGKeyArray):
        check.whole(layers=layers)
        check.key(key)

        def block(key: PRNGKeyArray) -> TransformerBlock:
            first, second = jax.random.split(key)
            return TransformerBlock(
                MultiHeadAttention(size, heads, key=first),
                FeedForward(size, hidden_size, key=second),
                LayerNorm(size),
                LayerNorm(size),
            )

        self.blocks = tuple(map(block, jax.random.split(key, layers)))
        self.norm = LayerNorm(size)

    def __call__(
        self,
        x: Num[ArrayLike, "..."],
        *,
        mask: Bool[ArrayLike, "..."] | None = None,
        key: PRNGKeyArray | None = None,
    ) -> Float[Array, "... time size"]:
        """Map (…, time, size) to (…, time, size).

        Args:
            x: features.
            mask: which places hold something, (…, time), as `padding.within(lengths, time)` gives it. None looks at the
                others, whose own outputs mean nothing.
            key: not used.
        """
        h = check.floats("x", x)
        seen = None if mask is None else for_queries(mask, h.shape[:-1], "x")
        for block in self.blocks:
            h = block(h, mask=seen)
        return self.norm(h)


def for_queries(mask: Bool[ArrayLike, "..."], shape: tuple[int, ...], name: str) -> Bool[Array, "... 1 time"]:
    """Return a mask of the places of a sequence an axis for those that look at it, to all of which it is the same.

    Args:
        mask: True where the sequence holds something.
        shape: (…, time) of the sequence, to which the mask broadcasts.
        name: of the sequence, for the message.

    Raises:
        InputError: for a mask that holds no truth values, or does not fit.
    """
    held = jnp.asarray(check.array("mask", mask))
    if held.dtype != bool:
        raise InputError(f"mask must contain booleans, True where {name} holds something, but has dtype {held.dtype}")
    if not held.ndim or not shape or held.shape[-1] != shape[-1]:
        raise InputError(f"mask must be one boolean for each place of {name}, {shape}, but has shape {held.shape}")
    check.fits(shape, mask=held)
    return held[..., None, :]
