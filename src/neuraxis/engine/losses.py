"""What losses and measures must give."""

from typing import Any

import jax.numpy as jnp
from jaxtyping import Array, Float

from neuraxis.errors import InputError


def per_example(values: Any, count: int, name: str) -> Float[Array, " batch"]:
    """Give the values of a loss or measure as numbers of at least single precision, one for each of `count` examples.

    Raises:
        InputError: for any other shape.
    """
    values = jnp.asarray(values)
    if values.shape != (count,):
        raise InputError(f"{name} must give shape ({count},), but gave {values.shape}")
    return values.astype(jnp.promote_types(values.dtype, jnp.float32))
