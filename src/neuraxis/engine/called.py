"""Calls of user-defined functions, with errors that say what they were called with."""

from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from jaxtyping import PyTree

from neuraxis import check
from neuraxis.errors import InputError

NOT_TRACEABLE = (
    jax.errors.ConcretizationTypeError,
    jax.errors.TracerArrayConversionError,
    jax.errors.TracerIntegerConversionError,
)
TRACEABLE = "a function that JAX can trace: jnp.sin for np.sin, jnp.where(a, b, c) for if, no float()"


def call_loss(name: str, loss: Callable[..., Any], model: PyTree, batch: tuple[Any, ...], key: Any) -> Any:
    """Return `loss(model, *batch, key=key)`.

    Raises:
        InputError: for a loss that takes other arguments, that JAX cannot trace, or that does not fit model and data.
    """
    try:
        return loss(model, *batch, key=key)
    except (TypeError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        check.takes(name, loss, "model", *(f"data[{i}]" for i in range(len(batch))), key="key")
        if "object is not callable" in str(error) and not callable(model):
            raise InputError(f"the model must be a function, as {name} calls it, but is {_kind(model)}") from error
        raise _explained(name, error, batch, _hint(model)) from error


def call(name: str, function: Callable[..., Any], *arguments: Any) -> Any:
    """Return `function(*arguments)`.

    Raises:
        InputError: for a function that takes other arguments, that JAX cannot trace, or that does not fit these.
    """
    try:
        return function(*arguments)
    except (TypeError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        check.takes(name, function, *(f"argument {i}" for i in range(len(arguments))))
        raise _explained(name, error, arguments) from error


def _hint(model: PyTree) -> str:
    """Return advice for a batch that is passed to layers of equinox, or an empty text."""
    is_single = lambda node: type(node).__module__.startswith("equinox.nn")
    single = any(map(is_single, jax.tree.leaves(model, is_leaf=is_single)))
    return "; layers of equinox.nn take one example at a time, so that a batch needs jax.vmap(model)" if single else ""


def _explained(name: str, error: Exception, arguments: tuple[Any, ...], hint: str = "") -> InputError:
    if isinstance(error, NOT_TRACEABLE):
        return InputError(f"{name} must be {TRACEABLE}")
    shapes = ", ".join(map(_kind, arguments))
    reason = " ".join(str(error).split())
    return InputError(f"{name} does not fit what it is called with, {shapes}: {reason}{hint}")


def _kind(thing: Any) -> str:
    if hasattr(thing, "shape") and hasattr(thing, "dtype"):
        return f"{thing.dtype}{np.shape(thing)}"
    return (
        check.received(thing) if isinstance(thing, str | int | float | complex | None) else f"a {type(thing).__name__}"
    )
