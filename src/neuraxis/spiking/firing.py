"""The end of a step of integrate-and-fire neurons: who spikes, who is held, and where the spikes go."""

from typing import NamedTuple

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Int, UInt32

from neuraxis.spiking.bits import flags, pack
from neuraxis.spiking.connections import Connections, SparseConnections
from neuraxis.spiking.firing_kernel import fire_and_propagate, has_kernel
from neuraxis.spiking.firing_rule import FiringRule, fire


class Ended(NamedTuple):
    """What the end of a step leaves."""

    v: Float[Array, "*lead neuron"]
    refractory: Int[Array, "*lead neuron"]  # steps left in which v is held
    charge: Float[Array, "*lead receptor neuron"]
    pending: Float[Array, "*lead depth receptor neuron"] | None
    spikes: Float[Array, "*lead neuron"]  # 1 for each spike, else 0
    fired: UInt32[Array, "*lead word"]  # the same as bits (see `pack`)


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
    """Let neurons fire, send their spikes out, and add those that arrive now to the charge.

    For `SparseConnections` on a CPU with AVX2 all but the last is one call of a kernel in C++, where a compiler is
    found, with the same result to the last bit: what a step takes depends on the number of its operations.

    Args:
        moved: potential after the step, for neurons that were not held and have not fired.
        v: potential before the step.
        refractory: steps left in which v is held.
        rule: when neurons fire.
        charge: that of the synapses after the step, without the spikes of its end.
        pending: ring of what arrives in this step and the next, or None without delays. What the step before read still
            stands there.
        connections: where spikes go.
        clock: number of the step.
    """
    if pending is None:
        now, buffer = jnp.int32(0), charge  # what arrives at once is added to the charge itself
    else:
        # The slot that the step before read is cleared now: to read and clear it at once, XLA would copy the ring.
        now, last = clock % connections.depth, (clock - 1) % connections.depth
        buffer = lax.dynamic_update_index_in_dim(
            pending, jnp.zeros_like(charge, pending.dtype), last, -3 % pending.ndim
        )
    if (
        isinstance(connections, SparseConnections)
        and type(connections).deliver is SparseConnections.deliver  # and not a way of their own
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
