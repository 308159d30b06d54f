"""What a loss or a measure gives: one number per example."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from neuraxis.errors import InputError


def per_example(values: Any, count: int, name: str) -> Float[Array, " batch"]:
    """Return the values of a loss or a measure for `count` examples, in float32 at least, so that they can be added up.

    Truth values count as 0 and 1. Only the shape is looked at, so it can be called while JAX is tracing.

    Args:
        values: what the loss gave.
        count: examples in the batch.
        name: of the loss, for the message.

    Raises:
        InputError: for anything but real numbers or truth values of shape (count,), with what is probably wrong.
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
    """Say what mends it."""
    if not shape:
        return "leave the mean or sum over the examples out, as it is taken afterwards"
    if shape[0] != count:
        return "keep the examples along the first axis"
    if shape[1:] == (count,):
        return "outputs and targets have broadcast with each other, and need the same shape"
    if shape[1:] == (1,):
        return "take the last axis off, as in values[:, 0]"
    return "sum or average over all axes but the first"
