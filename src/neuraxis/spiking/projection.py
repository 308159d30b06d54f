"""A list of connections with their weights and delays."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jax.core import Tracer
from jax.typing import ArrayLike
from jaxtyping import Int

from neuraxis import check
from neuraxis.errors import InputError

Indices = Int[np.ndarray, " connection"]
PerConnection = ArrayLike | Sequence | Callable[[Indices, Indices], Any]


@dataclass(frozen=True, eq=False)
class Projection:
    """A list of connections between neurons, whose indices count through all populations of a network.

    Connection c leads from neuron `source[c]` to neuron `target[c]`. A pair may be listed several times, and a neuron
    may be connected to itself. Weight and delay are one number for all, one per connection, or functions of the index
    arrays (source, target), such as `lambda i, j: 0.1 * abs(i - j)`; the fields then hold the values of the functions.

    Raises:
        InputError: for indices that are not integers or are negative, lists of different lengths, weights that are not
            finite, delays that are negative, or arrays that JAX is tracing.
    """

    source: Any
    """Source neurons (connection,), integers; stored as a NumPy array."""
    target: Any
    """Target neurons (connection,)."""
    weight: PerConnection = 1.0
    """Weight w: the area of the synaptic input that a spike causes."""
    delay: PerConnection = 0.0
    """Time from the spike to its arrival [ms]."""
    receptor: int = 0
    """Index of the synaptic input at which the spikes arrive."""

    def __post_init__(self):
        for name in ("source", "target"):
            object.__setattr__(self, name, neurons(name, getattr(self, name)))
        if len(self.source) != len(self.target):
            raise InputError(
                f"a projection needs one source and one target per connection, but has {len(self.source)} sources and "
                f"{len(self.target)} targets"
            )
        for name in ("weight", "delay"):
            object.__setattr__(self, name, self._per_connection(name, getattr(self, name)))
        check.finite(weight=self.weight)
        check.not_negative(delay=self.delay)
        check.whole(0, receptor=self.receptor)
        object.__setattr__(self, "receptor", int(self.receptor))

    def _per_connection(self, name: str, value: Any) -> Any:
        """Return one number, or one per connection."""
        if isinstance(value, type):
            raise InputError(f"{name} must be a number, an array or a function of (source, target), but is {value!r}")
        value = value(self.source, self.target) if callable(value) else value
        if isinstance(value, Tracer):
            raise InputError(
                f"the {name} of a projection cannot be traced by JAX: call connect first, and then insert the traced "
                "weights with eqx.tree_at(lambda c: c.weights, connections, weights)"
            )
        if value is None or isinstance(value, bool):
            raise InputError(f"{name} must be a number or an array, but is {value}")
        value = np.asarray(check.host_array(name, value))
        if value.shape not in ((), self.source.shape):
            raise InputError(
                f"{name} must be one number, or one for each of {len(self.source)} connections, but has shape "
                f"{value.shape}"
            )
        return value if value.ndim else value.item()


def neurons(name: str, value: Any) -> Indices:
    """Check indices of neurons, and return them as an array.

    Raises:
        InputError: for an argument that is not a list of integers from 0 to 2³¹ − 1.
    """
    indices = check.host_array(name, value)
    if isinstance(indices, Tracer):
        raise InputError(f"{name} determines the shapes of a network, so it cannot be traced by JAX")
    indices = np.asarray(indices)
    indices = indices if indices.size else indices.astype(int)  # an empty list becomes an array of floats
    if indices.ndim != 1 or indices.dtype.kind not in "iu":
        raise InputError(f"{name} must be a list of integers, but has shape {indices.shape} and dtype {indices.dtype}")
    if indices.size and (indices.min() < 0 or indices.max() >= 2**31):
        wrong = indices.min() if indices.min() < 0 else indices.max()
        raise InputError(f"{name} must contain indices of neurons from 0 to 2³¹ − 1, but contains {wrong}")
    return indices.astype(np.int64)
