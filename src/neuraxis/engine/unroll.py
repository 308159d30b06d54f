"""A dynamics as a map over sequences."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import ArrayLike, PRNGKeyArray, PyTree

from neuraxis import check
from neuraxis.engine.chain import Chain
from neuraxis.engine.dynamics import check_dynamics, takes_key
from neuraxis.engine.simulate import simulate
from neuraxis.errors import InputError
from neuraxis.kinds import Dynamics


def unroll(
    dynamics: Dynamics,
    x: ArrayLike,
    state: PyTree = None,
    *,
    dt: ArrayLike | None = None,
    key: PRNGKeyArray | None = None,
    remat: int | None = None,
) -> tuple[PyTree, PyTree]:
    """Map sequences (…, time, in) to (…, time, out), and give the state after the last step, from which to go on.

    It is `simulate` with the time axis where maps have it. Without remat, two things are quicker than in its loop: a
    `Chain` goes part by part over the whole sequence, so that what stands before, between and behind its dynamics
    becomes one product for all steps; and a dynamics that has a method `unroll(x, state)` of its own, with a better
    gradient or without a loop, is left to that.

    Args:
        dynamics: what is to be run, such as `GRU(3, 64, key=key)` or `Chain(Embedding(…), GRU(…), Linear(…))`.
        x: sequences, which may be empty or of one step. A chain that begins with maps takes what these make sequences
            (…, time, in) of, such as tokens (…, time).
        state: where to begin; by default `dynamics.init_state`.
        dt: length of a step [ms]; by default that of the dynamics' `step`.
        key: noise, for steps that take a key and, without remat, for the maps of a chain; the others do without.
        remat: compute the inside of blocks of that many steps again in the backward pass, as in `simulate`. Of a long
            sequence, the gradient then keeps the inputs, the outputs and the state at the start of each block.

    Raises:
        InputError: for what is no dynamics, an x without a time axis, and in the cases of `simulate`.
    """
    check_dynamics("dynamics", dynamics)
    if isinstance(dynamics, Chain):
        x, dynamics = _after_leading_maps(dynamics, x, key)
        if remat is None:
            return _part_by_part(dynamics, x, state, dt=dt, key=key)
    x = jnp.asarray(check.array("x", x))
    if x.ndim < 2:
        raise InputError(f"x must have shape (…, time, in), but has shape {x.shape}")
    own = getattr(dynamics, "unroll", None)
    if own is not None and remat is None:
        return own(x, state)
    lead, steps = x.ndim - 2, x.shape[-2]
    inputs = jnp.moveaxis(x, -2, 0)
    # An empty time axis cannot say what one step receives; an input that is held can.
    held = {} if steps else {"inputs": jnp.zeros(inputs.shape[1:], x.dtype), "steps": 0}
    how = {"dt": dt, "state": state, "key": key if takes_key(dynamics) else None, "remat": remat}
    trace = simulate(dynamics, **{"inputs": inputs, **held, **how})
    return jax.tree.map(lambda y: jnp.moveaxis(y, 0, lead), trace.record), trace.state


def _after_leading_maps(chain: Chain, x: Any, key: Any) -> tuple[Any, Chain]:
    """Apply the maps before the first dynamics; give what comes out, and the rest of the chain."""
    first = next(i for i, part in enumerate(chain.parts) if isinstance(part, Dynamics))
    for i, part in enumerate(chain.parts[:first]):
        x = _mapped(part, x, _own(key, i))
    return x, Chain(*chain.parts[first:])


def _part_by_part(chain: Chain, x: Any, state: Any, *, dt: Any, key: Any) -> tuple[PyTree, PyTree]:
    count = len(chain.inner())
    if state is not None and (not isinstance(state, tuple) or len(state) != count):
        raise InputError(
            f"state must contain one entry for each dynamics of the chain ({count}), as the state given back"
        )
    states, key = [], _own(key, len(chain.parts))  # another one than that of the leading maps
    for i, part in enumerate(chain.parts):
        if isinstance(part, Dynamics):
            x, after = unroll(part, x, None if state is None else state[len(states)], dt=dt, key=_own(key, i))
            states.append(after)
        else:
            x = _mapped(part, x, _own(key, i))
    return x, tuple(states)


def _own(key: Any, number: int) -> Any:
    return None if key is None else jax.random.fold_in(key, number)


def _mapped(part: Any, x: Any, key: Any) -> Any:
    return part(x, key=key) if issubclass(type(part), eqx.Module) else part(x)  # a plain function takes no key
