"""A dynamics that sums the outputs of another one."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import PyTree

from neuraxis.engine.dynamics import check_dynamics, first_state, input_of, project, take_step, trial
from neuraxis.kinds import Dynamics
from neuraxis.values import compiled


class Total(eqx.Module):
    """A dynamics that sums the outputs of another one over time: spike counts without storing the spikes.

    With `simulate(…, every=k)` the differences of the record, starting from 0, are the sums over every k steps.

    The state is the pair (inner state, sum of the outputs so far), and the output is that sum. Outputs may be any tree
    of arrays.

    Raises:
        InputError: if `dynamics` is not a dynamics.
    """

    dynamics: Dynamics

    def __check_init__(self):
        check_dynamics("dynamics", self.dynamics)

    def init_state(self, input_shape: Any) -> Any:
        """Return the initial inner state and a sum of 0, for inputs of the default precision."""
        return self.begin(input_of(input_shape))

    def project(self, inputs: PyTree) -> PyTree:
        """Compute what depends on the inputs of the inner dynamics alone."""
        return project(self.dynamics, inputs)

    def step(self, state: Any, input: Any, dt: Any, *, key: Any = None, t: Any = None) -> tuple[Any, Any]:
        """Advance the inner dynamics by `dt` [ms] and add its output to the sum."""
        inner, total = state
        inner, out = take_step(self.dynamics, inner, input, dt, key=key, t=t)
        total = jax.tree.map(lambda t, o: t + jnp.asarray(o, t.dtype), total, out)
        return (inner, total), total

    def inner(self) -> tuple[Dynamics, ...]:
        """Return the inner dynamics."""
        return (self.dynamics,)

    def begin(self, input: PyTree) -> Any:
        """Return the initial inner state and a sum of 0, for inputs like this one."""
        return _begin(self.dynamics, input)


@compiled  # caches the shapes of the output, which take long to determine
def _begin(dynamics: Dynamics, input: PyTree) -> Any:
    inner = first_state(dynamics, input)
    _, out = trial(dynamics, inner, input)
    return inner, jax.tree.map(lambda o: jnp.zeros(o.shape, _wide(o.dtype)), out)


def _wide(dtype: Any) -> Any:
    """Return a dtype for sums: booleans and small integers would soon overflow."""
    return dtype if jnp.issubdtype(dtype, jnp.inexact) else jnp.promote_types(dtype, jnp.int32)
