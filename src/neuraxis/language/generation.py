"""Text generation: a language model reads one token after the other, and its own output as further input."""

from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.core import Tracer
from jaxtyping import Array, ArrayLike, Float, Int, Integer, PRNGKeyArray

from neuraxis import check
from neuraxis.engine import ClosedLoop, simulate
from neuraxis.engine.dynamics import check_dynamics
from neuraxis.errors import DivergedError, InputError
from neuraxis.functions.precision import single
from neuraxis.kinds import Dynamics
from neuraxis.language.language_model import LanguageModel
from neuraxis.language.transformer_block import Cache
from neuraxis.values import compiled


class Reading(NamedTuple):
    """State of a language model that has read some tokens."""

    caches: tuple[Cache, ...]  # keys and values of each block
    tokens: Int[Array, "... context"]  # since the last restart; meaningless from `position` on
    position: Int[Array, ""]  # number of tokens since the last restart


class Decoding(eqx.Module):
    """A language model as a dynamics in discrete time: the input is a token, the output the logits of the next one.

    It caches the keys and values of the tokens read so far (key/value cache), so that a step processes only one token.
    As long as the tokens fit into the context, the logits are those of `model(tokens)`. When it is full, decoding
    restarts from the second half of the context, which is read again at once. The text can thus have any length, of
    which the model sees between half a context and a full one.

    Args:
        model: language model.

    Raises:
        InputError: for a model of another type.
    """

    model: LanguageModel

    def __check_init__(self):
        check.instance(LanguageModel, model=self.model)

    def init_state(self, input_shape: tuple[int, ...] = ()) -> Reading:
        """Return the state before the first token, for tokens of that shape, one per text."""
        shape = check.broadcast(input_shape)
        tokens = jnp.zeros((*shape, self.model.context), jnp.int32)
        return Reading(self.model.first_caches(shape), tokens, jnp.zeros((), jnp.int32))

    def read(self, tokens: Integer[ArrayLike, "... time"], count: ArrayLike | None = None) -> Reading:
        """Return the state after reading tokens (…, time), all at once.

        Args:
            tokens: tokens, at most as many as the context.
            count: number of tokens that are read, from the first; all by default.

        Raises:
            InputError: for more tokens than the context, or tokens out of range.
        """
        check.indices(self.model.tokens, tokens=tokens)
        known = jnp.asarray(tokens, jnp.int32)
        caches, _ = self.model.extend(self.model.first_caches(known.shape[:-1]), known, jnp.zeros((), jnp.int32))
        kept = jnp.zeros((*known.shape[:-1], self.model.context), jnp.int32).at[..., : known.shape[-1]].set(known)
        return Reading(caches, kept, jnp.asarray(known.shape[-1] if count is None else count, jnp.int32))

    def step(
        self, state: Reading, token: Integer[Array, "..."], dt: ArrayLike = 1.0
    ) -> tuple[Reading, Float[Array, "... token"]]:
        """Read a token; return the logits of the next one."""
        full = state.position == self.model.context
        state = lax.cond(full, lambda state: self._begun_anew(state), lambda state: state, state)
        new = jnp.asarray(token, jnp.int32)[..., None]
        caches, logits = self.model.extend(state.caches, new, state.position)
        tokens = lax.dynamic_update_slice_in_dim(state.tokens, new, state.position, axis=-1)
        return Reading(caches, tokens, state.position + 1), logits[..., 0, :]

    def _begun_anew(self, state: Reading) -> Reading:
        """Return the state after reading only the second half of the context."""
        kept = self.model.context // 2
        if not kept:
            return self.init_state(state.tokens.shape[:-1])
        return self.read(jnp.roll(state.tokens, kept, axis=-1), kept)


class Sampling(eqx.Module):
    """A language model whose output is the next token, drawn from softmax(z/T); at T = 0, the most probable one.

    With `top_k`, only the k most probable tokens are drawn; with `top_p`, only the smallest set of most probable tokens
    whose probabilities add up to p (nucleus sampling).

    Args:
        decoding: `Decoding`, or another dynamics from tokens to the logits z of its `model`.
        temperature: temperature T; a low one favours probable tokens.
        top_k: number k, at most the number of tokens.
        top_p: total probability p, in (0, 1].

    Raises:
        InputError: for values out of range.

    Source: Holtzman et al., The curious case of neural text degeneration, ICLR (2020), for top-p.
    """

    decoding: Dynamics
    temperature: ArrayLike = 1.0
    top_k: int | None = None
    top_p: ArrayLike | None = None

    def __check_init__(self):
        check_dynamics("decoding", self.decoding)
        check.not_negative(temperature=self.temperature)
        check.one_number(temperature=self.temperature)
        tokens = self.decoding.model.tokens  # pyright: ignore[reportAttributeAccessIssue]
        if self.top_k is not None:
            check.whole(top_k=self.top_k)
            if self.top_k > tokens:
                raise InputError(f"top_k must be at most {tokens}, the number of tokens, but is {self.top_k}")
        if self.top_p is not None:
            check.positive(top_p=self.top_p)
            check.one_number(top_p=self.top_p)
            if not isinstance(self.top_p, Tracer) and np.asarray(self.top_p) > 1:
                raise InputError(f"top_p must lie in (0, 1], but is {self.top_p}")

    def init_state(self, input_shape: tuple[int, ...] = ()) -> Any:
        """Return the state before the first token, for tokens of that shape, one per text."""
        return self.decoding.init_state(input_shape)

    def step(
        self, state: Any, token: Integer[Array, "..."], dt: ArrayLike = 1.0, *, key: PRNGKeyArray
    ) -> tuple[Any, Int[Array, "..."]]:
        """Read a token; return the next one, or −1 if a logit is NaN."""
        state, logits = self.decoding.step(state, token, dt)
        return state, self._drawn(single(logits), key)

    def _drawn(self, logits: Float[Array, "... token"], key: PRNGKeyArray) -> Int[Array, "..."]:
        best = jnp.argmax(logits, axis=-1)
        # The largest logit becomes 0, so that dividing by a very low temperature cannot overflow.
        relative = logits - jnp.max(logits, axis=-1, keepdims=True)
        scaled = relative / jnp.where(self.temperature == 0, 1, self.temperature)
        if self.top_k is not None:
            largest, tokens = lax.top_k(scaled, self.top_k)
            scaled = _placed(tokens, largest, scaled.shape[-1])
        if self.top_p is not None:
            scaled = _nucleus(scaled, self.top_p)
        drawn = jax.random.categorical(key, scaled)
        token = jnp.where(self.temperature == 0, best, drawn).astype(jnp.int32)
        return jnp.where(jnp.any(jnp.isnan(logits), axis=-1), -1, token)


def _nucleus(logits: Float[Array, "... token"], p: ArrayLike) -> Float[Array, "... token"]:
    """Set to −∞ all logits but those of the fewest, most probable tokens whose probabilities add up to p."""
    descending, tokens = lax.top_k(logits, logits.shape[-1])
    shares = jax.nn.softmax(descending)
    before = jnp.cumsum(shares, axis=-1) - shares  # of the tokens that are more probable
    first = jnp.arange(logits.shape[-1]) == 0  # always kept
    return _placed(tokens, jnp.where(first | (before < p), descending, -jnp.inf), logits.shape[-1])


def _placed(tokens: Int[Array, "... some"], logits: Float[Array, "... some"], count: int) -> Float[Array, "... token"]:
    """Return `count` logits, those given for some of the tokens and −∞ for the others."""
    others = jnp.full((*logits.shape[:-1], count), -jnp.inf, logits.dtype)
    return jnp.put_along_axis(others, tokens, logits, axis=-1, inplace=False)


def run_sampling(loop: ClosedLoop, count: int, *, key: PRNGKeyArray, state: Any = None) -> Int[np.ndarray, "... count"]:
    """Run a `Sampling` whose input is its own output, and return its tokens.

    Raises:
        InputError: if a logit is NaN.
    """
    try:
        tokens = np.asarray(simulate(loop, steps=count, state=state, key=key).record)
    except DivergedError:
        tokens = np.array(-1)
    if np.any(tokens < 0):
        raise InputError("the model must return finite logits, but returned NaN")
    return np.moveaxis(tokens, 0, -1)


def generate(
    model: LanguageModel,
    prompt: Integer[ArrayLike, "... time"],
    count: int,
    *,
    key: PRNGKeyArray,
    temperature: ArrayLike = 1.0,
    top_k: int | None = None,
    top_p: ArrayLike | None = None,
) -> Int[np.ndarray, "... count"]:
    """Continue a text: return the next `count` tokens, each drawn from the model's distribution given those before.

    The count is not limited by the context (see `Decoding`).

    Args:
        model: language model.
        prompt: first tokens, at least one and at most as many as the context, (time,), or (…, time) for several texts.
        count: number of tokens to generate.
        key: random key for sampling.
        temperature: temperature T of softmax(z/T); 0 always takes the most probable token (greedy decoding).
        top_k: number of most probable tokens to sample from.
        top_p: total probability, in (0, 1], of the fewest most probable tokens to sample from.

    Raises:
        InputError: for a prompt that is empty, longer than the context or not of valid tokens, other values out of
            range, or a model that returns NaN.
    """
    check.instance(LanguageModel, model=model)
    check.whole(count=count)
    check.key(key)
    tokens = np.asarray(check.array("prompt", prompt))
    if tokens.ndim < 1 or not 0 < tokens.shape[-1] <= model.context:
        held = "is a single number" if tokens.ndim < 1 else f"contains {tokens.shape[-1]}"
        raise InputError(f"prompt must contain 1 to {model.context} tokens, the context of the model, but {held}")
    check.indices(model.tokens, prompt=tokens)
    decoding = Decoding(model)
    sampling = Sampling(decoding, _value(temperature), top_k, _value(top_p))
    given = tokens.shape[-1] - 1
    # Padded to one length, so that one compiled program serves all prompts.
    padded = np.zeros((*tokens.shape[:-1], model.context), np.int32)
    padded[..., : tokens.shape[-1]] = tokens
    last = jnp.asarray(padded[..., given])
    state = _read(decoding, padded, jnp.asarray(given, jnp.int32))
    loop = ClosedLoop(sampling, last)  # pyright: ignore[reportArgumentType] - its step takes a key
    return run_sampling(loop, count, key=key, state=(state, last))


def _value(number: Any) -> Any:
    """Convert an integer to a float, so that all values share one compiled program."""
    return float(number) if isinstance(number, int) and not isinstance(number, bool) else number


@compiled
def _read(decoding: Decoding, tokens: Any, count: Any) -> Reading:
    return decoding.read(tokens, count)
