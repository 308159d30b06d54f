"""Maps and dynamics one after the other."""

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
    """Maps and dynamics one after the other, which together are a dynamics: y(t) = partₙ(… part₂(part₁(x(t)))).

    Within a step each part receives what the one before it puts out in this step; the output is that of the last. The
    state is a tuple, one entry for each dynamics. Maps act on the last axes and keep those before, for the leading ones
    are applied to all steps at once; they receive no key, so that a map with noise in it must be in inference. Plain
    functions, such as activations, are maps too. What is both a map and a dynamics is taken as a dynamics.

    Args:
        parts: of which at least one is a dynamics.

    Raises:
        InputError: for a part that is neither a map nor a dynamics, or no dynamics among them.
    """

    parts: tuple[Any, ...]  # maps and dynamics

    def __init__(self, *parts: Dynamics | Callable[..., Any]):
        for i, part in enumerate(parts):
            check.no_class(**{f"part {i} of a chain": part})
            if not (isinstance(part, Dynamics) or callable(part)):
                raise InputError(f"part {i} of a chain must be a map or a dynamics, but is {check.received(part)}")
        if not any(isinstance(part, Dynamics) for part in parts):
            raise InputError("a chain needs at least one dynamics; maps alone are a neuraxis.layers.Sequential")
        self.parts = parts

    def init_state(self, input_shape: Any) -> tuple:
        """Start every dynamics, for inputs of the default precision."""
        return self.begin(input_of(input_shape))

    def project(self, inputs: PyTree) -> PyTree:
        """Apply the leading maps, and what the first dynamics does with its inputs alone."""
        for part in self.parts[: self._first]:
            inputs = part(inputs)
        return project(self.parts[self._first], inputs)

    def step(self, state: tuple, input: Any, dt: Any, *, key: Any = None, t: Any = None) -> tuple[tuple, Any]:
        """Advance all dynamics by `dt` [ms], one after the other; each receives a key of its own."""
        states, out = [], input
        for part in self.parts[self._first :]:
            if isinstance(part, Dynamics):
                own = None if key is None else jax.random.fold_in(key, len(states))
                take = advance if states else take_step  # the first one's input is projected already
                new, out = take(part, state[len(states)], out, dt, key=own, t=t)
                states.append(new)
            else:
                out = part(out)
        return tuple(states), out

    def inner(self) -> tuple[Dynamics, ...]:
        """Return the dynamics among the parts."""
        return tuple(part for part in self.parts if isinstance(part, Dynamics))

    def begin(self, input: PyTree) -> tuple:
        """Start every dynamics, for inputs like this one."""
        return _begin(self.parts, input)

    @property
    def _first(self) -> int:
        return next(i for i, part in enumerate(self.parts) if isinstance(part, Dynamics))


@compiled  # remembers what the parts put out, which takes long to find
def _begin(parts: tuple[Any, ...], input: PyTree) -> tuple:
    states = []
    for part in parts:
        if isinstance(part, Dynamics):
            states.append(first_state(part, input))
            _, input = trial(part, states[-1], input)
        else:
            input = jax.eval_shape(part, input)
    return tuple(states)
