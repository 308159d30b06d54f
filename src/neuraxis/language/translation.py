"""Decoding of an encoder–decoder: a target is written token by token, as a dynamics."""

from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float, Int, Integer, PRNGKeyArray

from neuraxis import check
from neuraxis.engine import ClosedLoop
from neuraxis.errors import InputError
from neuraxis.language.decoder import CrossCache
from neuraxis.language.encoder_decoder import EncoderDecoder
from neuraxis.language.generation import Sampling, run_sampling
from neuraxis.values import compiled


class Written(NamedTuple):
    """State of a decoder that has written some tokens."""

    caches: tuple[CrossCache, ...]  # of each block
    position: Int[Array, ""]  # number of tokens


class TargetDecoding(eqx.Module):
    """An encoder–decoder that has read a source, as a dynamics in discrete time.

    The input is a token of the target, at first `model.begin`, and the output the logits of the next one. The keys and
    values of the source are computed once, and those of each token are cached (key/value cache), so that a step
    processes only one token.

    Args:
        model: encoder–decoder.
        source: tokens, (…, m).
        length: maximum number of steps, after which the logits are NaN.

    Raises:
        InputError: for a model of another type, a source with invalid tokens, or a length that is not positive.
    """

    model: EncoderDecoder
    caches: tuple[CrossCache, ...]
    length: int = eqx.field(static=True)

    def __init__(self, model: EncoderDecoder, source: Integer[ArrayLike, "..."], *, length: int):
        check.instance(EncoderDecoder, model=model)
        check.whole(length=length)
        check.indices(model.source_tokens, source=source)
        self.model, self.length = model, int(length)
        self.caches = _read(model, jnp.asarray(source), int(length))

    def init_state(self, input_shape: Any = ()) -> Written:
        """Return the state before the first token."""
        return Written(self.caches, jnp.zeros((), jnp.int32))

    def step(
        self, state: Written, token: Integer[Array, "..."], dt: ArrayLike = 1.0
    ) -> tuple[Written, Float[Array, "... token"]]:
        """Read a token; return the logits of the next one."""
        model, position, caches = self.model, state.position, []
        new = jnp.asarray(token)[..., None]
        x = model.positions(model.target_embedding(new), positions=position + jnp.arange(1))
        for block, cache in zip(model.decoder.blocks, state.caches, strict=True):
            cache, x = block.extend(cache, x, position)
            caches.append(cache)
        logits = model.out(model.decoder.norm(x))[..., 0, :]
        return Written(tuple(caches), position + 1), jnp.where(position < self.length, logits, jnp.nan)


def translate(
    model: EncoderDecoder,
    source: Integer[ArrayLike, "..."],
    *,
    length: int,
    temperature: ArrayLike = 0.0,
    top_k: int | None = None,
    top_p: ArrayLike | None = None,
    key: PRNGKeyArray | None = None,
) -> Int[np.ndarray, "... length"]:
    """Generate the target of each source: its tokens up to and including `end`, followed by padding.

    Args:
        model: encoder–decoder.
        source: tokens, (…, m).
        length: maximum number of tokens.
        temperature: temperature T of softmax(z/T); 0 always takes the most probable token (greedy decoding).
        top_k: number of most probable tokens to sample from.
        top_p: total probability, in (0, 1], of the fewest most probable tokens to sample from.
        key: random key for sampling; not needed at temperature 0.

    Raises:
        InputError: as for `TargetDecoding` and `Sampling`, for a temperature above 0 without a key, or a model that
            returns NaN.
    """
    sampling: Any = Sampling(TargetDecoding(model, source, length=length), temperature, top_k, top_p)
    if key is None and np.any(temperature):
        raise InputError(f"a temperature above 0 needs a key, but is {check.received(temperature)} without one")
    first = jnp.full(np.shape(source)[:-1], model.begin, jnp.int32)
    tokens = run_sampling(ClosedLoop(sampling, first), length, key=jax.random.key(0) if key is None else key)
    is_end = tokens == model.end
    after = np.cumsum(is_end, axis=-1) - is_end > 0
    return np.where(after, model.padding, tokens).astype(np.int32)


@compiled
def _read(model: EncoderDecoder, source: Array, length: int) -> tuple[CrossCache, ...]:
    """Return the caches of the blocks before the first token."""
    memory = model.encode(source)
    return tuple(block.first_cache(memory, length) for block in model.decoder.blocks)
