"""Validation of the values that a loss or measure returns: one number per example."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from neuraxis.errors import InputError


def per_example(values: Any, count: int, name: str) -> Float[Array, " batch"]:
    """Return the values of a loss or measure for `count` examples, in float32 or higher precision for summation.

    Booleans count as 0 and 1. Only shape and dtype are checked, so that this can be called while JAX is tracing.

    Args:
        values: values returned by the loss.
        count: number of examples in the batch.
        name: name of the loss in messages.

    Raises:
        InputError: for anything but real numbers or booleans of shape (count,); the message suggests a correction.
    """
    if not isinstance(values, jax.Array | np.ndarray | np.generic | float | int):
        raise InputError(f"{name} must return an array with one number per example, but returned {values!r}")
    dtype, shape = jnp.result_type(values), jnp.shape(values)
    if not any(jnp.issubdtype(dtype, kind) for kind in (jnp.bool_, jnp.integer, jnp.floating)):
        raise InputError(f"{name} must return real numbers, one per example, but returned dtype {dtype}")
    if shape != (count,):
        raise InputError(
            f"{name} must return one number per example, shape ({count},) for a batch of {count}, but returned shape "
            f"{shape}: {_cure(shape, count)}"
        )
    return jnp.asarray(values, jnp.promote_types(dtype, jnp.float32))


def _cure(shape: tuple[int, ...], count: int) -> str:
    """Suggest a correction."""
    if not shape:
        return "omit the mean or sum over the examples, as it is taken afterwards"
    if shape[0] != count:
        return "keep the examples along the first axis"
    if shape[1:] == (count,):
        return "outputs and targets were broadcast with each other, but need the same shape"
    if shape[1:] == (1,):
        return "remove the last axis, as in values[:, 0]"
    return "sum or average over all axes but the first"
