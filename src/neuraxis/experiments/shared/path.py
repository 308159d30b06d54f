"""The way that a model takes while it learns, as a rule around another rule."""

from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Int, PRNGKeyArray, PyTree

from neuraxis.kinds import Rule


class PathState(NamedTuple):
    """State of the inner rule, the models so far, and their number."""

    rule: PyTree
    path: PyTree  # the arrays of the model after each step, with a leading axis
    steps: Int[Array, ""]


class Recorded(eqx.Module):
    """Learn by a rule, and keep the model after each of `steps` steps in the state."""

    rule: Rule
    steps: int

    def init(self, model: PyTree) -> PathState:
        """Begin with room for the path."""
        path = jax.tree.map(lambda x: jnp.zeros((self.steps, *x.shape), x.dtype), model)
        return PathState(self.rule.init(model), path, jnp.zeros((), jnp.int32))

    def step(
        self, model: PyTree, state: PathState, batch: tuple[Any, ...], *, key: PRNGKeyArray
    ) -> tuple[PyTree, PathState, Any]:
        """Take a step of the inner rule, and write down where it leads."""
        model, inner, losses = self.rule.step(model, state.rule, batch, key=key)
        path = jax.tree.map(lambda path, x: path.at[state.steps].set(x), state.path, model)
        return model, PathState(inner, path, state.steps + 1), losses
