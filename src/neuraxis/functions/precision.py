"""The precision in which sums, squares and moments are taken."""

from typing import Any

import jax.numpy as jnp
from jaxtyping import Array


def single(x: Any) -> Array:
    """Get an array of floats in single precision, where it has less: half precision ends at 65504, and rounds sums."""
    return jnp.asarray(x, jnp.promote_types(jnp.result_type(x), jnp.float32))
