"""Next-token prediction: the loss of a language model, and its conversion to bits per byte."""

import math
from typing import Any

import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float, Integer, PRNGKeyArray

from neuraxis import check
from neuraxis.errors import InputError
from neuraxis.functions.losses import categorical_cross_entropy_with_logits, one_hot
from neuraxis.kinds import Map


def next_token_loss(
    model: Map, tokens: Integer[ArrayLike, "batch time"], *, key: PRNGKeyArray | None = None
) -> Float[Array, " batch"]:
    """Return the mean over each window of −ln p of all tokens but the first, given those before [nats per token].

    Args:
        model: map from tokens (batch, time) to logits (batch, time, token), such as a `LanguageModel`.
        tokens: windows of a text, one token longer than the input of the model.
        key: random key for the model.

    Raises:
        InputError: for windows of fewer than two tokens, or that the model rejects.
    """
    check.functions(model=model)
    known = jnp.asarray(check.array("tokens", tokens))
    if known.ndim < 1 or known.shape[-1] < 2:
        raise InputError(f"tokens must have shape (…, time) with time ≥ 2, but have shape {known.shape}")
    logits: Any = model(known[..., :-1], key=key)
    losses = categorical_cross_entropy_with_logits(logits, one_hot(known[..., 1:], logits.shape[-1]))
    return jnp.mean(losses, axis=-1)


def bits_per_byte(nats_per_token: float, tokens: int, text: str) -> float:
    """Return the loss of a text in bits per byte of its UTF-8 encoding, which is comparable across tokenisers.

    Args:
        nats_per_token: mean loss per token [nats].
        tokens: number of tokens of the text.
        text: the text.

    Raises:
        InputError: for a loss that is negative or not finite, or a text that is empty.
    """
    check.not_negative(nats_per_token=nats_per_token)
    check.whole(tokens=tokens)
    check.instance(str, text=text)
    if not text:
        raise InputError("text must contain at least one character, but is empty")
    return float(nats_per_token) * tokens / (math.log(2) * len(text.encode("utf-8", "surrogatepass")))
