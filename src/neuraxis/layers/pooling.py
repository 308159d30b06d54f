"""Pooling layers."""

import equinox as eqx
from jaxtyping import Array, ArrayLike, Float, PRNGKeyArray

from neuraxis.functions import pooling, spatial
from neuraxis.functions.spatial import Steps, Whole


class _Pool(eqx.Module):
    size: tuple[int, ...] = eqx.field(static=True)
    """Window size along each spatial axis: one number for height and width of images, (2,) for signals."""
    stride: tuple[int, ...] = eqx.field(static=True)
    """Distance between neighbouring windows; `size` by default."""

    def __init__(self, size: Steps = 2, stride: Steps | None = None):
        self.size = spatial.window(size)
        self.stride = self.size if stride is None else spatial.for_each_axis(self.space, stride=stride)

    @property
    def space(self) -> int:
        """Number of spatial axes."""
        return len(self.size)


class MaxPool(_Pool):
    """The maximum of every window; see `neuraxis.functions.pooling.max_pool`."""

    def __call__(self, x: Float[ArrayLike, "..."], *, key: PRNGKeyArray | None = None) -> Float[Array, "..."]:
        """Map (…, *space, channel) to the same channels at fewer positions."""
        return pooling.max_pool(x, self.size, self.stride)


class MeanPool(_Pool):
    """The mean of every window; see `neuraxis.functions.pooling.mean_pool`."""

    def __call__(self, x: Float[ArrayLike, "..."], *, key: PRNGKeyArray | None = None) -> Float[Array, "..."]:
        """Map (…, *space, channel) to the same channels at fewer positions."""
        return pooling.mean_pool(x, self.size, self.stride)


class _GlobalPool(eqx.Module):
    axes: Whole = eqx.field(static=True, kw_only=True, converter=spatial.count_of_axes)
    """Number of spatial axes: 1 for signals (…, time, channel), 2 for images (…, height, width, channel)."""

    @property
    def space(self) -> int:
        """Number of spatial axes."""
        return int(self.axes)


class GlobalMaxPool(_GlobalPool):
    """The maximum of every channel; see `neuraxis.functions.pooling.global_max_pool`."""

    def __call__(self, x: Float[ArrayLike, "..."], *, key: PRNGKeyArray | None = None) -> Float[Array, "... channel"]:
        """Map (…, *space, channel) to (…, channel)."""
        return pooling.global_max_pool(x, axes=self.axes)


class GlobalMeanPool(_GlobalPool):
    """The mean of every channel; see `neuraxis.functions.pooling.global_mean_pool`."""

    def __call__(self, x: Float[ArrayLike, "..."], *, key: PRNGKeyArray | None = None) -> Float[Array, "... channel"]:
        """Map (…, *space, channel) to (…, channel)."""
        return pooling.global_mean_pool(x, axes=self.axes)
