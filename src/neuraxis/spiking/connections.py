"""Connections in the form that a simulation uses: a sparse table or a full matrix."""

from typing import Any, NamedTuple

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jax.typing import ArrayLike
from jaxtyping import Array, Float, Int

from neuraxis import check
from neuraxis.errors import InputError
from neuraxis.spiking.event_propagation import SLOTS, Table, propagate
from neuraxis.spiking.projection import Projection
from neuraxis.spiking.step_length import check_dt

_MOST = 2**30  # maximum number of connections, so that they can be counted in 32 bits
_BYTES = 80  # per connection, while sorting


class Connection(NamedTuple):
    """A list of connections, with one entry each."""

    source: Int[np.ndarray, " connection"]
    target: Int[np.ndarray, " connection"]
    weight: Float[np.ndarray, " connection"]
    delay: Float[np.ndarray, " connection"]  # [ms]; 0 where there are no delays
    receptor: Int[np.ndarray, " connection"]


class SparseConnections(eqx.Module):
    """Sparse table of the connections of a network, as built by `connect`.

    Connections are sorted by source (compressed sparse rows), without padding where fan-outs differ: 12 bytes per
    connection. An address is a flat index into slots (delay, receptor, neuron). For how they are visited, see
    `propagate`.

    Raises:
        InputError: for arrays that do not fit each other, or indices outside the network.
    """

    weights: Float[Array, " connection"]
    addresses: Int[Array, " connection"]
    sources: Int[Array, " connection"]
    offsets: Int[Array, " offset"]
    """Start of each neuron's connections: those of neuron j are offsets[j] to offsets[j + 1] − 1."""
    size: int = eqx.field(static=True)
    """Number of neurons."""
    receptors: int = eqx.field(static=True)
    depth: int = eqx.field(static=True)
    """Longest delay plus 1 [steps]."""
    dt: float | None = eqx.field(static=True)
    """Length of the steps in which delays are counted [ms]; None without delays."""

    def __check_init__(self):
        check.whole(size=self.size, receptors=self.receptors, depth=self.depth)
        slots = self.depth * self.receptors * self.size
        if slots > SLOTS:
            raise InputError(f"size · receptors · depth must be at most 2²⁹ slots, but is {slots}")
        if self.dt is not None:
            check_dt(self.dt)
        names = ("weights", "addresses", "sources", "offsets")
        lists = {name: check.array(name, getattr(self, name)) for name in names}
        shapes = {name: np.shape(values) for name, values in lists.items()}
        count = shapes["weights"][0] if shapes["weights"] else 0
        if shapes != {**dict.fromkeys(names, (count,)), "offsets": (self.size + 1,)}:
            listed = ", ".join(f"{name} {shape}" for name, shape in shapes.items())
            raise InputError(
                f"connections of {self.size} neurons need one entry per connection, and one more offset than neurons, "
                f"but have shapes {listed}; build them with connect"
            )
        for name, end in {"addresses": slots, "sources": self.size, "offsets": count + 1}.items():
            known = lists[name]
            if known.dtype.kind not in "iu":
                raise InputError(f"{name} must be integers, but have dtype {known.dtype}")
            if not isinstance(known, Tracer) and known.size and not 0 <= np.min(known) <= np.max(known) < end:
                raise InputError(f"{name} must be between 0 and {end - 1}; build them with connect")

    def deliver(
        self,
        pending: Float[Array, "*lead depth receptor neuron"],
        spikes: Float[Array, "*lead neuron"],
        start: Int[Array, ""],
    ) -> Float[Array, "*lead depth receptor neuron"]:
        """Add the weights of the neurons that spiked to the pending input; row `start` of the ring arrives now."""
        flat = pending.reshape(*pending.shape[:-2], -1)
        return propagate(flat, spikes, self.table(flat.dtype), start).reshape(pending.shape)

    def table(self, dtype: Any) -> Table:
        """Return the table, with weights of the given dtype."""
        return Table(jnp.asarray(self.weights, dtype), self.addresses, self.sources, self.offsets)

    def listed(self) -> Connection:
        """List all connections as (source, target, weight, delay, receptor), in the order of `weights`."""
        slots, target = np.divmod(np.asarray(self.addresses, np.int64), self.size)
        steps, receptor = np.divmod(slots, self.receptors)
        return Connection(
            np.asarray(self.sources, np.int64), target, np.asarray(self.weights), steps * (self.dt or 0.0), receptor
        )


class DenseConnections(eqx.Module):
    """One weight for every pair of neurons and every receptor, with a common delay.

    A step multiplies the spikes by the full matrix W (receptor, source, target). With few spikes per step this is much
    slower than `SparseConnections`; use it for small networks, and to train every weight.

    Raises:
        InputError: for weights that are not square matrices or not finite, a delay that is negative, or a delay without
            dt.
    """

    weights: Float[ArrayLike, "receptor neuron neuron"]
    """Weights w: the area of the synaptic input that a spike causes."""
    delay: float | int = eqx.field(static=True, default=0.0)
    """Time from the spike to its arrival [ms]."""
    dt: float | None = eqx.field(static=True, default=None)
    """Length of the steps in which the delay is counted [ms]."""

    def __check_init__(self):
        shape = np.shape(check.array("weights", self.weights))
        if len(shape) != 3 or shape[1] != shape[2] or 0 in shape:
            raise InputError(f"weights must have shape (receptor, neuron, neuron), but have shape {shape}")
        check.finite(weights=self.weights)
        if np.ndim(check.array("delay", self.delay)):
            raise InputError(f"delay must be one number for all weights, but has shape {np.shape(self.delay)}")
        delay_steps(self.delay, self.dt)

    @property
    def size(self) -> int:
        """Number of neurons."""
        return jnp.shape(self.weights)[-1]

    @property
    def receptors(self) -> int:
        """Number of receptors."""
        return jnp.shape(self.weights)[0]

    @property
    def depth(self) -> int:
        """Delay plus 1 [steps]."""
        return int(delay_steps(self.delay, self.dt)) + 1

    def deliver(
        self,
        pending: Float[Array, "*lead depth receptor neuron"],
        spikes: Float[Array, "*lead neuron"],
        start: Int[Array, ""],
    ) -> Float[Array, "*lead depth receptor neuron"]:
        """Add spikes · W to the pending input; row `start` of the ring arrives now."""
        slot = (start + self.depth - 1) % self.depth
        return pending.at[..., slot, :, :].add(jnp.einsum("...j,rji->...ri", spikes, self.weights))


Connections = SparseConnections | DenseConnections


def connect(
    *projections: Projection, size: int, receptors: int | None = None, dt: float | int | None = None
) -> SparseConnections:
    """Build the table of connections of a network.

    Delays are rounded to the nearest multiple of dt. With a delay of 0, a spike detected at the end of a step arrives
    at that moment, and acts on the potential from the next step on.

    Args:
        projections: lists of connections.
        size: number of neurons in the network.
        receptors: number of synaptic inputs of each neuron; by default just enough for the projections.
        dt: step length of the simulation [ms]; required if a delay is not 0.

    Raises:
        InputError: for neurons or receptors outside the network, delays without dt, or an argument that is not a
            `Projection`.
    """
    check.whole(size=size)
    if strangers := [p for p in projections if not isinstance(p, Projection)]:
        raise InputError(
            f"connect takes projections one by one, connect(p, q, …), but got {check.received(strangers[0])}"
        )
    size = int(size)
    receptors = 1 + max([p.receptor for p in projections], default=0) if receptors is None else receptors
    check.whole(receptors=receptors)
    receptors = int(receptors)
    for p in projections:
        for name, indices in (("source", p.source), ("target", p.target)):
            if indices.size and indices.max() >= size:
                raise InputError(f"{name} must contain neurons from 0 to {size - 1}, but contains {indices.max()}")
        if p.receptor >= receptors:
            raise InputError(f"receptor must be below {receptors}, the number of receptors, but is {p.receptor}")
    steps = [np.broadcast_to(delay_steps(p.delay, dt), p.target.shape) for p in projections]
    depth = 1 + max([int(s.max(initial=0)) for s in steps], default=0)
    if (slots := depth * receptors * size) > SLOTS:
        raise InputError(
            f"a network of size {size}, with {receptors} receptors and delays of up to {depth - 1} steps, is too large "
            f"for 32-bit addresses: it can have at most 2²⁹ slots, but needs {slots}"
        )
    count = sum(len(p.source) for p in projections)
    if count > _MOST:
        raise InputError(f"a network can have at most 2³⁰ connections, but there are {count}")
    check.memory(f"sorting {count} connections", _BYTES * count)
    addresses = [(s * receptors + p.receptor) * size + p.target for s, p in zip(steps, projections, strict=True)]
    weights = [np.broadcast_to(np.asarray(p.weight, float), p.target.shape) for p in projections]
    table = _table(
        _joined([p.source for p in projections], int), _joined(addresses, int), _joined(weights, float), size
    )
    delayed = any(np.any(np.asarray(p.delay)) for p in projections)
    return SparseConnections(*table, size, receptors, depth, dt=float(dt) if dt is not None and delayed else None)


def delay_steps(delay: Any, dt: float | int | None) -> np.ndarray:
    """Round a delay [ms] to whole steps.

    Raises:
        InputError: for a delay that is negative, a dt that is not positive, or a delay that is not 0 without dt.
    """
    check.not_negative(delay=delay)
    if dt is None:
        if np.any(np.asarray(delay)):
            longest = np.max(delay)
            raise InputError(f"delays need dt=, the length of a step, but only a delay of {longest} was given")
        return np.zeros(np.shape(delay), int)
    check_dt(dt)
    if isinstance(dt, Tracer):
        raise InputError("dt determines the shapes of a network with delays, so it cannot be traced by JAX")
    steps = np.floor(np.asarray(delay, float) / dt + 0.5)
    if np.any(steps > np.iinfo(np.int32).max):
        raise InputError(f"a delay must be shorter than 2³¹ steps of {dt} ms, but one is {np.max(delay)} ms")
    return np.asarray(steps, int)


def _joined(parts: list[np.ndarray], dtype: type) -> np.ndarray:
    return np.concatenate([np.empty(0, dtype), *parts])


def _table(source: np.ndarray, address: np.ndarray, weight: np.ndarray, size: int) -> Table:
    """Sort connections by source, and those of a neuron by address."""
    order = np.lexsort((address, source))
    offsets = np.concatenate([[0], np.cumsum(np.bincount(source, minlength=size))])
    numbers = jnp.result_type(float)
    return Table(
        jnp.asarray(weight[order], numbers),
        *(jnp.asarray(x, jnp.int32) for x in (address[order], source[order], offsets)),
    )
