"""The encoder of a Transformer: every position of a sequence attends to all others."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Bool, Float, Num, PRNGKeyArray

from neuraxis import check
from neuraxis.errors import InputError
from neuraxis.language.transformer_block import TransformerBlock
from neuraxis.layers import FeedForward, LayerNorm, MultiHeadAttention


class Encoder(eqx.Module):
    """y = LN(blockᴸ(… block¹(x))): a bidirectional network, in which every position attends to all others.

    On its own it is an encoder-only network, for features such as those of `Embedding` and `SinusoidalPositions`. Its
    blocks normalise the input of each sublayer (see `TransformerBlock`).

    Args:
        size: number of features of x and y.
        layers: number of blocks.
        heads: number of heads of each attention.
        hidden_size: number of hidden neurons of each feed-forward network, with ReLU.
        key: random key for the initial weights.

    Raises:
        InputError: for sizes that are not positive, heads that do not divide the size, an x of another size, or a mask
            that is not one boolean for each position.

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
            mask: True for positions that are not padding, (…, time), as returned by `padding.within(lengths, time)`.
                Padding is not attended to, and its outputs are meaningless.
            key: not used.
        """
        h = check.floats("x", x)
        seen = None if mask is None else for_queries(mask, h.shape[:-1], "x")
        for block in self.blocks:
            h = block(h, mask=seen)
        return self.norm(h)


def for_queries(mask: Bool[ArrayLike, "..."], shape: tuple[int, ...], name: str) -> Bool[Array, "... 1 time"]:
    """Insert an axis for the queries into the mask of a sequence, which is the same for all of them.

    Args:
        mask: True for positions of the sequence that are not padding.
        shape: shape of the sequence, (…, time), to which the mask broadcasts.
        name: name of the sequence in messages.

    Raises:
        InputError: for a mask that is not boolean, or does not broadcast.
    """
    held = jnp.asarray(check.array("mask", mask))
    if held.dtype != bool:
        raise InputError(f"mask must contain booleans, False for padding of {name}, but has dtype {held.dtype}")
    if not held.ndim or not shape or held.shape[-1] != shape[-1]:
        raise InputError(f"mask must be one boolean for each position of {name}, {shape}, but has shape {held.shape}")
    check.fits(shape, mask=held)
    return held[..., None, :]
