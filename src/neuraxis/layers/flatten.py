"""Flattening of images and signals to vectors."""

import math

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, PRNGKeyArray

from neuraxis import check
from neuraxis.errors import InputError
from neuraxis.functions.spatial import Whole, count_of_axes


class Flatten(eqx.Module):
    """y = x with its last axes merged: with 3 axes, (…, height, width, channel) gives (…, height · width · channel).

    Raises:
        InputError: for a number of axes below 1, or an x with fewer.
    """

    axes: Whole = eqx.field(static=True, kw_only=True, converter=count_of_axes)
    """Number of axes to merge: 3 for images, 2 for signals."""

    def __call__(self, x: ArrayLike, *, key: PRNGKeyArray | None = None) -> Array:
        """Map (…, n₁, n₂, …) to (…, n₁ n₂ …)."""
        x = jnp.asarray(check.array("x", x))
        if x.ndim < self.axes:
            raise InputError(f"x must have at least {self.axes} axes to be flattened, but has shape {x.shape}")
        kept = x.ndim - int(self.axes)
        return x.reshape(*x.shape[:kept], math.prod(x.shape[kept:]))
