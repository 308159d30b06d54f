"""Layers in sequence."""

from collections.abc import Callable, Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import PRNGKeyArray

from neuraxis import check
from neuraxis.errors import InputError
from neuraxis.functions import spatial
from neuraxis.layers.apply import apply, measure


class Sequential(eqx.Module):
    """y = fᴸ(… f²(f¹(x))): layers (maps) and plain functions, such as activations, in sequence.

    Each layer receives its own key. `measure` updates layers that measure statistics, such as `BatchNorm`.

    Args:
        layers: maps, which are called as `layer(x, key=key)`, and functions of x.

    Raises:
        InputError: if `layers` is not a sequence, a layer cannot be called, or a layer disagrees with the one before it
            on which axes are spatial.
    """

    layers: tuple[Callable, ...]

    def __init__(self, layers: Sequence[Callable]):
        if not isinstance(layers, Sequence) or isinstance(layers, str):
            raise InputError(f"layers must be a list of maps and functions, but are {check.received(layers)}")
        for i, layer in enumerate(layers):
            if isinstance(layer, type) or not callable(layer):
                raise InputError(f"layers[{i}] must be a map or a function, but is {check.received(layer)}")
        self.layers = tuple(layers)

    def __call__(self, x: Any, *, key: PRNGKeyArray | None = None) -> Any:
        """Map x through all layers."""
        axes = _Axes()
        for layer, layer_key in self._with_keys(key):
            x = axes.follow(layer, x, apply(layer, x, layer_key))
        return x

    def measure(self, x: Any, *, key: PRNGKeyArray | None = None) -> tuple[Any, "Sequential"]:
        """Map x through all layers, and return y and the model with the statistics of its layers updated."""
        layers, axes = [], _Axes()
        for layer, layer_key in self._with_keys(key):
            y, measured = measure(layer, x, layer_key)
            x = axes.follow(layer, x, y)
            layers.append(measured)
        return x, eqx.tree_at(lambda model: model.layers, self, tuple(layers))

    def _with_keys(self, key: PRNGKeyArray | None):
        if key is not None:
            check.key(key)
        keys = [None] * len(self.layers) if key is None else jax.random.split(key, len(self.layers))
        return zip(self.layers, keys, strict=True)


class _Axes:
    """The number of spatial axes of the last layer that has any, and of all axes of its output."""

    def __init__(self):
        self.layer, self.space, self.ndim = None, 0, -1

    def follow(self, layer: Any, x: Any, y: Any) -> Any:
        """Check that a layer agrees with the one before it on the spatial axes, and return its output y."""
        space = getattr(layer, "space", None) if isinstance(layer, eqx.Module) else None
        if isinstance(space, int):
            if self.ndim == jnp.ndim(x) and self.space != space:
                raise InputError(
                    f"layers must agree on their spatial axes, but {type(self.layer).__name__} acts on "
                    f"({spatial.names(self.space)}) and {type(layer).__name__} after it on ({spatial.names(space)}): "
                    f"give a size for each axis, such as (2,) for signals and (2, 2) for images"
                )
            self.layer, self.space, self.ndim = layer, space, jnp.ndim(y)
        return y
