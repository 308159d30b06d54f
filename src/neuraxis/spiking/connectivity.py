"""Connectivity: lists of connections, drawn at random or read from a matrix."""

from typing import Any

import jax
import numpy as np
from jax.core import Tracer

from neuraxis import check
from neuraxis.errors import InputError
from neuraxis.spiking.population import Population, members, picked
from neuraxis.spiking.projection import Projection

_BYTES = 40  # per connection, while drawing


def fixed_probability(
    source: Population,
    target: Population,
    probability: float,
    *,
    key: jax.Array,
    allow_autapses: bool = True,
    **connection: Any,
) -> Projection:
    """Connect each pair of neurons of two populations independently with the same probability.

    Args:
        source: the presynaptic population, such as `slice(0, 3200)`, a range, a list of neurons or a boolean mask.
        target: the postsynaptic population; it may be the same, or overlap with the source.
        probability: probability of each connection.
        key: random key. Two projections with the same key are not independent.
        allow_autapses: whether neurons may be connected to themselves.
        connection: weight, delay and receptor of the `Projection`.

    Raises:
        InputError: for a source or target that is not a population, a probability outside [0, 1], or more connections
            than fit in memory.
    """
    senders, receivers = members("source", source), members("target", target)
    check_probability(probability)
    check.boolean(allow_autapses=allow_autapses)
    rng, pairs = _generator(key), len(senders) * len(receivers)
    _check_size(pairs * float(probability))
    chosen = _chosen(pairs, float(probability), rng)
    row, column = np.divmod(chosen, max(1, len(receivers)))
    rows, columns = picked(senders, row), picked(receivers, column)
    if not allow_autapses:
        other = rows != columns
        rows, columns = rows[other], columns[other]
    return Projection(rows, columns, **connection)


def fixed_fan_out(
    source: Population,
    target: Population,
    fan_out: int,
    *,
    key: jax.Array,
    allow_autapses: bool = True,
    **connection: Any,
) -> Projection:
    """Connect each neuron of a population to `fan_out` distinct neurons of another, chosen at random.

    Args:
        source: the presynaptic population, such as `slice(0, 3200)`, a range, a list of neurons or a boolean mask.
        target: the postsynaptic population; it may be the same, or overlap with the source.
        fan_out: number of connections from each source neuron.
        key: random key. Two projections with the same key are not independent.
        allow_autapses: whether neurons may be connected to themselves.
        connection: weight, delay and receptor of the `Projection`.

    Raises:
        InputError: for a source or target that is not a population, a fan_out below 1 or above the number of possible
            targets, or more connections than fit in memory.
    """
    senders, receivers = members("source", source), members("target", target)
    check.whole(fan_out=fan_out)
    check.boolean(allow_autapses=allow_autapses)
    rng = _generator(key)
    if fan_out <= len(receivers):
        _check_size(float(len(senders)) * fan_out + len(receivers))
    senders, receivers = (np.asarray(neurons, np.int64) for neurons in (senders, receivers))
    # Index of each source neuron among the targets, or −1.
    own = np.full(len(senders), -1)
    if not allow_autapses and receivers.size:
        order = np.argsort(receivers)
        place = order[np.searchsorted(receivers, senders, sorter=order).clip(max=len(order) - 1)]
        own = np.where(receivers[place] == senders, place, -1)
    choice = len(receivers) - bool(np.any(own >= 0))
    if senders.size and fan_out > choice:
        raise InputError(f"fan_out must be at most the number of target neurons, {choice}, but is {fan_out}")
    drawn = np.empty((len(senders), fan_out if senders.size else 0), int)
    for outside in (True, False):
        rows = (own < 0) == outside
        if rows.any():
            drawn[rows] = _distinct(int(rows.sum()), len(receivers) - (not outside), fan_out, rng)
    # Neurons that must not choose themselves have drawn from the other targets; skip their own index.
    drawn += (own[:, None] >= 0) & (drawn >= own[:, None])
    return Projection(np.repeat(senders, drawn.shape[1]), receivers[drawn.reshape(-1)], **connection)


def from_matrix(
    matrix: Any, source: Population | None = None, target: Population | None = None, **connection: Any
) -> Projection:
    """Read connections from a matrix of weights (source, target), in which a zero or missing entry is no connection.

    Connections have the order of `matrix.tocoo()`, or row by row for an array; give individual delays in that order.

    Args:
        matrix: an array, or any sparse matrix or array of `scipy.sparse`.
        source: the population of the rows; by default neurons 0, 1, ….
        target: the population of the columns; by default neurons 0, 1, ….
        connection: delay and receptor of the `Projection`.

    Raises:
        InputError: for a shape that is not that of the populations, or weights that are not finite.
    """
    sparse = hasattr(matrix, "tocoo")
    if "weight" in connection:
        raise InputError("the weights of from_matrix are the entries of the matrix; leave weight= out")
    if isinstance(matrix, Tracer):
        raise InputError("the matrix determines the shapes of a network, so it cannot be traced by JAX")
    matrix = matrix if sparse else np.asarray(check.array("matrix", matrix))
    if len(matrix.shape) != 2:
        raise InputError(f"the matrix must have the shape (source, target), but has shape {matrix.shape}")
    if sparse:
        entries = matrix.tocoo()
        stored = entries.data != 0  # zeros may be stored explicitly
        rows, columns, weight = entries.row[stored], entries.col[stored], entries.data[stored]
    else:
        rows, columns = np.nonzero(matrix)
        weight = matrix[rows, columns]
    senders = members("source", slice(0, matrix.shape[0]) if source is None else source)
    receivers = members("target", slice(0, matrix.shape[1]) if target is None else target)
    sizes = len(senders), len(receivers)
    if matrix.shape != sizes:
        raise InputError(f"the matrix must have the shape of the populations, {sizes}, but has {matrix.shape}")
    rows, columns = rows.astype(np.int64), columns.astype(np.int64)
    return Projection(picked(senders, rows), picked(receivers, columns), weight, **connection)


def check_probability(probability: Any) -> None:
    """Check that a probability is one number from 0 to 1."""
    known = check.array("probability", probability)
    if isinstance(known, Tracer) or known.ndim or known.dtype == bool or not 0 <= known <= 1:
        raise InputError(f"probability must lie in [0, 1], one number, but is {check.received(probability)}")


def _check_size(connections: float) -> None:
    check.memory(f"drawing {connections:.4g} connections", _BYTES * connections)


def _generator(key: jax.Array) -> np.random.Generator:
    """Return a generator on the host, where lists of unknown length are easier to draw."""
    if isinstance(key, Tracer):
        raise InputError("key determines the shapes of a network, so it cannot be traced by JAX")
    check.key(key)
    return np.random.default_rng(np.asarray(jax.random.key_data(key)))


def _chosen(count: int, probability: float, rng: np.random.Generator) -> np.ndarray:
    """Choose each number below `count` with the given probability, in a time proportional to the number chosen."""
    if probability in (0, 1):
        return np.arange(int(probability) * count)
    found, last = [], -1
    while last < count - 1:
        expected = (count - last) * probability
        size = int(expected + 4 * np.sqrt(expected)) + 8
        # The gaps between chosen numbers are geometrically distributed: exponential numbers, rounded up.
        with np.errstate(over="ignore"):
            steps = np.ceil(rng.standard_exponential(size) / -np.log1p(-probability))
        # Steps beyond the end are clipped, so that sums stay within 64 bits.
        found.append(last + np.cumsum(np.clip(steps, 1, count + 1).astype(np.int64)))
        last = int(found[-1][-1])
    chosen = np.concatenate([np.empty(0, np.int64), *found])
    return chosen[chosen < count]


def _distinct(rows: int, columns: int, size: int, rng: np.random.Generator) -> np.ndarray:
    """Draw `size` distinct numbers below `columns` for each row."""
    if 2 * size > columns:
        return rng.permuted(np.tile(np.arange(columns), (rows, 1)), axis=1)[:, :size]
    drawn = np.sort(rng.integers(columns, size=(rows, size)), axis=1)
    while True:
        # Duplicates are redrawn until all differ, which is rejection sampling.
        again = np.diff(drawn, axis=1, prepend=-1) == 0
        if not again.any():
            return drawn
        drawn[again] = rng.integers(columns, size=int(again.sum()))
        drawn.sort(axis=1)
