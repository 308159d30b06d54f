"""A dynamics that is driven by its own output."""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.tree_util import keystr
from jaxtyping import PyTree

from neuraxis import check
from neuraxis.engine.dynamics import advance, check_dynamics, first_state, input_of
from neuraxis.errors import InputError
from neuraxis.kinds import Dynamics
from neuraxis.values import is_key, is_value


class ClosedLoop(eqx.Module):
    """A dynamics whose input is its own output of the previous step: generation, samplers, policies.

    The state is the pair (inner state, last output), and the output is that of the inner dynamics. Without an external
    input it is run by `simulate(loop, steps=…)`; random keys, a control signal or other external inputs enter through
    `join`.

    Args:
        dynamics: the inner dynamics.
        first: output assumed before the first step, of the same shape and dtype as the others.
        join: `join(last_output, input)` returns the inner input, given an external one.

    Raises:
        InputError: if `dynamics` is not a dynamics, for a join that is not a function, or an input without a join.
    """

    dynamics: Dynamics
    first: PyTree
    join: Callable[[Any, Any], Any] | None = None

    def __init__(self, dynamics: Dynamics, first: PyTree, join: Callable[[Any, Any], Any] | None = None):
        check_dynamics("dynamics", dynamics)
        if join is not None:
            check.functions(join=join)
        self.dynamics, self.join = dynamics, join
        self.first = jax.tree.map_with_path(_number, first)

    def init_state(self, input_shape: Any = ()) -> Any:
        """Return the initial state, with `first` as the last output, for external inputs of the default precision."""
        return self.begin(None if self.join is None else input_of(input_shape))

    def step(self, state: Any, input: Any, dt: Any, *, key: Any = None, t: Any = None) -> tuple[Any, Any]:
        """Advance by `dt` [ms] under the last output.

        Raises:
            InputError: for an input without a join, or a join without an input.
        """
        inner, last = state
        inner, out = advance(self.dynamics, inner, self._joined(last, input), dt, key=key, t=t)
        return (inner, out), out

    def inner(self) -> tuple[Dynamics, ...]:
        """Return the inner dynamics."""
        return (self.dynamics,)

    def begin(self, input: PyTree) -> Any:
        """Return the initial state, with `first` as the last output, for external inputs like this one."""
        first = jax.tree.map(jnp.asarray, self.first)
        return first_state(self.dynamics, jax.eval_shape(self._joined, first, input)), first

    def _joined(self, last: Any, input: Any) -> Any:
        if self.join is not None and input is not None:
            return self.join(last, input)
        if self.join is not None:
            raise InputError("a closed loop with join= needs external inputs, but received none")
        if input is not None:
            raise InputError("a closed loop without join= must receive no external inputs, but received some")
        return last


def _number(path: Any, leaf: Any) -> Any:
    return leaf if is_value(leaf) or is_key(leaf) else check.array(f"first{keystr(path)}", leaf)
