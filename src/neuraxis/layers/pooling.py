"""Pooling layers."""

from typing import Any

import equinox as eqx
from jaxtyping import Array, ArrayLike, Float, PRNGKeyArray

from neuraxis import check
from neuraxis.functions import pooling, spatial
from neuraxis.functions.spatial import Steps, Whole


def _numbers(value: Any) -> Any:
    """Turn lists into tuples: what a compiled program depends on must have a hash."""
    return tuple(value) if hasattr(value, "__len__") and not isinstance(value, str) else value


class _Pool(eqx.Module):
    size: Steps = eqx.field(static=True, default=2, converter=_numbers)
    """Entries of a window along each spatial axis: one number for height and width of images, (2,) for signals."""
    stride: Steps | None = eqx.field(static=True, default=None, converter=_numbers)
    """Distance of neighbouring windows; `size` if None."""

    def __check_init__(self):
        space = len(spatial.window(self.size))
        if self.stride is not None:
            spatial.for_each_axis(space, stride=self.stride)

    @property
    def space(self) -> int:
        """Number of spatial axes."""
        return len(spatial.window(self.size))


class MaxPool(_Pool):
    """The largest entry of every window; see `neuraxis.functions.pooling.max_pool`."""

    def __call__(self, x: Float[ArrayLike, "..."], *, key: PRNGKeyArray | None = None) -> Float[Array, "..."]:
        """Map (…, *space, channel) to as many channels of fewer places."""
        return pooling.max_pool(x, self.size, self.stride)


class MeanPool(_Pool):
    """The mean of every window; see `neuraxis.functions.pooling.mean_pool`."""

    def __call__(self, x: Float[ArrayLike, "..."], *, key: PRNGKeyArray | None = None) -> Float[Array, "..."]:
        """Map (…, *space, channel) to as many channels of fewer places."""
        return pooling.mean_pool(x, self.size, self.stride)


class _GlobalPool(eqx.Module):
    axes: Whole = eqx.field(static=True, kw_only=True)
    """Number of spatial axes: 1 for signals (…, time, channel), 2 for images (…, height, width, channel)."""

    def __check_init__(self):
        check.whole(axes=self.axes)

    @property
    def space(self) -> int:
        """Number of spatial axes."""
        return int(self.axes)


class GlobalMaxPool(_GlobalPool):
    """The largest entry of every channel; see `neuraxis.functions.pooling.global_max_pool`."""

    def __call__(self, x: Float[ArrayLike, "..."], *, key: PRNGKeyArray | None = None) -> Float[Array, "... channel"]:
        """Map (…, *space, channel) to (…, channel)."""
        return pooling.global_max_pool(x, axes=self.axes)


class GlobalMeanPool(_GlobalPool):
    """The mean of every channel; see `neuraxis.functions.pooling.global_mean_pool`."""

    def __call__(self, x: Float[ArrayLike, "..."], *, key: PRNGKeyArray | None = None) -> Float[Array, "... channel"]:
        """Map (…, *space, channel) to (…, channel)."""
        return pooling.global_mean_pool(x, axes=self.axes)
