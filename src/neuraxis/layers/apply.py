"""How a layer that holds others calls them, whatever they are."""

from collections.abc import Callable
from typing import Any

import equinox as eqx
from jaxtyping import PRNGKeyArray

from neuraxis.engine.modes import measuring_parts
from neuraxis.errors import InputError
from neuraxis.kinds import MeasuringMap


def apply(layer: Callable[..., Any], x: Any, key: PRNGKeyArray | None) -> Any:
    """Map x through a layer; a plain function, such as an activation, takes no key."""
    return layer(x, key=key) if issubclass(type(layer), eqx.Module) else layer(x)


def measure(layer: Callable[..., Any], x: Any, key: PRNGKeyArray | None) -> tuple[Any, Callable[..., Any]]:
    """Map x through a layer, and return y and the layer: with new statistics where it has any, else as it is.

    Raises:
        InputError: for a layer that holds parts which measure their data, but has no method `measure` itself.
    """
    if isinstance(layer, MeasuringMap):
        return layer.measure(x, key=key)
    if parts := measuring_parts(layer):
        name, place = type(layer).__name__, parts[0][0]
        raise InputError(
            f"{name}.{place} measures statistics of its data, so {name} needs a method measure(x, *, key=None) that "
            "gives y and itself with them updated, as neuraxis.layers.Sequential has"
        )
    return apply(layer, x, key), layer
