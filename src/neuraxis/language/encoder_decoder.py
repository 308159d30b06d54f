"""The Transformer of 2017: an encoder reads a sequence, and a decoder that attends to it writes another one."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Bool, Float, Int, Integer, PRNGKeyArray

from neuraxis import check
from neuraxis.errors import InputError
from neuraxis.functions.initializers import scaled_normal
from neuraxis.functions.losses import categorical_cross_entropy_with_logits, one_hot
from neuraxis.language.decoder import CrossDecoder, Memory
from neuraxis.language.encoder import Encoder
from neuraxis.layers import Embedding, Linear, SinusoidalPositions


class EncoderDecoder(eqx.Module):
    """Logits of the target's token at position i + 1, given the source and the target up to i, for all i at once.

    memory = Encoder(E_s[source] + PE); logits = CrossDecoder(E_t[target] + PE, memory) W + b, with embeddings E_s and
    E_t, sinusoidal positions PE, which do not limit the length, and pre-norm.

    A target consists of `begin`, its tokens, and `end`; rows are padded with `padding` at the end. Padding is not
    attended to: it is masked in the source, and follows all relevant tokens of the target.

    Args:
        source_tokens: number of tokens in the vocabulary of sources.
        target_tokens: number of tokens in the vocabulary of targets, including padding, begin and end.
        size: number of features of each position.
        layers: number of blocks of the encoder, and of the decoder.
        heads: number of heads of each attention.
        hidden_size: number of hidden neurons of each feed-forward network.
        key: random key for the initial weights.
        padding: padding token of source and target.
        begin: first token of a target.
        end: last token of a target.

    Raises:
        InputError: for sizes that are not positive, heads that do not divide the size, special tokens that are out of
            range or equal, or an x that is not a pair of tokens with the same leading axes.

    Source: Vaswani et al., Advances in Neural Information Processing Systems (2017).
    """

    source_embedding: Embedding
    target_embedding: Embedding
    positions: SinusoidalPositions
    encoder: Encoder
    decoder: CrossDecoder
    out: Linear
    padding: int = eqx.field(static=True)
    begin: int = eqx.field(static=True)
    end: int = eqx.field(static=True)

    def __init__(
        self,
        source_tokens: int,
        target_tokens: int,
        *,
        size: int,
        layers: int,
        heads: int,
        hidden_size: int,
        key: PRNGKeyArray,
        padding: int = 0,
        begin: int = 1,
        end: int = 2,
    ):
        check.whole(source_tokens=source_tokens, target_tokens=target_tokens)
        check.key(key)
        _check_special(source_tokens, target_tokens, padding, begin, end)
        keys = jax.random.split(key, 5)
        self.source_embedding = Embedding(source_tokens, size, key=keys[0])
        self.target_embedding = Embedding(target_tokens, size, key=keys[1])
        self.positions = SinusoidalPositions()
        sizes = {"layers": layers, "heads": heads, "hidden_size": hidden_size}
        self.encoder = Encoder(size, **sizes, key=keys[2])
        self.decoder = CrossDecoder(size, **sizes, key=keys[3])
        self.out = Linear(size, target_tokens, key=keys[4], initializer=scaled_normal(1.0))
        self.padding, self.begin, self.end = int(padding), int(begin), int(end)

    @property
    def source_tokens(self) -> int:
        """Number of tokens in the vocabulary of sources."""
        return self.source_embedding.weight.shape[0]

    @property
    def tokens(self) -> int:
        """Number of tokens in the vocabulary of targets."""
        return self.target_embedding.weight.shape[0]

    def __call__(
        self, x: tuple[Integer[ArrayLike, "..."], Integer[ArrayLike, "..."]], *, key: PRNGKeyArray | None = None
    ) -> Float[Array, "... time token"]:
        """Map (source, target), (…, m) and (…, n), to logits (…, n, target_tokens), with teacher forcing."""
        source, target = self._pair(x)
        return self.out(self.decoder(self._embedded(target), self.encode(source)))

    def encode(self, source: Integer[ArrayLike, "..."]) -> Memory:
        """Map a source (…, m) to the memory that the decoder attends to."""
        tokens = _sequence("source", source, self.source_tokens)
        mask = tokens != self.padding
        return Memory(self.encoder(self.positions(self.source_embedding(tokens)), mask=mask), mask)

    def cross_weights(
        self, x: tuple[Integer[ArrayLike, "..."], Integer[ArrayLike, "..."]]
    ) -> Float[Array, "... block head n m"]:
        """Return the attention weights from each position of the target to those of the source.

        Position i predicts the token at i + 1.
        """
        source, target = self._pair(x)
        return self.decoder.cross_weights(self._embedded(target), self.encode(source))

    def _embedded(self, target: Array) -> Float[Array, "... n size"]:
        return self.positions(self.target_embedding(target))

    def _pair(self, x: Any) -> tuple[Array, Array]:
        if not isinstance(x, tuple | list) or len(x) != 2:
            raise InputError(f"x must be the pair (source, target), but is {check.received(x)}")
        source = _sequence("source", x[0], self.source_tokens)
        target = _sequence("target", x[1], self.tokens)
        if source.shape[:-1] != target.shape[:-1]:
            raise InputError(
                f"source and target must agree in all axes but the last, but have shapes {source.shape} and "
                f"{target.shape}"
            )
        return source, target


def loss(
    model: EncoderDecoder,
    source: Integer[ArrayLike, "batch m"],
    target: Integer[ArrayLike, "batch n"],
    *,
    key: PRNGKeyArray | None = None,
) -> Float[Array, " batch"]:
    """Return the mean cross-entropy [nats] of each target's tokens, given the source and the preceding tokens.

    The mean is over all tokens but the first and padding; it is 0 for a target without such tokens.

    Args:
        model: encoder–decoder.
        source: tokens, (batch, m).
        target: tokens, (batch, n), with n ≥ 2: begin, tokens, end, padding.
        key: not used.

    Raises:
        InputError: for incompatible shapes, or tokens out of range.
    """
    logits, labels, counted = _predicted(model, source, target)
    errors = categorical_cross_entropy_with_logits(logits, one_hot(labels, logits.shape[-1]))
    return jnp.sum(errors, axis=-1, where=counted) / jnp.maximum(jnp.sum(counted, axis=-1), 1)


def all_right(
    model: EncoderDecoder,
    source: Integer[ArrayLike, "batch m"],
    target: Integer[ArrayLike, "batch n"],
    *,
    key: PRNGKeyArray | None = None,
) -> Bool[Array, " batch"]:
    """Return for each example whether every token of the target is the most probable one, given the preceding tokens.

    This holds if and only if greedy decoding, by `translate`, reproduces the target: until its first error it receives
    the same tokens as here. The arguments are those of `loss`.
    """
    logits, labels, counted = _predicted(model, source, target)
    right = (jnp.argmax(logits, axis=-1) == labels) & ~jnp.any(jnp.isnan(logits), axis=-1)
    return jnp.all(right | ~counted, axis=-1)


def _predicted(model: EncoderDecoder, source: ArrayLike, target: ArrayLike) -> tuple[Array, Array, Array]:
    """Return logits, the tokens to be predicted, and which of these are not padding."""
    check.functions(model=model)
    tokens = check.array("target", target)
    if not tokens.ndim or tokens.shape[-1] < 2:
        raise InputError(f"target must have at least two positions, (…, n ≥ 2), but has shape {tokens.shape}")
    labels = jnp.asarray(tokens)[..., 1:]
    return model((source, tokens[..., :-1])), labels, labels != model.padding


def _sequence(name: str, tokens: Any, count: int) -> Int[Array, "... time"]:
    check.indices(count, **{name: tokens})
    numbers = jnp.asarray(check.array(name, tokens))
    if not numbers.ndim:
        raise InputError(f"{name} must have shape (…, time), but is one token")
    return numbers


def _check_special(source_tokens: int, target_tokens: int, padding: int, begin: int, end: int) -> None:
    special = {"padding": padding, "begin": begin, "end": end}
    check.whole(0, **special)
    for name, token in special.items():
        if token >= target_tokens:
            raise InputError(f"{name} must be one of the {target_tokens} tokens of targets, but is {token}")
    if padding >= source_tokens:
        raise InputError(f"padding must be one of the {source_tokens} tokens of sources, but is {padding}")
    if len(set(special.values())) < 3:
        raise InputError(f"padding, begin and end must be different tokens, but are {padding}, {begin} and {end}")
