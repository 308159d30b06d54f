"""Generation: a language model that reads one token after the other, and is given what it says."""

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
from neuraxis.errors import InputError
from neuraxis.functions.precision import single
from neuraxis.kinds import Dynamics
from neuraxis.language.language_model import LanguageModel
from neuraxis.language.transformer_block import Cache
from neuraxis.values import compiled


class Reading(NamedTuple):
    """What a language model remembers of the tokens that it has read."""

    caches: tuple[Cache, ...]  # keys and values, of each block
    tokens: Int[Array, "... context"]  # since the last beginning; those from `position` on mean nothing
    position: Int[Array, ""]  # how many


class Decoding(eqx.Module):
    """A language model as a dynamics in discrete time: a token in, the logits of the next one out.

    It keeps keys and values of what it has read (a key/value cache), so that a step costs one token and not all of
    them. While the tokens are no more than the context, the logits are those of `model(tokens)`. Then it begins anew
    from the later half of the context, which it reads again at once, and goes on from there: text of any length, of
    which it sees between half a context and a whole one.

    Args:
        model: a language model.

    Raises:
        InputError: for what is none.
    """

    model: LanguageModel

    def __check_init__(self):
        check.instance(LanguageModel, model=self.model)

    def init_state(self, input_shape: tuple[int, ...] = ()) -> Reading:
        """Have read nothing, for tokens of that shape, one for each text."""
        shape = check.broadcast(input_shape)
        tokens = jnp.zeros((*shape, self.model.context), jnp.int32)
        return Reading(self.model.first_caches(shape), tokens, jnp.zeros((), jnp.int32))

    def read(self, tokens: Integer[ArrayLike, "... time"], count: ArrayLike | None = None) -> Reading:
        """Have read tokens (…, time), all at once.

        Args:
            tokens: at most as many as the context.
            count: only so many of them; all, without it.

        Raises:
            InputError: for more tokens than the context, or what are none.
        """
        check.indices(self.model.tokens, tokens=tokens)
        known = jnp.asarray(tokens, jnp.int32)
        caches, _ = self.model.extend(self.model.first_caches(known.shape[:-1]), known, jnp.zeros((), jnp.int32))
        kept = jnp.zeros((*known.shape[:-1], self.model.context), jnp.int32).at[..., : known.shape[-1]].set(known)
        return Reading(caches, kept, jnp.asarray(known.shape[-1] if count is None else count, jnp.int32))

    def step(
        self, state: Reading, token: Integer[Array, "..."], dt: ArrayLike = 1.0
    ) -> tuple[Reading, Float[Array, "... token"]]:
        """Read a token; give the logits of the next one."""
        full = state.position == self.model.context
        state = lax.cond(full, lambda state: self._begun_anew(state), lambda state: state, state)
        new = jnp.asarray(token, jnp.int32)[..., None]
        caches, logits = self.model.extend(state.caches, new, state.position)
        tokens = lax.dynamic_update_slice_in_dim(state.tokens, new, state.position, axis=-1)
        return Reading(caches, tokens, state.position + 1), logits[..., 0, :]

    def _begun_anew(self, state: Reading) -> Reading:
        """Read the later half of the context as if it were all there has been."""
        kept = self.model.context // 2
        if not kept:
            return self.init_state(state.tokens.shape[:-1])
        return self.read(jnp.roll(state.tokens, kept, axis=-1), kept)


class Sampling(eqx.Module):
    """A language model that says the next token: drawn from softmax(z/T), or the most probable one where T = 0.

    With `top_k`, of the k most probable tokens only; with `top_p`, of the fewest whose probabilities add up to p.

    Args:
        decoding: a `Decoding`, or another dynamics that takes tokens and gives the logits z of its `model`.
        temperature: T; small makes likely tokens likelier.
        top_k: k, at most the number of tokens.
        top_p: p in (0, 1].

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
        """Have read nothing, for tokens of that shape, one for each text."""
        return self.decoding.init_state(input_shape)

    def step(
        self, state: Any, token: Integer[Array, "..."], dt: ArrayLike = 1.0, *, key: PRNGKeyArray
    ) -> tuple[Any, Int[Array, "..."]]:
        """Read a token, and say the next one."""
        state, logits = self.decoding.step(state, token, dt)
        return state, self._drawn(single(logits), key)

    def _drawn(self, logits: Float[Array, "... token"], key: PRNGKeyArray) -> Int[Array, "..."]:
        best = jnp.argmax(logits, axis=-1)
        scaled = logits / jnp.where(self.temperature == 0, 1, self.temperature)
        if self.top_k is not None:
            smallest = lax.top_k(scaled, self.top_k)[0][..., -1:]
            scaled = jnp.where(scaled < smallest, -jnp.inf, scaled)
        if self.top_p is not None:
            scaled = _nucleus(scaled, self.top_p)
        drawn = jax.random.categorical(key, scaled)
        return jnp.where(self.temperature == 0, best, drawn).astype(jnp.int32)


def _nucleus(logits: Float[Array, "... token"], p: ArrayLike) -> Float[Array, "... token"]:
    """Keep the fewest most probable tokens whose probabilities add up to p."""
    descending = -jnp.sort(-logits, axis=-1)
    shares = jax.nn.softmax(descending)
    before = jnp.cumsum(shares, axis=-1) - shares  # of the tokens that are more probable
    last = jnp.sum(before < p, axis=-1, keepdims=True) - 1
    return jnp.where(logits < jnp.take_along_axis(descending, jnp.maximum(last, 0), axis=-1), -jnp.inf, logits)


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
    """Go on with a text: give the next `count` tokens, each drawn by what the model says of those before it.

    Any number may be asked for; see `Decoding` for how the model goes on beyond its context.

    Args:
        model: a language model.
        prompt: the tokens to begin with, at least one and at most as many as the context; or several such texts.
        count: tokens to add.
        key: of the draws.
        temperature: T of softmax(z/T); 0 always takes the most probable token.
        top_k: draw of that many most probable tokens only.
        top_p: draw of the fewest tokens only whose probabilities add up to p, in (0, 1].

    Raises:
        InputError: for a prompt that is empty, longer than the context or holds what is no token, and for values out of
            range.
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
    # Of one length, so that one program serves all prompts.
    padded = np.zeros((*tokens.shape[:-1], model.context), np.int32)
    padded[..., : tokens.shape[-1]] = tokens
    last = jnp.asarray(padded[..., given])
    state = _read(decoding, padded, jnp.asarray(given, jnp.int32))
    loop = ClosedLoop(sampling, last)  # pyright: ignore[reportArgumentType] - its step takes a key
    trace = simulate(loop, steps=count, state=(state, last), key=key)
    return np.moveaxis(np.asarray(trace.record), 0, -1)


def _value(number: Any) -> Any:
    """Make a whole number one that does not decide the program."""
    return float(number) if isinstance(number, int) and not isinstance(number, bool) else number


@compiled
def _read(decoding: Decoding, tokens: Any, count: Any) -> Reading:
    return decoding.read(tokens, count)
