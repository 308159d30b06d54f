"""Carry spikes to where they arrive, in a time that grows with the number of spikes and not with that of neurons."""

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.custom_batching import custom_vmap
from jaxtyping import Array, Float, Int, UInt32

from neuraxis.errors import InputError
from neuraxis.spiking.kernels import compiled

NOWHERE = 2**30  # address of no slot: what is sent there is dropped
_SLOTS = 2**29  # so that NOWHERE stays beyond all slots, and within 32 bits, whatever is added to it
_WORD = 32  # flags in a word
_KERNELS = {"float32": "neuraxis_propagate_float32", "float64": "neuraxis_propagate_float64"}


def pack(flags: Array) -> UInt32[Array, "... word"]:
    """Pack what is not 0 along the last axis into words of 32 bits: bit i of word k stands for entry 32 k + i."""
    words = -(-flags.shape[-1] // _WORD)
    padding = [(0, 0)] * (flags.ndim - 1) + [(0, words * _WORD - flags.shape[-1])]
    bits = jnp.pad(flags != 0, padding).reshape(*flags.shape[:-1], words, _WORD).astype(jnp.uint32)
    return (bits << jnp.arange(_WORD, dtype=jnp.uint32)).sum(-1, dtype=jnp.uint32)


def unpack(words: UInt32[Array | np.ndarray, "*rows word"]) -> tuple[np.ndarray, ...]:
    """Give the indices of all bits that `pack` set, one array for each axis, in order: `np.nonzero` of the flags."""
    words = np.ascontiguousarray(words, dtype="<u4")
    *rows, word = np.nonzero(words)
    bits = np.unpackbits(words[(*rows, word)].view(np.uint8).reshape(-1, 4), axis=1, bitorder="little")
    event, bit = np.nonzero(bits)
    return *(row[event] for row in rows), word[event] * _WORD + bit


@jax.custom_vjp
def propagate(
    buffer: Float[Array, "*lead depth slot"],
    spikes: Float[Array, "*lead neuron"],
    weights: Float[Array, "neuron #fan_out"],
    addresses: Int[Array, "neuron fan_out"],
    start: Int[Array, ""],
) -> Float[Array, "*lead depth slot"]:
    """Add the weights of all neurons that spiked to the slots they are addressed to.

        buffer[(a + start·slot) mod (depth·slot)] += spikes[j] weights[j, k],   a = addresses[j, k]

    for the buffer seen as one axis (depth·slot), and spikes that are 0 or 1. This is a product of the spikes with a
    sparse matrix, of which only the rows of neurons that spiked are visited, one after another, however many they
    are. Leading axes are independent copies of the network; `vmap` is turned into one. Differentiable in buffer,
    spikes and weights (in reverse mode), at the cost of visiting all connections.

    On a CPU a kernel in C++ does the same to the last bit, where a compiler is found (see `kernels`); else, and on
    other devices, a loop of JAX does.

    Raises:
        InputError: for more than 2²⁹ slots in all.
    """
    return _propagate(buffer, spikes, weights, addresses, start)


@custom_vmap
def _propagate(buffer, spikes, weights, addresses, start):
    if buffer.size > _SLOTS:
        raise InputError(f"a network can have at most {_SLOTS} slots for arriving spikes, but has {buffer.size}")
    copies = spikes.size // spikes.shape[-1]
    flat = buffer.reshape(copies, *buffer.shape[-2:])
    arguments = flat, pack(spikes.reshape(-1)), weights, addresses, start
    fits = buffer.dtype.name in _KERNELS and weights.dtype == buffer.dtype
    if fits and compiled("propagate", *_KERNELS.values()):
        return lax.platform_dependent(*arguments, cpu=_by_kernel, default=_by_loop).reshape(buffer.shape)
    return _by_loop(*arguments).reshape(buffer.shape)


def _by_kernel(buffer, words, weights, addresses, start):
    depth, size = buffer.shape[-2:]
    name = _KERNELS[buffer.dtype.name]
    call = jax.ffi.ffi_call(name, jax.ShapeDtypeStruct(buffer.shape, buffer.dtype), input_output_aliases={0: 0})
    return call(buffer, words, weights, addresses, start.astype(jnp.int32), depth=np.int64(depth), size=np.int64(size))


def _by_loop(buffer, words, weights, addresses, start):
    copies, depth, size = buffer.shape
    neurons = addresses.shape[0]

    def visit(event, flat):
        copy, neuron = (0, event) if copies == 1 else (event // neurons, event % neurons)
        where = _moved(addresses[neuron], start, buffer.shape) + copy * (depth * size)
        return flat.at[where].add(weights[neuron], mode="drop", wrap_negative_indices=False)

    return _for_each_bit(words, visit, buffer.reshape(-1)).reshape(buffer.shape)


def _for_each_bit(words, visit, value):
    """Fold `value = visit(index, value)` over the indices of all bits that are set.

    A second level of words says which words are not 0, so that the search for the next one passes 1/1024 of the bits.
    """
    groups = pack(words)

    def next_group(groups):
        numbers = jnp.arange(groups.shape[0], dtype=jnp.int32)
        return jnp.min(jnp.where(groups != 0, numbers, groups.shape[0]))

    def body(carry):
        value, words, groups, group = carry
        in_group, lowest_word = _lowest_bit(groups[group])
        word = group * _WORD + in_group
        bit, lowest = _lowest_bit(words[word])
        value = visit(word * _WORD + bit, value)
        left = words[word] ^ lowest
        words = words.at[word].set(left)
        groups = groups.at[group].set(jnp.where(left == 0, groups[group] ^ lowest_word, groups[group]))
        return value, words, groups, next_group(groups)

    return lax.while_loop(lambda carry: carry[3] < groups.shape[0], body, (value, words, groups, next_group(groups)))[0]


def _lowest_bit(word):
    """Give the number of the lowest bit that is set in a word, and the word with only that bit."""
    lowest = word & (~word + 1)
    return lax.population_count(lowest - 1).astype(jnp.int32), lowest


def _moved(addresses, start, buffer_shape):
    """Turn the ring of slots, so that those of `start` come first."""
    depth, size = buffer_shape[-2:]
    if depth == 1:
        return addresses
    moved = addresses + start * size
    return jnp.where(moved < depth * size, moved, moved - depth * size)


@_propagate.def_vmap
def _propagate_batch(axis_size, in_batched, buffer, spikes, weights, addresses, start):
    if any(in_batched[2:]):  # networks that differ
        batched = lambda xs: tuple(x for x, b in zip(xs, in_batched, strict=True) if b)
        arguments = (buffer, spikes, weights, addresses, start)

        def one(own):
            own = iter(own)
            return _propagate(*(next(own) if b else x for x, b in zip(arguments, in_batched, strict=True)))

        return lax.map(one, batched(arguments)), True
    spread = lambda x, batched: x if batched else jnp.broadcast_to(x, (axis_size, *x.shape))
    buffer, spikes = spread(buffer, in_batched[0]), spread(spikes, in_batched[1])
    return _propagate(buffer, spikes, weights, addresses, start), True


def _forward(buffer, spikes, weights, addresses, start):
    return _propagate(buffer, spikes, weights, addresses, start), (spikes, weights, addresses, start)


def _backward(kept, cotangent):
    spikes, weights, addresses, start = kept
    flat = cotangent.reshape(*cotangent.shape[:-2], -1)
    where = _moved(addresses, start, cotangent.shape)
    arrived = flat.at[..., where].get(mode="fill", fill_value=0, wrap_negative_indices=False)
    along = jnp.einsum("...jk,...j->jk", arrived, spikes)
    d_weights = along if weights.shape == along.shape else along.sum(-1, keepdims=True)
    return cotangent, (arrived * weights).sum(-1), d_weights, None, None


propagate.defvjp(_forward, _backward)
