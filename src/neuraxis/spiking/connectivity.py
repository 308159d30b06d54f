"""Who is connected to whom: lists of connections, made at random or from a matrix."""

from typing import Any

import jax
import numpy as np
from jax.core import Tracer

from neuraxis import check
from neuraxis.errors import InputError
from neuraxis.spiking.population import Population, members, picked
from neuraxis.spiking.projection import Projection

_BYTES = 40  # for each connection while it is drawn


def fixed_probability(
    source: Population,
    target: Population,
    probability: float,
    *,
    key: jax.Array,
    allow_autapses: bool = True,
    **connection: Any,
) -> Projection:
    """Connect each pair of neurons of two populations with the same probability, each independently.

    Args:
        source: the sending population, such as `slice(0, 3200)`, a range, a list of neurons or truth values.
        target: the receiving population; it may be the same, or share neurons with the other.
        probability: of each connection.
        key: of the random numbers. Two projections with one key are not independent.
        allow_autapses: whether neurons may come to be connected to themselves.
        connection: weight, delay and receptor of the `Projection`.

    Raises:
        InputError: for what is no population, a probability outside [0, 1], or more connections than fit the memory.
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
    """Connect each neuron of a population to `fan_out` different neurons of another, chosen at random.

    Args:
        source: the sending population, such as `slice(0, 3200)`, a range, a list of neurons or truth values.
        target: the receiving population; it may be the same, or share neurons with the other.
        fan_out: connections of each sending neuron.
        key: of the random numbers. Two projections with one key are not independent.
        allow_autapses: whether neurons may come to be connected to themselves.
        connection: weight, delay and receptor of the `Projection`.

    Raises:
        InputError: for what is no population, a fan_out of less than 1 or more than there are targets for each
            neuron, or more connections than fit the memory.
    """
    senders, receivers = members("source", source), members("target", target)
    check.whole(fan_out=fan_out)
    check.boolean(allow_autapses=allow_autapses)
    rng = _generator(key)
    if fan_out <= len(receivers):
        _check_size(float(len(senders)) * fan_out + len(receivers))
    senders, receivers = (np.asarray(neurons, np.int64) for neurons in (senders, receivers))
    # Where a sending neuron stands among the targets, or −1.
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
    # Who must not choose itself chose among the others, which are counted past it.
    drawn += (own[:, None] >= 0) & (drawn >= own[:, None])
    return Projection(np.repeat(senders, drawn.shape[1]), receivers[drawn.reshape(-1)], **connection)


def from_matrix(
    matrix: Any, source: Population | None = None, target: Population | None = None, **connection: Any
) -> Projection:
    """Read the connections from a matrix of weights (source, target), in which 0 or nothing stored is no connection.

    They stand in the order of `matrix.tocoo()`, those of an array row by row; delays that differ go by that order.

    Args:
        matrix: an array, or any sparse matrix or array of `scipy.sparse`.
        source: the population its rows stand for; by default the neurons from 0 on.
        target: the population its columns stand for; by default the neurons from 0 on.
        connection: delay and receptor of the `Projection`.

    Raises:
        InputError: for a shape that is not that of the populations, or weights that are not finite.
    """
    sparse = hasattr(matrix, "tocoo")
    if "weight" in connection:
        raise InputError("the weights of from_matrix are the entries of the matrix; leave weight= out")
    if isinstance(matrix, Tracer):
        raise InputError("the matrix decides the shapes of a network, so it cannot be traced by JAX")
    matrix = matrix if sparse else np.asarray(check.array("matrix", matrix))
    if len(matrix.shape) != 2:
        raise InputError(f"the matrix must have the shape (source, target), but has shape {matrix.shape}")
    if sparse:
        entries = matrix.tocoo()
        stored = entries.data != 0  # zeros may be stored, too
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
    """Refuse what is not one number from 0 to 1."""
    known = check.array("probability", probability)
    if isinstance(known, Tracer) or known.ndim or known.dtype == bool or not 0 <= known <= 1:
        raise InputError(f"probability must lie in [0, 1], one number, but is {check.received(probability)}")


def _check_size(connections: float) -> None:
    check.memory(f"drawing {connections:.4g} connections", _BYTES * connections)


def _generator(key: jax.Array) -> np.random.Generator:
    """Make a generator on the host, where lists of a length not known beforehand are easier to draw."""
    if isinstance(key, Tracer):
        raise InputError("key decides the shapes of a network, so it cannot be traced by JAX")
    check.key(key)
    return np.random.default_rng(np.asarray(jax.random.key_data(key)))


def _chosen(count: int, probability: float, rng: np.random.Generator) -> np.ndarray:
    """Choose each number below `count` with that probability, in a time that grows with how many are chosen."""
    if probability in (0, 1):
        return np.arange(int(probability) * count)
    found, last = [], -1
    while last < count - 1:
        expected = (count - last) * probability
        size = int(expected + 4 * np.sqrt(expected)) + 8
        # The distance from one chosen number to the next is geometric: an exponential number, rounded up.
        with np.errstate(over="ignore"):
            steps = np.ceil(rng.standard_exponential(size) / -np.log1p(-probability))
        # A step beyond the end is cut, so that sums stay within 64 bits.
        found.append(last + np.cumsum(np.clip(steps, 1, count + 1).astype(np.int64)))
        last = int(found[-1][-1])
    chosen = np.concatenate([np.empty(0, np.int64), *found])
    return chosen[chosen < count]


def _distinct(rows: int, columns: int, size: int, rng: np.random.Generator) -> np.ndarray:
    """Draw `size` different numbers below `columns` for each row."""
    if 2 * size > columns:
        return rng.permuted(np.tile(np.arange(columns), (rows, 1)), axis=1)[:, :size]
    drawn = np.sort(rng.integers(columns, size=(rows, size)), axis=1)
    while True:
        # Whatever came up twice is drawn again, until all differ: the same as refusing it at once.
        again = np.diff(drawn, axis=1, prepend=-1) == 0
        if not again.any():
            return drawn
        drawn[again] = rng.integers(columns, size=int(again.sum()))
        drawn.sort(axis=1)
