"""Implementations of event propagation, for CPUs and for GPUs, which all compute the same sums.

Each takes a buffer (copy, depth, slot); the neurons that fired, as words of `pack` (copy, word) and as flags (copy,
neuron); a `Table` of at least one connection; and the row `start` of the ring that arrives now (see `propagate`).
"""

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from neuraxis.spiking.bits import WORD, for_each_bit

KERNELS = {"float32": "neuraxis_propagate_float32", "float64": "neuraxis_propagate_float64"}
_WINDOW = 128  # connections that the loop adds per iteration
_LIST = 2**16  # maximum number of events in a list


def by_kernel(buffer, words, fired, table, start):
    """Visit the connections of the neurons that fired, one neuron after another, in C++ and in place."""
    depth, size = buffer.shape[-2:]
    name = KERNELS[buffer.dtype.name]
    call = jax.ffi.ffi_call(name, jax.ShapeDtypeStruct(buffer.shape, buffer.dtype), input_output_aliases={0: 0})
    start = start.astype(jnp.int32)
    lists = table.weights, table.addresses, table.offsets
    return call(buffer, words, *lists, start, depth=np.int64(depth), size=np.int64(size))


def by_loop(buffer, words, fired, table, start):
    """Visit the connections of the neurons that fired, one neuron after another, a window of them per iteration."""
    copies, row = len(words), WORD * words.shape[1]
    count = table.addresses.size
    width = min(_WINDOW, count)

    def visit(event, carry):
        flat, done = carry
        copy, neuron = (0, event) if copies == 1 else (event // row, event % row)
        first, end = table.offsets[neuron] + done, table.offsets[neuron + 1]
        begin = jnp.minimum(first, count - width)  # the window must not reach beyond the last connection
        index = begin + jnp.arange(width, dtype=begin.dtype)
        addresses, weights = (lax.dynamic_slice(x, (begin,), (width,)) for x in (table.addresses, table.weights))
        where = moved(addresses, start, buffer.shape) + copy * (buffer.size // copies)
        where = jnp.where((index >= first) & (index < end), where, buffer.size)
        finished = first + width >= end
        return (_added(flat, where, weights), jnp.where(finished, 0, done + width)), finished

    return for_each_bit(words.reshape(-1), visit, (buffer.reshape(-1), jnp.int32(0)))[0].reshape(buffer.shape)


def at_once(buffer, words, fired, table, start):
    """Visit all connections, and add those of the neurons that fired: one pass over the table, without a loop."""
    slots = buffer.size // len(buffer)
    copy = slots * jnp.arange(len(buffer), dtype=jnp.int32)[:, None]
    where = moved(table.addresses, start, buffer.shape) + copy
    where = jnp.where(fired[:, table.sources], where, buffer.size)
    return _added(buffer.reshape(-1), where, jnp.broadcast_to(table.weights, where.shape)).reshape(buffer.shape)


def by_list(buffer, words, fired, table, start):
    """List the events and add them all at once, in several lists if there are more than one can hold.

    Event e of the step belongs to the first neuron at which the cumulative number of events exceeds e.
    """
    if len(buffer) > 1:
        return lax.map(lambda one: by_list(one[0][None], None, one[1][None], table, start)[0], (buffer, fired))
    fan_out = jnp.diff(table.offsets)
    ends = jnp.cumsum(jnp.where(fired[0], fan_out, 0))
    size = min(_LIST, table.addresses.size)

    def body(carry):
        flat, first = carry
        event = first + jnp.arange(size, dtype=ends.dtype)
        neuron = jnp.searchsorted(ends, event, side="right", method="scan_unrolled")
        connection = table.offsets[neuron + 1] - (ends[neuron] - event)
        where = moved(table.addresses[connection], start, buffer.shape)
        where = jnp.where(event < ends[-1], where, buffer.size)
        return _added(flat, where, table.weights[connection]), first + size

    start_at = (buffer.reshape(-1), jnp.zeros((), ends.dtype))
    return lax.while_loop(lambda carry: carry[1] < ends[-1], body, start_at)[0].reshape(buffer.shape)


def moved(addresses, start, buffer_shape):
    """Rotate the ring of slots, so that row `start` comes first."""
    depth, size = buffer_shape[-2:]
    if depth == 1:
        return addresses
    turned = addresses + start * size
    return jnp.where(turned < depth * size, turned, turned - depth * size)


def _added(flat, where, weights):
    """Add weights to their slots; those beyond the last slot are dropped."""
    return flat.at[where].add(weights, mode="drop", wrap_negative_indices=False)
