"""Random splits of examples into training, validation and test sets."""

import dataclasses
from collections.abc import Sequence
from typing import Any, overload

import numpy as np
from jaxtyping import Int

from neuraxis import check
from neuraxis.data.dataset import Dataset
from neuraxis.errors import InputError

Arrays = tuple[np.ndarray, ...]


@overload
def hold_out(data: Dataset, count: int, seed: int = 0) -> tuple[Dataset, Arrays]: ...
@overload
def hold_out(data: Sequence[Any], count: int, seed: int = 0) -> tuple[Arrays, Arrays]: ...
def hold_out(data, count, seed=0):
    """Hold out `count` random training examples for validation.

    Args:
        data: a data set, or arrays that agree along their first axis, such as `(x, labels)`.
        count: number of examples to hold out.
        seed: random seed.

    Returns:
        The data without these examples, and these examples as a tuple of arrays, both in their original order.

    Raises:
        InputError: for data that do not agree in length, and if `count` is not an integer from 1 to the number of
            training examples minus one.
    """
    check.whole(count=count)
    check.whole(minimum=0, seed=seed)
    arrays = (data.train_x, data.train_y) if isinstance(data, Dataset) else _arrays("data", data)
    length = len(arrays[0])
    if count >= length:
        raise InputError(f"count must be less than the {length} training examples, but is {count}")
    chosen = np.zeros(length, bool)
    chosen[np.random.default_rng(int(seed)).permutation(length)[:count]] = True
    rest, held = tuple(x[~chosen] for x in arrays), tuple(x[chosen] for x in arrays)
    return (dataclasses.replace(data, train_x=rest[0], train_y=rest[1]) if isinstance(data, Dataset) else rest), held


def split(data: Sequence[Any], shares: Sequence[float | int], *, key: Any, by: Any = None) -> tuple[Arrays, ...]:
    """Split arrays randomly into parts, such as training, validation and test sets.

    Args:
        data: arrays, lists, tables or tensors that agree along their first axis, such as `(x, labels)`.
        shares: sizes of the parts: fractions that add up to 1, or numbers of examples that add up to all of them.
        key: JAX random key for the choice of examples.
        by: labels, one per example, for a stratified split: each part has its share of every class, to within an
            example or two.

    Returns:
        One tuple of arrays for each part, with the examples in their original order.

    Raises:
        InputError: for data or labels that do not agree in length, and for shares that do not add up, or leave a part
            empty.
    """
    from neuraxis.values import is_key  # imported here so that the data sets can be listed without importing JAX

    arrays = _arrays("data", data)
    sizes = _sizes(shares, len(arrays[0]))
    if not (is_key(key) and key.shape == ()):
        raise InputError(f"key must be one random key, such as jax.random.key(0), but is {check.received(key)}")
    part_of = _parts(sizes, key, None if by is None else _labels(by, len(arrays[0])))
    return tuple(tuple(x[part_of == part] for x in arrays) for part in range(len(sizes)))


def _arrays(name: str, data: Any) -> Arrays:
    if not isinstance(data, tuple | list) or not data:
        raise InputError(
            f"{name} must be a tuple of arrays, such as (x, labels) or (x,), but is {check.received(data)}"
        )
    arrays = tuple(np.asarray(check.host_array(f"{name}[{i}]", x)) for i, x in enumerate(data))
    check.same_length(**{f"{name}[{i}]": x for i, x in enumerate(arrays)})
    return arrays


def _labels(by: Any, length: int) -> np.ndarray:
    try:
        labels = np.asarray(by)
    except (ValueError, TypeError) as error:
        raise InputError(f"by must be one label for each example, but is {check.received(by)}") from error
    if labels.shape != (length,):
        raise InputError(f"by must be one label for each of the {length} examples, but has shape {labels.shape}")
    return np.unique(labels, return_inverse=True)[1]


def _sizes(shares: Any, length: int) -> Int[np.ndarray, " parts"]:
    """Return the numbers of examples, proportional to the shares to within rounding."""
    check.positive(shares=shares)
    numbers = np.asarray(shares, float)
    if numbers.ndim != 1 or not numbers.size or not (np.isclose(numbers.sum(), 1) or numbers.sum() == length):
        raise InputError(
            f"shares must be fractions that add up to 1, or numbers of examples that add up to {length}, but are "
            f"{check.received(shares)}"
        )
    wanted = length * numbers / numbers.sum()
    ends = np.rint(np.cumsum(wanted)).astype(int)
    sizes = np.diff(ends, prepend=0)
    if np.any(sizes == 0):
        raise InputError(f"shares must give every part an example, but give {sizes.tolist()} of {length}")
    return sizes


def _parts(sizes: Int[np.ndarray, " parts"], key: Any, labels: np.ndarray | None) -> Int[np.ndarray, " n"]:
    """Return the index of the part of every example.

    The examples are shuffled and sorted by class, and the parts are assigned to them at regular intervals.
    """
    import jax

    random = np.random.default_rng(np.asarray(jax.random.key_data(key)).ravel())
    length = int(sizes.sum())
    times = np.concatenate([(np.arange(size) + 0.5) / size for size in sizes])
    dealt = np.repeat(np.arange(len(sizes)), sizes)[np.argsort(times, kind="stable")]
    order = random.permutation(length)
    if labels is not None:
        order = order[np.argsort(labels[order], kind="stable")]
    part_of = np.empty(length, int)
    part_of[order] = np.roll(dealt, random.integers(length))
    return part_of
