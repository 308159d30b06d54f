"""A number in a field is a value: how compiled functions take models, settings and arrays.

What may change from call to call without a new program are values: arrays and Python's floating-point numbers, wherever
they stand in the arguments. What decides the program is static: whole numbers (sizes, orders, step counts), booleans,
strings, functions and other objects, with all that they hold (`neuraxis.contents`). So a sweep over `tau_m=20.0`
compiles once, and a function that reads a global variable compiles anew when that has changed.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from threading import Thread
from typing import Any, TypeVar, cast

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import wadler_lindig as wl
from jax.core import Tracer
from jax.extend.core import get_opaque_trace_state
from jaxtyping import PyTree

from neuraxis.contents import changeable_parts, contents, treat_as_same

Function = TypeVar("Function", bound=Callable[..., Any])


def is_value(leaf: Any) -> bool:
    """Tell whether a leaf is handed to compiled programs as a value: an array, or a floating-point number."""
    return isinstance(leaf, jax.Array | np.ndarray | float | np.floating)


def is_key(leaf: Any) -> bool:
    """Tell whether a leaf is an array of random keys, or the bare shape of one."""
    return isinstance(leaf, jax.Array | jax.ShapeDtypeStruct) and jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)


def as_arrays(tree: PyTree) -> PyTree:
    """Make arrays of the numbers in a tree, as compiled programs receive them."""
    return jax.tree.map(lambda leaf: jnp.asarray(_as_value(leaf)) if is_value(leaf) else leaf, tree)


def compiled(function: Function, *, hands_over: int | None = None, **options: Any) -> Function:
    """`jax.jit` for functions of models: values are traced, the rest is static (see above), whatever they stand in.

    Python numbers keep their weak type, so that they do not change the precision of the arrays they meet. The result
    may hold static parts, too.

    Args:
        function: what to compile.
        hands_over: number of an argument whose memory the result may take: its arrays cannot be used afterwards.
        options: for `jax.jit`.
    """
    traced: list[bool] = []

    def call(static: _Static, over: list[Any], kept: list[Any]) -> tuple[PyTree, _Static]:
        traced.append(True)
        args, kwargs = static.combined_with([a if b is None else b for a, b in zip(over, kept, strict=True)])
        result, rest = eqx.partition(function(*args, **kwargs), eqx.is_array)
        return result, _Static(*jax.tree.flatten(rest))

    call.__name__ = call.__qualname__ = getattr(function, "__name__", "call")
    program = jax.jit(call, static_argnums=0, donate_argnums=1, **options)

    @wraps(function)
    def run(*args: Any, **kwargs: Any) -> Any:
        leaves, structure = jax.tree.flatten((args, kwargs))
        values = [_as_value(leaf) if is_value(leaf) else None for leaf in leaves]
        static = _Static([None if is_value(leaf) else leaf for leaf in leaves], structure)
        over = [None] * len(values)
        if hands_over is not None:
            begin = len(jax.tree.leaves(args[:hands_over]))
            end = begin + len(jax.tree.leaves(args[hands_over]))
            over[begin:end], values[begin:end] = values[begin:end], over[begin:end]
        result, rest = program(static, over, values)
        if traced:
            traced.clear()
            static.accept_changes()
        return eqx.combine(result, rest.combined_with([None] * len(rest.leaves)))

    return cast(Function, run)


_marked: ContextVar[bool] = ContextVar("numbers are told from arrays", default=False)


@contextmanager
def numbers_marked() -> Iterator[None]:
    """Where a program is traced whose arrays are all strongly typed, let `is_number` know its numbers."""
    token = _marked.set(True)
    try:
        yield
    finally:
        _marked.reset(token)


def is_number(leaf: Any) -> bool:
    """Tell whether a leaf is a Python number, also where it is being traced inside of `numbers_marked`."""
    if isinstance(leaf, float | int):
        return True
    return _marked.get() and isinstance(leaf, Tracer) and leaf.ndim == 0 and jax.typeof(leaf).weak_type


def is_traced() -> bool:
    """Tell whether JAX is tracing at the moment, for `jit`, `grad`, `vmap` or another transformation.

    Functions can hold what is being traced where nobody sees it, so looking at their arguments does not tell.
    """
    return get_opaque_trace_state(convention="nnx") != _NOT_TRACING


def _opaque_state_without_a_trace() -> Any:
    """Look in a thread of its own: this file may be imported while something is being traced."""
    found: list[Any] = []
    thread = Thread(target=lambda: found.append(get_opaque_trace_state(convention="nnx")))
    thread.start()
    thread.join()
    return found[0]


_NOT_TRACING = _opaque_state_without_a_trace()


@jax.tree_util.register_static
class _Static:
    """What a program depends on. Equal where the contents are."""

    def __init__(self, leaves: list[Any], structure: Any):
        self.leaves, self.structure = leaves, structure
        parts = (*(leaf for leaf in leaves if leaf is not None), *changeable_parts(structure))
        self._contents = tuple(map(contents, parts))
        self._key = (self._contents, tuple(leaf is None for leaf in leaves), structure)
        self._hash = hash(self._key)

    def accept_changes(self) -> None:
        """Go on with the program where the functions in it changed what they hold while they were traced.

        Such as a list in which a loss notes the shapes that it receives.
        """
        for before, after in zip(self._contents, _Static(self.leaves, self.structure)._contents, strict=True):
            if after != before:
                treat_as_same(before, after)

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Static) and self._key == other._key

    def combined_with(self, values: list[Any]) -> Any:
        """Put the values at the places that are left for them."""
        leaves = [leaf if value is None else value for leaf, value in zip(self.leaves, values, strict=True)]
        return jax.tree.unflatten(self.structure, leaves)


def _as_value(leaf: Any) -> Any:
    # NumPy's double precision counts among Python's numbers, but would not be weakly typed.
    return float(leaf) if isinstance(leaf, float) else leaf


def with_values(self: Any) -> str:
    """Write a model with all its values, for its `__repr__`: equinox leaves out those that are the default."""
    return wl.pformat(self, hide_defaults=False)
