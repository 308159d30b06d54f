"""The end of a step in one call of a C++ kernel, with the derivatives and batching of the functions it replaces."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.custom_batching import custom_vmap
from jaxtyping import Array, Float, Int, UInt32

from neuraxis.kernels import compiled, one_by_one
from neuraxis.spiking.bits import WORD, pack
from neuraxis.spiking.event_propagation import Table, check_slots, propagate
from neuraxis.spiking.firing_rule import FiringRule, fire

_KERNELS = {"float32": "neuraxis_fire_float32", "float64": "neuraxis_fire_float64"}
_RULE = slice(3, 6)  # position of the rule among the arguments
_OWN = 7  # number of arguments that differ between copies of a network; the others are the connections


def has_kernel(moved: Array, v: Array, refractory: Array, rule: FiringRule, buffer: Array) -> bool:
    """Return whether a kernel is available for these arguments: it takes arrays of one dtype and shape."""
    kind = jnp.result_type(v, rule.threshold, rule.reset)
    one_kind = moved.dtype == v.dtype == buffer.dtype == kind and refractory.dtype == jnp.int32
    one_shape = moved.shape == v.shape == jnp.broadcast_shapes(v.shape, *map(jnp.shape, rule)) and v.size > 0
    known = kind.name in _KERNELS and jax.default_backend() == "cpu"
    return one_kind and one_shape and known and compiled("events", *_KERNELS.values())


def fire_and_propagate(
    moved: Float[Array, "*lead neuron"],
    v: Float[Array, "*lead neuron"],
    refractory: Int[Array, "*lead neuron"],
    rule: FiringRule,
    buffer: Float[Array, "*slots"],
    table: Table,
    start: Int[Array, ""],
) -> tuple[
    Float[Array, "*lead neuron"], Int[Array, "*lead neuron"], Float[Array, "*slots"], UInt32[Array, "*lead word"]
]:
    """Apply `fire` and then `propagate`; return potential, refractory steps, buffer, and the spikes as bits.

    The buffer is a ring of shape (*lead, depth, receptor, neuron), or without delays (*lead, receptor, neuron). It is
    not reshaped, as XLA updates arrays in place, without a copy, only if their shape stays the same.

    Under differentiation, and on devices other than a CPU, the two functions themselves are called.
    """
    check_slots(buffer)
    return _ended(moved, v, refractory, *_parts(rule, v), buffer, *table, start.astype(jnp.int32))


def _parts(rule: FiringRule, v: Array) -> list[Array]:
    """Return the parts of a rule, either all as scalars, or all with one entry per neuron and copy."""
    kinds = v.dtype, v.dtype, jnp.int32
    parts = [jnp.asarray(x, kind) for x, kind in zip(rule, kinds, strict=True)]
    one_for_all = all(x.size == 1 for x in parts)
    return [x.reshape(()) if one_for_all else jnp.broadcast_to(x, v.shape) for x in parts]


def _depth_and_size(v: Array, buffer: Array) -> tuple[int, int]:
    """Return the number of rows of the ring, and of slots per row."""
    depth = buffer.shape[-3] if buffer.ndim == v.ndim + 2 else 1
    return depth, buffer.shape[-2] * buffer.shape[-1]


def _by_jax(moved, v, refractory, threshold, reset, held, buffer, *connections):
    *table, start = connections
    flat = buffer.reshape(*v.shape[:-1], *_depth_and_size(v, buffer))
    v, refractory, fired = fire(moved, v, refractory, FiringRule(threshold, reset, held))
    spikes = fired.astype(v.dtype)
    flat = propagate(flat, spikes, Table(*table), start)
    return v, refractory, flat.reshape(buffer.shape), pack(spikes)


@jax.custom_vjp
def _ended(*arguments):
    return _anywhere(*arguments)


def _backward(pull: Any, cotangents: Any) -> Any:
    return pull(cotangents)


_ended.defvjp(lambda *arguments: jax.vjp(_by_jax, *arguments), _backward)


@custom_vmap
def _anywhere(*arguments):
    return lax.platform_dependent(*arguments, cpu=_by_kernel, default=_by_jax)


@_anywhere.def_vmap
def _batch(axis_size, in_batched, *arguments):
    """Turn the batch into a leading axis of copies, each with its own rule where rules differ."""
    if any(in_batched[_OWN:]):
        return one_by_one(_anywhere, in_batched, arguments), (True,) * 4
    pairs = zip(arguments[:_OWN], in_batched, strict=False)
    own = [x if batched else jnp.broadcast_to(x, (axis_size, *x.shape)) for x, batched in pairs]
    if any(in_batched[_RULE]):
        shape = own[0].shape
        own[_RULE] = [jnp.broadcast_to(x.reshape(*x.shape, *[1] * (len(shape) - x.ndim)), shape) for x in own[_RULE]]
    elif not arguments[_RULE][0].ndim:
        own[_RULE] = arguments[_RULE]
    return _anywhere(*own, *arguments[_OWN:]), (True,) * 4


def _by_kernel(moved, v, refractory, threshold, reset, held, buffer, weights, addresses, sources, offsets, start):
    before = v, refractory, buffer
    words = (*v.shape[:-1], -(-v.shape[-1] // WORD))
    results = *(jax.ShapeDtypeStruct(x.shape, x.dtype) for x in before), jax.ShapeDtypeStruct(words, jnp.uint32)
    call = jax.ffi.ffi_call(_KERNELS[v.dtype.name], results, input_output_aliases={1: 0, 2: 1, 3: 2})
    depth, size = map(np.int64, _depth_and_size(v, buffer))
    given = threshold, reset, held, weights, addresses, offsets, start
    return tuple(call(moved, *before, *given, depth=depth, size=size))
