"""Unflattening of vectors to images and signals."""

import math
from collections.abc import Sequence

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, PRNGKeyArray

from neuraxis import check
from neuraxis.functions.spatial import Whole


class Unflatten(eqx.Module):
    """y = x with its last axis split: (…, height · width · channel) becomes (…, height, width, channel).

    Args:
        shape: shape of the new last axes, such as (7, 7, 64).

    Raises:
        InputError: for a shape that does not consist of positive integers, or an x whose last axis does not have as
            many entries.
    """

    shape: tuple[int, ...] = eqx.field(static=True)

    def __init__(self, shape: Sequence[Whole]):
        self.shape = check.sizes(shape=shape)

    def __call__(self, x: ArrayLike, *, key: PRNGKeyArray | None = None) -> Array:
        """Map (…, n) to (…, *shape)."""
        x = jnp.asarray(check.array("x", x))
        check.last_axis(math.prod(self.shape), x=x)
        return x.reshape(*x.shape[:-1], *self.shape)
