"""Programs rewritten for `one_function`, in which XLA neither vectorises sums nor stores intermediate scalars.

- A sum would be one addition after another. Here the second half of the terms is added to the first until one is left,
  and a dot product of vectors is such a sum.
- A number shared by all neurons, such as a sine of the time, would be computed anew for each neuron, as part of the
  operations that use it. Here it is stored first.
"""

from collections.abc import Sequence
from typing import Any, cast

import jax
import jax.numpy as jnp
from jax.experimental.xla_metadata import set_xla_metadata
from jax.extend.core import ClosedJaxpr, Literal
from jaxtyping import Array

SMALL_CALL = {"inlineable": "false", "xla_cpu_small_call": "true"}
_FEW = 16  # largest size of an array that is stored before larger ones are computed from it


def is_sum(operation: Any) -> bool:
    """Return whether an operation is one of those that become sums by halves."""
    operands, result = [var.aval for var in operation.invars], operation.outvars[0].aval
    if any(x.size == 0 or x.dtype != result.dtype for x in operands):
        return False
    if operation.primitive.name == "reduce_sum":
        return operation.params["axes"] == (operands[0].ndim - 1,)
    return operation.primitive.name == "dot_general" and result.ndim == 0 and operands[0].ndim == 1


def rewritten(program: ClosedJaxpr) -> ClosedJaxpr:
    """Return an equivalent program; only sums are rounded differently."""
    return jax.make_jaxpr(lambda *arguments: _evaluate(program, arguments))(*program.in_avals)


def _evaluate(program: ClosedJaxpr, arguments: Sequence[Any]) -> list[Any]:
    variables = *program.jaxpr.constvars, *program.jaxpr.invars
    known, stored = dict(zip(variables, (*program.consts, *arguments), strict=True)), {}

    def value(x, size):
        if isinstance(x, Literal):
            return x.val
        if x.aval.size <= _FEW < size:
            if x not in stored:
                stored[x] = _store(known[x])
            return stored[x]
        return known[x]

    for each in program.jaxpr.eqns:
        size = max(var.aval.size for var in each.outvars)
        results = _apply(each, [value(x, size) for x in each.invars])
        known.update(zip(each.outvars, results, strict=True))
    return [value(x, 0) for x in program.jaxpr.outvars]


def _apply(operation: Any, arguments: list[Any]) -> Sequence[Any]:
    """Apply an operation, and rewrite the program that it calls or loops over."""
    name, params = operation.primitive.name, operation.params
    if is_sum(operation):
        return [_by_halves(arguments[0] if name == "reduce_sum" else arguments[0] * arguments[1])]
    inner = params.get("jaxpr", params.get("call_jaxpr"))
    if name == "scan":
        return operation.primitive.bind(*arguments, **{**params, "jaxpr": rewritten(inner)})
    if inner is not None:
        return _evaluate(inner, arguments)
    found = operation.primitive.bind(*arguments, **params)
    return found if operation.primitive.multiple_results else [found]


def _by_halves(x: Array) -> Array:
    """Sum over the last axis."""
    odd = []
    while (size := x.shape[-1]) > 1:
        half = size // 2
        odd += [x[..., -1]] if size % 2 else []
        x = x[..., :half] + x[..., half : 2 * half]
    return sum(odd, x[..., 0])


def _store(x: Any) -> Any:
    if not jnp.issubdtype(x.dtype, jnp.floating):
        return x
    # XLA does not merge the result of a call with the operations that use it.
    return set_xla_metadata(cast(Any, jax.jit(lambda x: x * 1)(x)), **SMALL_CALL)
