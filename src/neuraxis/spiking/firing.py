"""The end of a step of integrate-and-fire neurons: threshold, reset, refractoriness and delivery of spikes."""

from typing import NamedTuple

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Int, UInt32

from neuraxis.spiking.bits import flags, pack
from neuraxis.spiking.connections import Connections, SparseConnections
from neuraxis.spiking.firing_kernel import fire_and_propagate, has_kernel
from neuraxis.spiking.firing_rule import FiringRule, fire


class Ended(NamedTuple):
    """Result of the end of a step."""

    v: Float[Array, "*lead neuron"]
    refractory: Int[Array, "*lead neuron"]  # remaining steps for which v is held
    charge: Float[Array, "*lead receptor neuron"]
    pending: Float[Array, "*lead depth receptor neuron"] | None
    spikes: Float[Array, "*lead neuron"]  # 1 for each spike, else 0
    fired: UInt32[Array, "*lead word"]  # the spikes as bits (see `pack`)


def end_step(
    moved: Float[Array, "*lead neuron"],
    v: Float[Array, "*lead neuron"],
    refractory: Int[Array, "*lead neuron"],
    rule: FiringRule,
    charge: Float[Array, "*lead receptor neuron"],
    pending: Float[Array, "*lead depth receptor neuron"] | None,
    connections: Connections,
    clock: Int[Array, ""],
) -> Ended:
    """Let neurons fire, propagate their spikes, and add the spikes that arrive now to the charge.

    For `SparseConnections` on a CPU with AVX2, and if a compiler is found, all but the last is one call of a C++ kernel
    with a bit-identical result, since the time of a step grows with its number of operations.

    Args:
        moved: potential after the step, for neurons that are neither refractory nor fire.
        v: potential before the step.
        refractory: remaining steps for which v is held.
        rule: threshold, reset and refractory period.
        charge: synaptic charge after the step, before spikes are added.
        pending: ring buffer of the charge that arrives in this and the following steps, or None without delays. The row
            read by the previous step has not been cleared yet.
        connections: connections of the network.
        clock: number of the step.
    """
    if pending is None:
        now, buffer = jnp.int32(0), charge  # without delays, spikes are added to the charge itself
    else:
        # The row read by the previous step is cleared only now: XLA would copy the ring to read and clear it at once.
        now, last = clock % connections.depth, (clock - 1) % connections.depth
        buffer = lax.dynamic_update_index_in_dim(
            pending, jnp.zeros_like(charge, pending.dtype), last, -3 % pending.ndim
        )
    if (
        isinstance(connections, SparseConnections)
        and type(connections).deliver is SparseConnections.deliver  # not overridden
        and has_kernel(moved, v, refractory, rule, buffer)
    ):
        table = connections.table(buffer.dtype)
        v, refractory, buffer, fired = fire_and_propagate(moved, v, refractory, rule, buffer, table, now)
        spikes = flags(fired, v.shape[-1]).astype(v.dtype)
    else:
        v, refractory, fires = fire(moved, v, refractory, rule)
        spikes = fires.astype(v.dtype)
        fired = pack(spikes)
        ring = buffer[..., None, :, :] if pending is None else buffer
        buffer = connections.deliver(ring, spikes, now).reshape(buffer.shape)
    if pending is None:
        return Ended(v, refractory, buffer, None, spikes, fired)
    arrived = lax.dynamic_index_in_dim(buffer, now, -3 % buffer.ndim, keepdims=False)
    return Ended(v, refractory, charge + arrived, buffer, spikes, fired)
