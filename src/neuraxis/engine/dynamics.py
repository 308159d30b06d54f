"""Access to a dynamics by the engine: its step, its initial state, and its optional methods."""

import inspect
from collections.abc import Callable
from functools import partial
from typing import Any, Protocol, runtime_checkable

import jax
import jax.numpy as jnp
from jaxtyping import PyTree

from neuraxis import check
from neuraxis.errors import InputError
from neuraxis.kinds import Dynamics


@runtime_checkable
class Composite(Protocol):
    """A dynamics of the engine that is composed of others."""

    def inner(self) -> tuple[Dynamics, ...]:
        """Return the dynamics that it is composed of."""
        ...

    def begin(self, input: PyTree, /) -> Any:
        """Return the initial state for inputs like this one, whose dtypes determine those of the parts' outputs."""
        ...


def check_dynamics(name: str, dynamics: Any) -> None:
    """Check that an object is a dynamics; the message says what to do with an energy instead."""
    if isinstance(dynamics, type):
        kind = dynamics.__name__
        raise InputError(f"{name} must be an object, such as {kind}(), but is the class {kind} itself")
    if not isinstance(dynamics, Dynamics):
        kind = type(dynamics).__name__
        energy = hasattr(dynamics, "energy")
        other = "; use neuraxis.engine.relax for an energy, or its own recall" if energy else ""
        raise InputError(f"{name} must have the methods init_state and step, which {kind} does not have{other}")


def first_state(dynamics: Dynamics, input: PyTree) -> Any:
    """Return the state before the first step, for inputs like this one: arrays, or their shapes and dtypes."""
    if isinstance(dynamics, Composite):
        return dynamics.begin(input)
    return dynamics.init_state(shapes_of(input))


def shapes_of(input: PyTree) -> Any:
    """Return the argument of `init_state`: a shape for one array, () for none, a tree of shapes for a tree."""
    if not jax.tree.leaves(input):
        return ()
    return jax.tree.map(jnp.shape, input)


def input_of(shapes: Any) -> PyTree:
    """Return shapes and dtypes of inputs of those shapes: real numbers of the default precision."""
    number = jnp.result_type(float)
    return jax.tree.map(lambda shape: jax.ShapeDtypeStruct(shape, number), shapes, is_leaf=_is_shape)


def project(dynamics: Dynamics, inputs: PyTree) -> PyTree:
    """Compute what depends on the inputs alone, for any number of leading axes: without a `project`, the inputs."""
    own: Callable | None = getattr(dynamics, "project", None)
    return inputs if own is None else own(inputs)


def take_step(
    dynamics: Dynamics, state: PyTree, input: PyTree, dt: Any, *, key: Any = None, t: Any = None
) -> tuple[Any, Any]:
    """Take a step under a projected input, with a key and the time if the step takes them.

    Raises:
        InputError: for a step that does not return a pair.
    """
    noted = {"key": key, "t": t}
    found = dynamics.step(state, input, dt, **{name: noted[name] for name in _noted(dynamics)})
    if not isinstance(found, tuple) or len(found) != 2:
        what = f"{len(found)} items" if isinstance(found, tuple) else check.received(found)
        raise InputError(f"step of {type(dynamics).__name__} must return the pair (state, output), but returned {what}")
    return found


def advance(
    dynamics: Dynamics, state: PyTree, input: PyTree, dt: Any, *, key: Any = None, t: Any = None
) -> tuple[Any, Any]:
    """Take a step under an input that has not been projected."""
    return take_step(dynamics, state, project(dynamics, input), dt, key=key, t=t)


def trial(dynamics: Dynamics, state: PyTree, input: PyTree, dt: Any = 1.0) -> tuple[Any, Any]:
    """Return the shapes and dtypes of the state and output of a step."""
    moment = {"key": jax.random.key(0), "t": 0.0}
    return jax.eval_shape(partial(advance, dynamics, **moment), state, input, dt)


def check_key(dynamics: Dynamics, key: Any) -> None:
    """Check that a key is given if a step needs one, and not given if no step takes one.

    Raises:
        InputError: otherwise, or if the key is not a single random key.
    """
    takers = _takers(dynamics)
    if key is not None:
        check.key(key)
        if not takers:
            raise InputError(
                f"key= must not be given, since the step of {type(dynamics).__name__} has no parameter key"
            )
    for part in takers:
        if key is None and inspect.signature(part.step).parameters["key"].default is inspect.Parameter.empty:
            raise InputError(f"step of {type(part).__name__} needs a key: simulate(…, key=jax.random.key(0))")


def takes_key(dynamics: Dynamics) -> bool:
    """Return whether the step of the dynamics, or of one that it is composed of, takes a key."""
    return bool(_takers(dynamics))


def _takers(dynamics: Dynamics) -> list[Dynamics]:
    return [part for part in _parts(dynamics) if "key" in _noted(part)]


def _parts(dynamics: Dynamics) -> list[Dynamics]:
    """Return a dynamics, or those that it is composed of."""
    if isinstance(dynamics, Composite):
        return [part for inner in dynamics.inner() for part in _parts(inner)]
    return [dynamics]


def _noted(dynamics: Dynamics) -> list[str]:
    """Return which of `key` and `t` a step takes."""
    return [name for name in ("key", "t") if name in inspect.signature(dynamics.step).parameters]


def default_dt(dynamics: Dynamics) -> float | None:
    """Return the default of the parameter `dt` of `step`; for a composite, the one shared by all its parts."""
    if isinstance(dynamics, Composite):
        defaults = {default_dt(part) for part in dynamics.inner()}
        return defaults.pop() if len(defaults) == 1 else None
    parameter = inspect.signature(dynamics.step).parameters.get("dt")
    return None if parameter is None or parameter.default is parameter.empty else parameter.default


def prepared(part: Any, dt: Any) -> Any:
    """Replace every part of a dynamics that has a method `prepare` by its result for steps of that length."""
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
