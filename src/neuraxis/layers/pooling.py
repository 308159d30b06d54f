"""Pooling layers."""

import equinox as eqx
from jaxtyping import Array, ArrayLike, Float, PRNGKeyArray

from neuraxis.functions.pooling import Sizes, max_pool, mean_pool


class MaxPool(eqx.Module):
    """The largest entry of every window; see `neuraxis.functions.pooling.max_pool`."""

    size: Sizes = eqx.field(static=True, default=2)
    stride: Sizes | None = eqx.field(static=True, default=None)

    def __call__(self, x: Float[ArrayLike, "..."], *, key: PRNGKeyArray | None = None) -> Float[Array, "..."]:
        """Map (…, *space, channel) to as many channels of fewer places."""
        return max_pool(x, self.size, self.stride)


class MeanPool(eqx.Module):
    """The mean of every window; see `neuraxis.functions.pooling.mean_pool`."""

    size: Sizes = eqx.field(static=True, default=2)
    stride: Sizes | None = eqx.field(static=True, default=None)

    def __call__(self, x: Float[ArrayLike, "..."], *, key: PRNGKeyArray | None = None) -> Float[Array, "..."]:
        """Map (…, *space, channel) to as many channels of fewer places."""
        return mean_pool(x, self.size, self.stride)
