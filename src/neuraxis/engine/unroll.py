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

    It is `simulate` with the time axis where maps have it. Two things are quicker than in its loop: a `Chain` goes part
    by part over the whole sequence, so that what stands before, between and behind its dynamics becomes one product for
    all steps; and a dynamics that has a method `unroll(x, state)` of its own, with a better gradient or without a loop,
    is left to that.

    Args:
        dynamics: what is to be run, such as `GRU(3, 64, key=key)` or `Chain(Embedding(…), GRU(…), Linear(…))`.
        x: sequences, which may be empty or of one step. A chain that begins with maps takes what these make sequences
            (…, time, in) of, such as tokens (…, time).
        state: where to begin; by default `dynamics.init_state`.
        dt: length of a step [ms]; by default that of the dynamics' `step`.
        key: noise, for steps that take a key and, in a chain, for maps; the others do without.
        remat: compute the inside of blocks of that many steps again in the backward pass, as in `simulate`, so that the
            gradient of a long sequence fits into memory.

    Raises:
        InputError: for what is no dynamics, an x without a time axis, and in the cases of `simulate`.
    """
    check_dynamics("dynamics", dynamics)
    if isinstance(dynamics, Chain):
        return _part_by_part(dynamics, x, state, dt=dt, key=key, remat=remat)
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


def _part_by_part(chain: Chain, x: Any, state: Any, *, key: Any, **how: Any) -> tuple[PyTree, PyTree]:
    count = len(chain.inner())
    if state is not None and (not isinstance(state, tuple) or len(state) != count):
        raise InputError(f"state must hold one entry for each dynamics of the chain ({count}), as the state given back")
    states = []
    for i, part in enumerate(chain.parts):
        own = None if key is None else jax.random.fold_in(key, i)
        if isinstance(part, Dynamics):
            x, after = unroll(part, x, None if state is None else state[len(states)], key=own, **how)
            states.append(after)
        else:
            x = part(x, key=own) if issubclass(type(part), eqx.Module) else part(x)  # a plain function takes no key
    return x, tuple(states)
