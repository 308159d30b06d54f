"""Explanations of failed simulations, in place of the errors that JAX raises inside its loop."""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax.tree_util import keystr
from jaxtyping import PyTree

from neuraxis import check
from neuraxis.engine.called import NOT_TRACEABLE, TRACEABLE
from neuraxis.engine.dynamics import first_state, shapes_of, trial
from neuraxis.engine.inputs import one_input
from neuraxis.errors import InputError
from neuraxis.kinds import Dynamics


def explained(
    error: Exception,
    dynamics: Dynamics,
    state: PyTree,
    inputs: PyTree,
    *,
    held: bool,
    dt: Any,
    record: Callable[..., Any],
) -> Exception:
    """Return an error that explains why a simulation failed, or the original error if there is no explanation.

    Raises:
        InputError: for a `record` that takes other arguments.
    """
    if isinstance(error, InputError):
        return error
    kind, input = type(dynamics).__name__, one_input(inputs, held)
    if isinstance(error, TypeError) and "scan body function carry" in str(error):
        return InputError(
            f"a step must keep the shapes and dtypes of the state, but {_changed(dynamics, state, input, dt)}"
        )
    if isinstance(error, TypeError):
        check.takes("record", record, "state", "output")
    expected = _structure_of_state(dynamics, input)
    if expected is not None and expected != jax.tree.structure(state):
        return InputError(f"state must be as init_state returns it, {expected}, but is {jax.tree.structure(state)}")
    if isinstance(error, NOT_TRACEABLE):
        return InputError(f"the step of {kind} and what it calls, or the record, must be {TRACEABLE}")
    if not isinstance(input, jax.ShapeDtypeStruct):
        given = f"a tree of shapes {shapes_of(input)}" if jax.tree.leaves(input) else "none"
        return InputError(f"{kind} does not run on the inputs that it received, {given}: {error}")
    return error


def check_state(after: PyTree) -> None:
    """Check that the state returned by a step consists of numbers.

    Raises:
        InputError: for anything else.
    """
    _check_arrays("a step must return a state of arrays and numbers", after)


def check_record(record: PyTree) -> None:
    """Check that a record consists of numbers.

    Raises:
        InputError: for anything else.
    """
    _check_arrays("a record must contain arrays and numbers only", record)


def _check_arrays(expected: str, tree: PyTree) -> None:
    for leaf in jax.tree.leaves(tree):
        if not (hasattr(leaf, "dtype") or isinstance(leaf, bool | int | float | complex)):
            raise InputError(f"{expected}, but contains the {type(leaf).__name__} {check.received(leaf)}")


def _structure_of_state(dynamics: Dynamics, input: PyTree) -> Any:
    """Return the structure of the initial state, or None if there is none for this input."""
    try:
        return jax.tree.structure(jax.eval_shape(partial(first_state, dynamics), input))
    except Exception:  # whatever a user's method raises for inputs that it does not support
        return None


def _changed(dynamics: Dynamics, state: PyTree, input: PyTree, dt: Any) -> str:
    """Describe how a step changes the structure, shapes or dtypes of the state."""
    after, _ = trial(dynamics, state, input, dt)
    before = jax.eval_shape(lambda: jax.tree.map(jnp.asarray, state))
    if jax.tree.structure(before) != jax.tree.structure(after):
        return f"changes {jax.tree.structure(before)} to {jax.tree.structure(after)}"
    pairs = zip(jax.tree.leaves_with_path(before), jax.tree.leaves(after), strict=True)
    changed = [
        f"state{keystr(path)} was {old.dtype}{old.shape} and is {new.dtype}{new.shape}"
        for (path, old), new in pairs
        if (old.shape, old.dtype) != (new.shape, new.dtype)
    ]
    return ", ".join(changed)
