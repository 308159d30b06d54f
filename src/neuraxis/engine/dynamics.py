"""What the engine asks of a dynamics around its step: a state to begin with, and its optional methods."""

import inspect
from collections.abc import Callable
from typing import Any, Protocol, runtime_checkable

import jax
import jax.numpy as jnp
from jaxtyping import PyTree

from neuraxis.errors import InputError
from neuraxis.kinds import Dynamics


@runtime_checkable
class Composite(Protocol):
    """A dynamics of the engine that is made of others."""

    def inner(self) -> tuple[Dynamics, ...]:
        """Give the dynamics that it is made of."""
        ...

    def begin(self, input: PyTree, /) -> Any:
        """Make the state for inputs like this one, whose dtypes decide those of what the parts put out."""
        ...


def check_dynamics(name: str, dynamics: Any) -> None:
    """Refuse what is no dynamics, and say what it may be instead."""
    if isinstance(dynamics, type):
        kind = dynamics.__name__
        raise InputError(f"{name} must be an object, such as {kind}(), but is the class {kind} itself")
    if not isinstance(dynamics, Dynamics):
        kind = type(dynamics).__name__
        energy = hasattr(dynamics, "energy")
        other = "; an energy settles by neuraxis.engine.relax, or by its own recall" if energy else ""
        raise InputError(f"{name} must have the methods init_state and step, which {kind} has not{other}")


def first_state(dynamics: Dynamics, input: PyTree) -> Any:
    """Make the state before the first step, for inputs like this one: arrays, or what stands for them."""
    if isinstance(dynamics, Composite):
        return dynamics.begin(input)
    return dynamics.init_state(shapes_of(input))


def shapes_of(input: PyTree) -> Any:
    """Give what `init_state` receives: a shape for one array, () for none, a tree of shapes for a tree of arrays."""
    if not jax.tree.leaves(input):
        return ()
    return jax.tree.map(jnp.shape, input)


def input_of(shapes: Any) -> PyTree:
    """Stand in for inputs of those shapes: real numbers of the default precision."""
    number = jnp.result_type(float)
    return jax.tree.map(lambda shape: jax.ShapeDtypeStruct(shape, number), shapes, is_leaf=_is_shape)


def project(dynamics: Dynamics, inputs: PyTree) -> PyTree:
    """Compute what depends on the inputs alone, for any number of leading axes; without a `project`, give them back."""
    own: Callable | None = getattr(dynamics, "project", None)
    return inputs if own is None else own(inputs)


def advance(dynamics: Dynamics, state: PyTree, input: PyTree, dt: Any) -> tuple[Any, Any]:
    """Take a step under an input that has not been projected."""
    return dynamics.step(state, project(dynamics, input), dt)


def default_dt(dynamics: Dynamics) -> float | None:
    """Give the default of `step`'s parameter dt; of a dynamics made of others, the one that these agree on."""
    if isinstance(dynamics, Composite):
        defaults = {default_dt(part) for part in dynamics.inner()}
        return defaults.pop() if len(defaults) == 1 else None
    parameter = inspect.signature(dynamics.step).parameters.get("dt")
    return None if parameter is None or parameter.default is parameter.empty else parameter.default


def prepared(part: Any, dt: Any) -> Any:
    """Replace every part of a dynamics that has a method `prepare` by what it gives for steps of that length."""
    if isinstance(part, type):
        return part
    if hasattr(part, "prepare"):
        return part.prepare(dt)
    children, structure = jax.tree.flatten(part, is_leaf=lambda node: node is not part)
    if len(children) == 1 and children[0] is part:  # a leaf
        return part
    ready = [prepared(child, dt) for child in children]
    if all(new is old for new, old in zip(ready, children, strict=True)):
        return part
    return jax.tree.unflatten(structure, ready)


def _is_shape(node: Any) -> bool:
    return type(node) is tuple and all(isinstance(size, int) for size in node)
