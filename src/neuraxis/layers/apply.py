"""Calls of the layers that another layer contains."""

from collections.abc import Callable
from typing import Any

import equinox as eqx
from jaxtyping import PRNGKeyArray

from neuraxis.engine.modes import measuring_parts
from neuraxis.errors import InputError
from neuraxis.kinds import MeasuringMap


def apply(layer: Callable[..., Any], x: Any, key: PRNGKeyArray | None) -> Any:
    """Map x through a layer; a plain function, such as an activation, receives no key."""
    return layer(x, key=key) if issubclass(type(layer), eqx.Module) else layer(x)


def measure(layer: Callable[..., Any], x: Any, key: PRNGKeyArray | None) -> tuple[Any, Callable[..., Any]]:
    """Map x through a layer, and return y and the layer, with its statistics updated if it has any.

    Raises:
        InputError: for a layer with parts that measure statistics, but without a method `measure`.
    """
    if isinstance(layer, MeasuringMap):
        return layer.measure(x, key=key)
    if parts := measuring_parts(layer):
        name, place = type(layer).__name__, parts[0][0]
        raise InputError(
            f"{name}.{place} measures statistics of its data, so {name} needs a method measure(x, *, key=None) that "
            "returns y and the layer with updated statistics, as neuraxis.layers.Sequential has"
        )
    return apply(layer, x, key), layer
