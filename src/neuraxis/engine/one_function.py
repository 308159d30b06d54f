"""Loops of small elementwise steps, each compiled into one function.

On a CPU, XLA runs a loop as a list of kernels, which its runtime calls one by one and distributes to threads. If a step
takes only microseconds, this overhead dominates. A loop that is marked as a small call becomes one function instead:
10 000 steps of 1000 Hodgkin–Huxley neurons then take less than half of the time, with the same result up to rounding.
"""

from collections.abc import Callable, Iterator
from typing import Any, cast

import jax
from jax import lax
from jax.experimental.xla_metadata import set_xla_metadata
from jax.extend.core import ClosedJaxpr, Jaxpr, jaxpr_as_fun
from jaxtyping import PyTree

from neuraxis.engine.elementwise import SMALL_CALL, is_sum, rewritten

_MOST = 32 * 1024  # largest size of an array in a step: at three times this size, two threads are faster
_DTYPES = frozenset(["bool", "int32", "uint32", "int64", "uint64", "float32", "float64"])
# Only these and sums that are rewritten: matrix products are slower in such a function, and custom calls impossible.
# fmt: off
_ELEMENTWISE = frozenset([
    "abs", "add", "and", "atan2", "broadcast_in_dim", "ceil", "clamp", "concatenate", "convert_element_type", "copy",
    "cos", "div", "eq", "erf", "exp", "exp2", "expm1", "floor", "ge", "gt", "integer_pow", "iota", "is_finite", "le",
    "log", "log1p", "logistic", "lt", "max", "min", "mul", "name", "ne", "neg", "nextafter", "not", "or", "pow",
    "rem", "reshape", "round", "rsqrt", "select_n", "sign", "sin", "slice", "sqrt", "square", "squeeze",
    "stack", "stop_gradient", "sub", "tan", "tanh", "xor",
])
# fmt: on
_CALLS = frozenset(["closed_call", "custom_jvp_call", "custom_vjp_call", "jit", "pjit", "scan"])


def scan(step: Callable[[Any, Any], tuple[Any, Any]], state: PyTree, xs: PyTree) -> tuple[PyTree, PyTree]:
    """Scan as `lax.scan`, in one function if the steps are small and elementwise."""
    leaves, structure = jax.tree.flatten((state, xs))
    loop, shapes = jax.make_jaxpr(
        lambda *leaves: lax.scan(step, *jax.tree.unflatten(structure, leaves)), return_shape=True
    )(*leaves)
    results = call(jaxpr_as_fun(rewritten(loop)), *leaves) if is_small(loop) else jaxpr_as_fun(loop)(*leaves)
    return jax.tree.unflatten(jax.tree.structure(shapes), results)


def pays() -> bool:
    """Return whether programs are compiled for a CPU. Loops that are differentiated or mapped must not be marked."""
    return jax.default_backend() == "cpu"


def call(run: Callable[..., Any], *arguments: Any) -> Any:
    """Call a function in a program that is being traced, compiled into one function."""
    return set_xla_metadata(cast(Any, jax.jit(run)(*arguments)), **SMALL_CALL)


def is_small(loop: ClosedJaxpr) -> bool:
    """Return whether a loop consists of elementwise operations on small arrays."""
    for each in _operations(loop.jaxpr):
        arrays = [var.aval for var in (*each.invars, *each.outvars)]
        if each.primitive.name in _CALLS:
            fits = all(array.size > 0 for array in arrays)  # XLA ends the process on a loop over empty arrays
        else:
            known = each.primitive.name in _ELEMENTWISE or is_sum(each)
            fits = known and all(array.size <= _MOST for array in arrays)
        if not fits or any(array.dtype.name not in _DTYPES for array in arrays):
            return False
    return True


def _operations(jaxpr: Jaxpr) -> Iterator[Any]:
    """Yield all operations, including those of called functions."""
    for each in jaxpr.eqns:
        yield each
        for inner in each.params.values():
            if isinstance(inner, ClosedJaxpr | Jaxpr):
                yield from _operations(inner.jaxpr if isinstance(inner, ClosedJaxpr) else inner)
