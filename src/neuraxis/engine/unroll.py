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
    """Map sequences (…, time, in) to (…, time, out), and return the final state, from which to continue.

    This is `simulate` with the time axis second to last, as in maps. Without remat, two cases are faster than its loop:
    a `Chain` is evaluated part by part over the whole sequence, so that the maps before, between and after its dynamics
    become one product for all steps; and a dynamics with its own method `unroll(x, state)`, which has a better gradient
    or no loop, is run by that.

    Args:
        dynamics: dynamics to run, such as `GRU(3, 64, key=key)` or `Chain(Embedding(…), GRU(…), Linear(…))`.
        x: sequences, which may be empty or of one step. A chain that begins with maps takes inputs that these map to
            sequences (…, time, in), such as tokens (…, time).
        state: initial state; by default `dynamics.init_state`.
        dt: length of a step [ms]; by default that of the dynamics' `step`.
        key: random key, for steps that take one and, without remat, for the maps of a chain; otherwise ignored.
        remat: recompute the inside of blocks of that many steps in the backward pass, as in `simulate`. The gradient
            through a long sequence then stores the inputs, the outputs and the state at the start of each block.

    Raises:
        InputError: if `dynamics` is not a dynamics, for an x without a time axis, and in the cases of `simulate`.
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
    # An empty time axis does not define the input of one step; a constant input does.
    held = {} if steps else {"inputs": jnp.zeros(inputs.shape[1:], x.dtype), "steps": 0}
    how = {"dt": dt, "state": state, "key": key if takes_key(dynamics) else None, "remat": remat}
    trace = simulate(dynamics, **{"inputs": inputs, **held, **how})
    return jax.tree.map(lambda y: jnp.moveaxis(y, 0, lead), trace.record), trace.state


def _after_leading_maps(chain: Chain, x: Any, key: Any) -> tuple[Any, Chain]:
    """Apply the maps before the first dynamics; return their output, and the rest of the chain."""
    first = next(i for i, part in enumerate(chain.parts) if isinstance(part, Dynamics))
    for i, part in enumerate(chain.parts[:first]):
        x = _mapped(part, x, _own(key, i))
    return x, Chain(*chain.parts[first:])


def _part_by_part(chain: Chain, x: Any, state: Any, *, dt: Any, key: Any) -> tuple[PyTree, PyTree]:
    count = len(chain.inner())
    if state is not None and (not isinstance(state, tuple) or len(state) != count):
        raise InputError(
            f"state must be a tuple with one entry per dynamics of the chain ({count}), as the returned state"
        )
    states, key = [], _own(key, len(chain.parts))  # differs from that of the leading maps
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
