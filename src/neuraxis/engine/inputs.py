"""Inputs of a simulation: arrays over time, a constant input, or a function of time."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.tree_util import keystr
from jaxtyping import PyTree

from neuraxis import check, values
from neuraxis.engine.called import NOT_TRACEABLE, TRACEABLE
from neuraxis.errors import InputError


def as_inputs(inputs: Any) -> PyTree:
    """Convert lists of numbers, tables, tensors and integers to arrays; return functions unchanged.

    Raises:
        InputError: for a class, complex numbers, or anything but numbers, booleans and random keys.
    """
    if isinstance(inputs, type):
        raise InputError(f"inputs must be arrays or a function of time, but are the class {inputs.__name__} itself")
    if callable(inputs):
        return inputs
    leaves, structure = jax.tree.flatten_with_path(inputs, is_leaf=is_list_of_numbers)
    made = [x if values.is_key(x) else check.array(f"inputs{keystr(path)}", x) for path, x in leaves]
    return widened(jax.tree.unflatten(structure, [x if values.is_value(x) else jnp.asarray(x) for x in made]))


def widened(inputs: PyTree) -> PyTree:
    """Convert small integers, such as bytes, to int32: otherwise 0 − 1 would be 255."""

    def widen(x):
        small = hasattr(x, "dtype") and jnp.issubdtype(x.dtype, jnp.integer) and x.dtype.itemsize < 4
        return x.astype(np.int32) if small else x

    return jax.tree.map(widen, inputs)


def number_of_steps(inputs: PyTree, steps: Any) -> int:
    """Return the number of steps.

    Raises:
        InputError: for inputs that do not determine it, or are not finite.
    """
    named = {} if callable(inputs) else {f"inputs{keystr(path)}": x for path, x in jax.tree.leaves_with_path(inputs)}
    if steps is not None:
        check.whole(0, steps=steps)
    elif not named:
        raise InputError("the number of steps must be given as steps=, since the inputs have no time axis")
    elif any(np.ndim(x) == 0 for x in named.values()):
        raise InputError("the number of steps must be given as steps=, since inputs of one number have no time axis")
    else:
        check.same_length(**named)
        steps = np.shape(next(iter(named.values())))[0]
    check.finite(**{name: x for name, x in named.items() if jnp.issubdtype(jnp.result_type(x), jnp.inexact)})
    return int(steps)


def one_input(inputs: PyTree, held: bool) -> PyTree:
    """Return the shapes and dtypes of the input of one step.

    Raises:
        InputError: for a function of time that JAX cannot trace, or that returns anything but real numbers.
    """
    if callable(inputs):
        return _given_by(inputs)

    def stand_in(x):
        kind = jax.typeof(x)
        shape = kind.shape if held else kind.shape[1:]
        return jax.ShapeDtypeStruct(shape, kind.dtype, weak_type=kind.weak_type)

    return jax.tree.map(stand_in, inputs)


def _given_by(function: Any) -> PyTree:
    try:
        given = jax.eval_shape(lambda t: widened(function(t)), jnp.zeros(()))
    except NOT_TRACEABLE as error:
        raise InputError(f"inputs must be {TRACEABLE}") from error
    except TypeError as error:
        check.takes("inputs", function, "t")
        if "not a valid JAX type" in str(error):
            raise InputError(f"inputs must be a function that returns arrays of numbers, but {error}") from error
        raise
    for leaf in jax.tree.leaves(given):
        if jnp.issubdtype(leaf.dtype, jnp.complexfloating):
            raise InputError(f"inputs must return real numbers, but return {leaf.dtype}; take .real, or jnp.abs()")
    return given


def is_list_of_numbers(node: Any) -> bool:
    """Return whether a node is a list of numbers, possibly nested, and thus to be read as an array."""
    return isinstance(node, list) and all(
        is_list_of_numbers(x) or isinstance(x, bool | int | float | complex | np.number) for x in node
    )
