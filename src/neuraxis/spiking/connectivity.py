"""Who is connected to whom: lists of connections, made by rule, at random, or from a matrix."""

from dataclasses import dataclass
from typing import Any

import jax
import numpy as np
from jax.typing import ArrayLike

from neuraxis import check
from neuraxis.errors import InputError


@dataclass(frozen=True)
class Projection:
    """A list of connections between neurons, which are counted through all populations of a network.

    Connection c leads from neuron `source[c]` to neuron `target[c]`. A pair may be listed several times, and a neuron
    may be connected to itself.

    Raises:
        InputError: for indices that are not integers or negative, lists of different lengths, weights that are not
            finite, or delays that are negative.
    """

    source: np.ndarray  # (connection,)
    target: np.ndarray  # (connection,)
    weight: ArrayLike = 1.0  # w: area of the synaptic input that a spike causes, one for all or one a connection
    delay: ArrayLike = 0.0  # from the spike to its arrival, one for all or one a connection [ms]
    receptor: int = 0  # which of the neuron's synaptic inputs the spikes arrive at

    def __post_init__(self):
        for name in ("source", "target"):
            indices = np.asarray(getattr(self, name))
            indices = indices if indices.size else indices.astype(int)  # an empty list is one of floats
            if indices.ndim != 1 or indices.dtype.kind not in "iu":
                raise InputError(
                    f"{name} must be a list of integers, but has shape {indices.shape} and dtype {indices.dtype}"
                )
            if indices.size and indices.min() < 0:
                raise InputError(f"{name} must hold indices of neurons, from 0 on, but holds {indices.min()}")
            object.__setattr__(self, name, indices.astype(np.int64))
        check.finite(weight=self.weight)
        check.not_negative(delay=self.delay)
        check.whole(0, receptor=self.receptor)
        sizes = {"source": self.source.shape, "target": self.target.shape}
        sizes |= {k: np.shape(x) for k in ("weight", "delay") if np.ndim(x := getattr(self, k))}
        if len(set(sizes.values())) > 1:
            listed = ", ".join(f"{name} {shape}" for name, shape in sizes.items())
            raise InputError(f"a projection needs one entry a connection, but has shapes {listed}")


def fixed_probability(
    source: slice, target: slice, probability: float, *, key: jax.Array, **connection: Any
) -> Projection:
    """Connect each pair of neurons of two populations with the same probability, each independently.

    Args:
        source: the sending population, such as `slice(0, 3200)`.
        target: the receiving population; it may be the same, and then neurons may come to be connected to themselves.
        probability: of each connection.
        key: of the random numbers.
        connection: weight, delay and receptor of the `Projection`.

    Raises:
        InputError: for an empty population, or a probability outside [0, 1].
    """
    first, rows = _span("source", source)
    onto, columns = _span("target", target)
    if not 0 <= probability <= 1:
        raise InputError(f"probability must lie in [0, 1], but is {probability}")
    pairs = _chosen(rows * columns, probability, _generator(key))
    return Projection(first + pairs // columns, onto + pairs % columns, **connection)


def fixed_fan_out(source: slice, target: slice, fan_out: int, *, key: jax.Array, **connection: Any) -> Projection:
    """Connect each neuron of a population to `fan_out` different neurons of another, chosen at random.

    Args:
        source: the sending population, such as `slice(0, 3200)`.
        target: the receiving population; it may be the same, and then neurons may come to be connected to themselves.
        fan_out: connections of each sending neuron.
        key: of the random numbers.
        connection: weight, delay and receptor of the `Projection`.

    Raises:
        InputError: for an empty population, or a fan_out of less than 1 or more than there are targets.
    """
    first, rows = _span("source", source)
    onto, columns = _span("target", target)
    check.whole(fan_out=fan_out)
    if fan_out > columns:
        raise InputError(f"fan_out must be at most the number of target neurons, {columns}, but is {fan_out}")
    chosen = _distinct(rows, columns, fan_out, _generator(key))
    return Projection(first + np.repeat(np.arange(rows), fan_out), onto + chosen.reshape(-1), **connection)


def from_matrix(matrix: Any, source: slice | None = None, target: slice | None = None, **connection: Any) -> Projection:
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
    matrix = matrix if sparse else np.asarray(matrix)
    if len(matrix.shape) != 2:
        raise InputError(f"the matrix must have the shape (source, target), but has shape {matrix.shape}")
    if sparse:
        entries = matrix.tocoo()
        stored = entries.data != 0  # zeros may be stored, too
        rows, columns, weight = entries.row[stored], entries.col[stored], entries.data[stored]
    else:
        rows, columns = np.nonzero(matrix)
        weight = matrix[rows, columns]
    first, height = _span("source", slice(0, matrix.shape[0]) if source is None else source)
    onto, width = _span("target", slice(0, matrix.shape[1]) if target is None else target)
    if matrix.shape != (height, width):
        raise InputError(
            f"the matrix must have the shape of the populations, {(height, width)}, but has {matrix.shape}"
        )
    return Projection(first + rows.astype(np.int64), onto + columns.astype(np.int64), weight, **connection)


def _span(name: str, population: slice) -> tuple[int, int]:
    """Give the first neuron and the number of neurons of a population."""
    match population:
        case slice(start=int() | np.integer() | None as start, stop=int() | np.integer() as stop, step=None | 1):
            if 0 <= (first := int(start or 0)) < stop:
                return first, int(stop) - first
    raise InputError(
        f"{name} must be a population slice(first, end) with 0 ≤ first < end, so not empty, but is {population}"
    )


def _generator(key: jax.Array) -> np.random.Generator:
    """Make a generator on the host, where lists of a length not known beforehand are easier to draw."""
    return np.random.default_rng(np.asarray(jax.random.key_data(key)))


def _chosen(count: int, probability: float, rng: np.random.Generator) -> np.ndarray:
    """Choose each number below `count` with that probability, in a time that grows with how many are chosen."""
    if probability in (0, 1):
        return np.arange(int(probability) * count)
    found, last = [], -1
    while last < count:
        size = int((count - last) * probability * 1.1) + 100
        steps = rng.geometric(probability, size)  # distance from one chosen number to the next
        found.append(last + np.cumsum(steps))
        last = int(found[-1][-1])
    chosen = np.concatenate(found)
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
