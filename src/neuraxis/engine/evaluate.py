"""Measure a model on data."""

from collections.abc import Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import PRNGKeyArray, PyTree

from neuraxis import check

_BATCH_SIZE = 1000


def evaluate(
    model: PyTree,
    function,
    data: Sequence[Any],
    *,
    key: PRNGKeyArray | None = None,
):
    """Give the mean over all examples of `function(model, *batch, key=key)`, with the model in inference mode.

    Args:
        model: any pytree.
        function: a loss or another measure, one value per example.
        data: arrays that agree along their first axis.
        key: noise for functions that need it; every batch receives its own.

    Raises:
        InputError: where the data are empty or do not agree in length.
    """
    if isinstance(function, dict):
        return {n: evaluate(model, f, data, key=key) for n, f in function.items()}
    check.same_length(**{f"data[{i}]": x for i, x in enumerate(data)})
    model = eqx.nn.inference_mode(model)
    examples = len(data[0])
    total = 0.0
    for first in range(0, examples, _BATCH_SIZE):
        batch = tuple(jnp.asarray(x[first : first + _BATCH_SIZE]) for x in data)
        batch_key = None if key is None else jax.random.fold_in(key, first)
        total += float(_batch_sum(model, function, batch, batch_key))
    return total / examples


@eqx.filter_jit
def _batch_sum(model, function, batch, key):
    values = function(model, *batch, key=key)
    return jnp.sum(values[0] if isinstance(values, tuple) else values)  # without the model of a measuring loss
