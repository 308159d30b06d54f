"""Event propagation: the product of spikes and a sparse matrix of connections."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jax.custom_batching import custom_vmap
from jaxtyping import Array, Float, Int

from neuraxis.errors import InputError
from neuraxis.kernels import compiled, one_by_one
from neuraxis.spiking import event_paths
from neuraxis.spiking.bits import pack

SLOTS = 2**29  # maximum number, so that addresses stay within 32 bits when the ring is rotated
_AT_ONCE = 2**24  # connections of all copies, up to which devices other than a CPU visit every one of them


class Table(NamedTuple):
    """Connections sorted by source, in compressed sparse rows.

    Connection c leads from neuron `sources[c]` to slot `addresses[c]`, with the weight `weights[c]`. Neuron j has the
    connections `offsets[j]` to `offsets[j + 1] − 1`.
    """

    weights: Float[Array, " connection"]
    addresses: Int[Array, " connection"]
    sources: Int[Array, " connection"]
    offsets: Int[Array, " offset"]  # one more than neurons


@jax.custom_vjp
def propagate(
    buffer: Float[Array, "*lead depth slot"],
    spikes: Float[Array, "*lead neuron"],
    table: Table,
    start: Int[Array, ""],
) -> Float[Array, "*lead depth slot"]:
    """Add the weights of all neurons that spiked to the slots that they address.

        buffer[(addresses[c] + start·slot) mod (depth·slot)] += spikes[sources[c]] weights[c]   for every connection c

    for the buffer flattened to one axis (depth·slot), and spikes that are 0 or 1. No spike is lost, however many there
    are. Leading axes are independent copies of the network; `vmap` adds one. The result is differentiable with respect
    to buffer, spikes and weights (in reverse mode), at the cost of visiting all connections.

    On a CPU only the connections of neurons that spiked are visited, one after another: by a C++ kernel if a compiler
    is found (see `kernels`), else by a JAX loop with a bit-identical result. On other devices events are added in
    parallel (see `event_paths`), in no fixed order: where several events reach one slot, sums of unequal weights may
    differ in their last bit from run to run.

    Args:
        buffer: input that is pending, with a row of slots for each step of delay.
        spikes: 1 where a neuron fired, else 0.
        table: the connections.
        start: the row of the buffer for a delay of 0.

    Raises:
        InputError: for more than 2²⁹ slots in total.
    """
    return _propagate(buffer, spikes, *table, start)


def check_slots(buffer: Array) -> None:
    """Check that the slots of a buffer, of all copies, can be counted in 32 bits."""
    if buffer.size > SLOTS:
        raise InputError(f"a network can have at most {SLOTS} slots for arriving spikes, but has {buffer.size}")


@custom_vmap
def _propagate(buffer, spikes, weights, addresses, sources, offsets, start):
    check_slots(buffer)
    if not weights.size or not buffer.size:
        return buffer
    copies = spikes.size // spikes.shape[-1]
    table = Table(weights.astype(buffer.dtype), addresses, sources, offsets)
    rows = spikes.reshape(copies, -1)
    arguments = buffer.reshape(copies, *buffer.shape[-2:]), pack(rows), rows != 0, table, start
    kernels = event_paths.KERNELS
    there = buffer.dtype.name in kernels and compiled("events", *kernels.values())
    on_cpu = event_paths.by_kernel if there else event_paths.by_loop
    elsewhere = event_paths.at_once if copies * weights.size <= _AT_ONCE else event_paths.by_list
    return lax.platform_dependent(*arguments, cpu=on_cpu, default=elsewhere).reshape(buffer.shape)


@_propagate.def_vmap
def _propagate_batch(axis_size, in_batched, buffer, spikes, *others):
    if any(in_batched[2:]):
        return one_by_one(_propagate, in_batched, (buffer, spikes, *others)), True
    spread = lambda x, batched: x if batched else jnp.broadcast_to(x, (axis_size, *x.shape))
    return _propagate(spread(buffer, in_batched[0]), spread(spikes, in_batched[1]), *others), True


def _forward(buffer, spikes, table, start):
    return _propagate(buffer, spikes, *table, start), (spikes, table, start)


def _backward(kept, cotangent):
    spikes, (weights, addresses, sources, _), start = kept
    flat = cotangent.reshape(*cotangent.shape[:-2], -1)
    arrived = flat[..., event_paths.moved(addresses, start, cotangent.shape)]
    d_spikes = jnp.zeros_like(spikes).at[..., sources].add(arrived * weights, indices_are_sorted=True)
    d_weights = jnp.einsum("...c,...c->c", arrived, spikes[..., sources])
    nothing: Any = None  # integers have no derivatives
    return cotangent, d_spikes, Table(d_weights, nothing, nothing, nothing), None


propagate.defvjp(_forward, _backward)
