"""Transformers as language models: that of 2017, and a modern one from the same parts."""

import jax
from jaxtyping import PRNGKeyArray

from neuraxis import check
from neuraxis.functions.activations import relu, squared_relu
from neuraxis.functions.initializers import Initializer, scaled_normal
from neuraxis.language.language_model import LanguageModel
from neuraxis.language.transformer_block import TransformerBlock
from neuraxis.layers import (
    Embedding,
    FeedForward,
    LayerNorm,
    Linear,
    MultiHeadAttention,
    RMSNorm,
    RotaryPositions,
    SinusoidalPositions,
)

_SMALL: Initializer = scaled_normal(0.05)  # logits near 0
_CALM: Initializer = scaled_normal(1 / 3)  # the variance of PyTorch's layers: blocks add little at first


def transformer_2017(
    tokens: int, *, size: int = 128, layers: int = 4, heads: int = 4, context: int = 64, key: PRNGKeyArray
) -> LanguageModel:
    """Create the Transformer of 2017 as a language model: sinusoidal positions, layer normalisation, ReLU.

    It is a decoder without cross-attention, and with pre-norm (see `TransformerBlock`).

    Args:
        tokens: number of tokens in the vocabulary.
        size: number of features of a position; feed-forward networks have four times as many hidden neurons.
        layers: number of blocks.
        heads: number of attention heads of each block.
        context: maximum number of tokens that the model reads at once.
        key: random key for the initial weights.

    Raises:
        InputError: for numbers that are not positive, or heads that do not divide the size.

    Source: Vaswani et al., Attention is all you need, Advances in Neural Information Processing Systems (2017).
    """
    check.whole(tokens=tokens, size=size, layers=layers, heads=heads, context=context)
    check.key(key)

    def block(key: PRNGKeyArray) -> TransformerBlock:
        first, second = jax.random.split(key)
        return TransformerBlock(
            MultiHeadAttention(size, heads, key=first, initializer=_CALM),
            FeedForward(size, 4 * size, key=second, activation=relu, initializer=_CALM),
            LayerNorm(size),
            LayerNorm(size),
        )

    first, last, *keys = jax.random.split(key, layers + 2)
    return LanguageModel(
        embedding=Embedding(tokens, size, key=first),
        positions=SinusoidalPositions(),
        blocks=tuple(map(block, keys)),
        norm=LayerNorm(size),
        unembedding=Linear(size, tokens, key=last, initializer=_CALM, bias=False),
        context=context,
    )


def modern_transformer(
    tokens: int, *, size: int = 128, layers: int = 4, heads: int = 4, context: int = 64, key: PRNGKeyArray
) -> LanguageModel:
    """Create a modern language model: rotary positions, RMS norm, normalised queries and keys, squared ReLU.

    It has no biases, and its blocks initially add 0. The arguments are those of `transformer_2017`.

    Raises:
        InputError: as for `transformer_2017`, and for heads with an odd number of features.

    Source: Karpathy, nanochat (2025), after Jordan et al., modded-nanogpt (2024), for the choice of parts.
    """
    check.whole(tokens=tokens, size=size, layers=layers, heads=heads, context=context)
    check.key(key)

    def block(key: PRNGKeyArray) -> TransformerBlock:
        first, second = jax.random.split(key)
        return TransformerBlock(
            MultiHeadAttention(
                size,
                heads,
                key=first,
                rotary=RotaryPositions(),
                query_norm=RMSNorm(size // heads),
                key_norm=RMSNorm(size // heads),
                bias=False,
            ),
            FeedForward(size, 4 * size, key=second, activation=squared_relu, bias=False),
            RMSNorm(size),
            RMSNorm(size),
        )

    first, last, *keys = jax.random.split(key, layers + 2)
    return LanguageModel(
        embedding=Embedding(tokens, size, key=first),
        positions=None,
        blocks=tuple(map(block, keys)),
        norm=RMSNorm(size),
        unembedding=Linear(size, tokens, key=last, initializer=_SMALL, bias=False),
        context=context,
    )
