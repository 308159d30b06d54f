"""The precision in which sums, squares and moments are computed."""

from typing import Any

import jax.numpy as jnp
from jaxtyping import Array


def single(x: Any) -> Array:
    """Convert floats to at least single precision: half precision overflows (float16 at 65504) and rounds sums."""
    return jnp.asarray(x, jnp.promote_types(jnp.result_type(x), jnp.float32))
