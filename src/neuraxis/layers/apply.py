"""How a layer that holds others calls them, whatever they are."""

from collections.abc import Callable
from typing import Any

import equinox as eqx
from jaxtyping import PRNGKeyArray

from neuraxis.kinds import MeasuringMap


def apply(layer: Callable[..., Any], x: Any, key: PRNGKeyArray | None) -> Any:
    """Map x through a layer; a plain function, such as an activation, takes no key."""
    return layer(x, key=key) if issubclass(type(layer), eqx.Module) else layer(x)


def measure(layer: Callable[..., Any], x: Any, key: PRNGKeyArray | None) -> tuple[Any, Callable[..., Any]]:
    """Map x through a layer, and return y and the layer: with new statistics where it has any, else as it is."""
    if isinstance(layer, MeasuringMap):
        return layer.measure(x, key=key)
    return apply(layer, x, key), layer
