"""A dynamics around another one that adds up its outputs."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import PyTree

from neuraxis.engine.dynamics import check_dynamics, first_state, input_of, project, take_step, trial
from neuraxis.kinds import Dynamics
from neuraxis.values import compiled


class Total(eqx.Module):
    """A dynamics around another one that adds up its outputs: spike counts without storing the spikes.

    With `simulate(…, every=k)` the differences of the record, from 0 on, are the sums over every k steps.

    The state is the pair (inner state, sum of the outputs so far) and the output that sum. Outputs may be any tree of
    arrays.

    Raises:
        InputError: for what is no dynamics.
    """

    dynamics: Dynamics

    def __check_init__(self):
        check_dynamics("dynamics", self.dynamics)

    def init_state(self, input_shape: Any) -> Any:
        """Start from the inner state and a sum of 0, for inputs of the default precision."""
        return self.begin(input_of(input_shape))

    def project(self, inputs: PyTree) -> PyTree:
        """Do what the inner dynamics does with its inputs alone."""
        return project(self.dynamics, inputs)

    def step(self, state: Any, input: Any, dt: Any, *, key: Any = None, t: Any = None) -> tuple[Any, Any]:
        """Advance the inner dynamics by `dt` [ms] and add its output to the sum."""
        inner, total = state
        inner, out = take_step(self.dynamics, inner, input, dt, key=key, t=t)
        total = jax.tree.map(lambda t, o: t + jnp.asarray(o, t.dtype), total, out)
        return (inner, total), total

    def inner(self) -> tuple[Dynamics, ...]:
        """Return the dynamics inside."""
        return (self.dynamics,)

    def begin(self, input: PyTree) -> Any:
        """Start from the inner state and a sum of 0, for inputs like this one."""
        return _begin(self.dynamics, input)


@compiled  # remembers what the step puts out, which takes long to find
def _begin(dynamics: Dynamics, input: PyTree) -> Any:
    inner = first_state(dynamics, input)
    _, out = trial(dynamics, inner, input)
    return inner, jax.tree.map(lambda o: jnp.zeros(o.shape, _wide(o.dtype)), out)


def _wide(dtype: Any) -> Any:
    """Return a dtype that counts: truth values and small integers would soon be too large for their own."""
    return dtype if jnp.issubdtype(dtype, jnp.inexact) else jnp.promote_types(dtype, jnp.int32)
