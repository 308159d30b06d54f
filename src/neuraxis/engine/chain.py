"""Sequential composition of maps and dynamics."""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
from jaxtyping import PyTree

from neuraxis import check
from neuraxis.engine.dynamics import advance, first_state, input_of, project, take_step, trial
from neuraxis.errors import InputError
from neuraxis.kinds import Dynamics
from neuraxis.values import compiled


class Chain(eqx.Module):
    """Sequential composition of maps and dynamics, which is a dynamics: y(t) = partₙ(… part₂(part₁(x(t)))).

    Each part receives the output of the part before it in the same step; the output is that of the last part. The state
    is a tuple with one entry per dynamics. Maps act on the last axes and keep all leading ones, since those before the
    first dynamics are applied to all steps at once; they receive no key, so that a stochastic map must be in inference
    mode. Plain functions, such as activations, are maps too. A part that is both a map and a dynamics is used as a
    dynamics.

    Args:
        parts: maps and dynamics, at least one of them a dynamics.

    Raises:
        InputError: for a part that is neither a map nor a dynamics, or if no part is a dynamics.
    """

    parts: tuple[Any, ...]  # maps and dynamics

    def __init__(self, *parts: Dynamics | Callable[..., Any]):
        for i, part in enumerate(parts):
            check.no_class(**{f"part {i} of a chain": part})
            if not (isinstance(part, Dynamics) or callable(part)):
                raise InputError(f"part {i} of a chain must be a map or a dynamics, but is {check.received(part)}")
        if not any(isinstance(part, Dynamics) for part in parts):
            raise InputError("a chain needs at least one dynamics; for maps alone use neuraxis.layers.Sequential")
        self.parts = parts

    def init_state(self, input_shape: Any) -> tuple:
        """Return the initial states of all dynamics, for inputs of the default precision."""
        return self.begin(input_of(input_shape))

    def project(self, inputs: PyTree) -> PyTree:
        """Apply the leading maps, and compute what depends on the inputs of the first dynamics alone."""
        for part in self.parts[: self._first]:
            inputs = part(inputs)
        return project(self.parts[self._first], inputs)

    def step(self, state: tuple, input: Any, dt: Any, *, key: Any = None, t: Any = None) -> tuple[tuple, Any]:
        """Advance all dynamics by `dt` [ms], one after the other; each receives a different key."""
        states, out = [], input
        for part in self.parts[self._first :]:
            if isinstance(part, Dynamics):
                own = None if key is None else jax.random.fold_in(key, len(states))
                take = advance if states else take_step  # the input of the first one is projected already
                new, out = take(part, state[len(states)], out, dt, key=own, t=t)
                states.append(new)
            else:
                out = part(out)
        return tuple(states), out

    def inner(self) -> tuple[Dynamics, ...]:
        """Return the dynamics among the parts."""
        return tuple(part for part in self.parts if isinstance(part, Dynamics))

    def begin(self, input: PyTree) -> tuple:
        """Return the initial states of all dynamics, for inputs like this one."""
        return _begin(self.parts, input)

    @property
    def _first(self) -> int:
        return next(i for i, part in enumerate(self.parts) if isinstance(part, Dynamics))


@compiled  # caches the shapes of the outputs, which take long to determine
def _begin(parts: tuple[Any, ...], input: PyTree) -> tuple:
    states = []
    for part in parts:
        if isinstance(part, Dynamics):
            states.append(first_state(part, input))
            _, input = trial(part, states[-1], input)
        else:
            input = jax.eval_shape(part, input)
    return tuple(states)
