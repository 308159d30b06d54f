"""Layers one after the other."""

from collections.abc import Callable, Sequence
from typing import Any

import equinox as eqx
import jax
from jaxtyping import PRNGKeyArray

from neuraxis import check
from neuraxis.errors import InputError
from neuraxis.layers.apply import apply, measure


class Sequential(eqx.Module):
    """y = fᴸ(… f²(f¹(x))): layers (maps) and plain functions, such as activations, one after the other.

    Every layer that draws noise receives a key of its own. Layers that measure statistics, such as `BatchNorm`, are
    brought up to date by `measure`.

    Args:
        layers: maps, which are called as `layer(x, key=key)`, and functions of x.

    Raises:
        InputError: for layers that are no sequence, or one that cannot be called.
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
        for layer, layer_key in self._with_keys(key):
            x = apply(layer, x, layer_key)
        return x

    def measure(self, x: Any, *, key: PRNGKeyArray | None = None) -> tuple[Any, "Sequential"]:
        """Map x through all layers; return y, and the model with the statistics of its layers brought up to date."""
        layers = []
        for layer, layer_key in self._with_keys(key):
            x, measured = measure(layer, x, layer_key)
            layers.append(measured)
        return x, eqx.tree_at(lambda model: model.layers, self, tuple(layers))

    def _with_keys(self, key: PRNGKeyArray | None):
        if key is not None:
            check.random_key(key=key)
        keys = [None] * len(self.layers) if key is None else jax.random.split(key, len(self.layers))
        return zip(self.layers, keys, strict=True)
