"""Evaluation of a model on data, and prediction."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, overload

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.tree_util import keystr
from jaxtyping import Array, PRNGKeyArray, PyTree

from neuraxis import check
from neuraxis.engine.called import call, call_loss
from neuraxis.engine.examples import arrays_of, check_finite, count, is_source, taken
from neuraxis.engine.inputs import is_list_of_numbers
from neuraxis.engine.losses import per_example
from neuraxis.errors import InputError
from neuraxis.kinds import Source
from neuraxis.values import compiled, is_traced

Measure = Callable[..., Any]
Data = Sequence[Any] | Source


@overload
def evaluate(
    model: PyTree, measures: Measure, data: Data, *, key: PRNGKeyArray | None = None, batch_size: int = 1000
) -> float: ...


@overload
def evaluate(
    model: PyTree,
    measures: Mapping[str, Measure],
    data: Data,
    *,
    key: PRNGKeyArray | None = None,
    batch_size: int = 1000,
) -> dict[str, float]: ...


def evaluate(
    model: PyTree,
    measures: Measure | Mapping[str, Measure],
    data: Data,
    *,
    key: PRNGKeyArray | None = None,
    batch_size: int = 1000,
) -> float | dict[str, float]:
    """Return the mean over all examples of `measure(model, *batch, key=key)`, with the model in inference mode.

    Several measures, given by name, are evaluated in one pass over the data, by one compiled program.

    Args:
        model: any pytree.
        measures: a loss or another measure, which returns one number (or boolean) per example, or a mapping from names
            to such measures. The model that a measuring loss returns with its values is ignored.
        data: a tuple of arrays that agree along their first axis, or a `neuraxis.kinds.Source`.
        key: random key for measures that need one; every batch receives a different one.
        batch_size: number of examples evaluated at once.

    Returns:
        A float, or a dict of floats by name for several measures.

    Raises:
        InputError: if the data are empty or do not agree in length, and for measures that do not return one number per
            example, or whose mean is NaN.
    """
    check.whole(batch_size=batch_size)
    if is_traced():
        raise InputError("evaluate measures on the host, which is not possible under jit, grad or vmap")
    alone = not isinstance(measures, Mapping)
    check.functions(**({"measures": measures} if alone else {f"measures[{name!r}]": f for name, f in measures.items()}))
    named = {_name_of(measures): measures} if alone else {str(name): f for name, f in measures.items()}
    if key is not None:
        check.key(key)
    data = arrays_of("data", data)
    count("data", data)
    check_finite("data", data)
    means = measured(model, named, data, key=key, batch_size=int(batch_size))
    for name, mean in means.items():
        if math.isnan(mean):
            raise InputError(f"{name} is NaN: {reason_of_nan(model, named[name], data, key)}")
    return means.popitem()[1] if alone else means


def measured(
    model: PyTree, measures: Mapping[str, Measure], data: Data, *, key: PRNGKeyArray | None, batch_size: int
) -> dict[str, float]:
    """Return the mean of each measure over data that have been validated; it may be NaN."""
    examples, model = count("data", data), eqx.nn.inference_mode(model)
    totals, sums = dict.fromkeys(measures, 0.0), None
    for first, batch in _batches(data, examples, batch_size):
        batch_key = None if key is None else jax.random.fold_in(key, first)
        # Read only after the next batch has been loaded, so that loading overlaps with the evaluation.
        totals = _add(totals, sums)
        sums = _batch_sums(model, dict(measures), batch, batch_key)
    return {name: total / examples for name, total in _add(totals, sums).items()}


def reason_of_nan(model: PyTree, measure: Measure, data: Data, key: PRNGKeyArray | None) -> str:
    """Return why a measure is NaN, by calling it outside of a compiled program, where its own checks can raise."""
    model = eqx.nn.inference_mode(model)
    for path, x in jax.tree.leaves_with_path(model):
        if eqx.is_inexact_array(x) and jnp.isnan(x).any():
            return f"the model contains NaN, in {keystr(path).lstrip('.') or 'itself'}"
    try:
        if isinstance(data, Sequence):
            call_loss("it", measure, model, tuple(map(jnp.asarray, data)), key)
    except InputError as error:
        return str(error)
    return "the data may contain values outside of its domain"


def predict(model: PyTree, x: PyTree, *, batch_size: int = 1000, key: PRNGKeyArray | None = None) -> PyTree:
    """Return `model(x)` for many examples, computed in batches, with the model in inference mode.

    Args:
        model: a map; with a `key`, it receives a different one for every batch.
        x: an array with the examples along its first axis, or a tree of such arrays.
        batch_size: number of examples computed at once.
        key: random key for a stochastic model.

    Returns:
        The outputs for all examples as NumPy arrays, in the memory of the host.

    Raises:
        InputError: for a model that cannot be called, or examples that are empty or do not agree in number.
    """
    check.whole(batch_size=batch_size)
    check.no_class(model=model)
    check.functions(model=model)
    if key is not None:
        check.key(key)
    found, structure = jax.tree.flatten_with_path(x, is_leaf=is_list_of_numbers)
    named = {f"x{keystr(path)}": check.array(f"x{keystr(path)}", leaf) for path, leaf in found}
    if not named:
        raise InputError(f"x must contain an array, but is {x!r}")
    check.same_length(**named)
    leaves = list(named.values())
    model, outputs = eqx.nn.inference_mode(model), []
    for first, batch in _batches(leaves, len(leaves[0]), batch_size):
        batch_key = None if key is None else jax.random.fold_in(key, first)
        output = jax.device_get(_call(model, jax.tree.unflatten(structure, batch), batch_key))
        for shape in map(np.shape, jax.tree.leaves(output)):
            if shape[:1] != (len(batch[0]),):
                raise InputError(
                    f"the model must return one output per example, but returned shape {shape} for {len(batch[0])} "
                    "examples"
                )
        outputs.append(output)
    return jax.tree.map(lambda *parts: np.concatenate(parts), *outputs)


def _name_of(measure: Any) -> str:
    name = getattr(measure, "__name__", type(measure).__name__)
    return "the measure" if name == "<lambda>" else name


def _batches(data: Any, examples: int, batch_size: int) -> Iterator[tuple[int, tuple[Array, ...]]]:
    """Yield one batch after another, with the index of its first example."""
    for first in range(0, examples, batch_size):
        last = min(first + batch_size, examples)
        batch = taken(data, np.arange(first, last)) if is_source(data) else tuple(x[first:last] for x in data)
        yield first, tuple(x if isinstance(x, jax.Array) else _checked(x) for x in batch)


def _checked(x: Any) -> Array:
    return jnp.asarray(check.array("the data", np.asarray(x)))


@compiled
def _batch_sums(model, measures, batch, key) -> dict[str, Array]:
    sums = {}
    for name, measure in measures.items():
        values = call_loss(name, measure, model, batch, key)
        values = values[0] if isinstance(values, tuple) else values  # without the model of a measuring loss
        sums[name] = jnp.sum(per_example(values, len(batch[0]), name))
    return sums


def _add(totals: dict[str, float], sums: dict[str, Array] | None) -> dict[str, float]:
    return totals if sums is None else {name: total + float(sums[name]) for name, total in totals.items()}


@compiled
def _call(model, x, key):
    return call("model", model if key is None else partial(model, key=key), x)
