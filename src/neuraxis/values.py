"""Values and static parts: which arguments of compiled functions are traced, and which determine the program.

Values may change from call to call without recompilation: arrays and Python floats, anywhere in the arguments.
Everything else is static and determines the program: integers (sizes, orders, step counts), booleans, strings,
functions and other objects, with all that they hold (`neuraxis.contents`). A sweep over `tau_m` therefore compiles
once, and a function that reads a global variable is recompiled when the variable has changed.
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
    """Return whether a leaf is passed to compiled programs as a value: an array, or a floating-point number."""
    return isinstance(leaf, jax.Array | np.ndarray | float | np.floating)


def is_key(leaf: Any) -> bool:
    """Return whether a leaf is an array of random keys, or the `jax.ShapeDtypeStruct` of one."""
    return isinstance(leaf, jax.Array | jax.ShapeDtypeStruct) and jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)


def as_arrays(tree: PyTree) -> PyTree:
    """Convert the numbers in a tree to arrays, as compiled programs receive them."""
    return jax.tree.map(lambda leaf: jnp.asarray(_as_value(leaf)) if is_value(leaf) else leaf, tree)


def compiled(function: Function, *, hands_over: int | None = None, **options: Any) -> Function:
    """`jax.jit` for functions of models: values are traced and the rest is static (see above), anywhere in a tree.

    Python numbers stay weakly typed, so that they do not change the precision of the arrays they are combined with. The
    result may contain static parts, too.

    Args:
        function: the function to compile.
        hands_over: index of an argument whose memory is donated to the result: its arrays cannot be used afterwards.
        options: passed to `jax.jit`.
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
    """Let `is_number` recognise Python numbers while a program is traced whose arrays are all strongly typed."""
    token = _marked.set(True)
    try:
        yield
    finally:
        _marked.reset(token)


def is_number(leaf: Any) -> bool:
    """Return whether a leaf is a Python number, or one that is being traced within `numbers_marked`."""
    if isinstance(leaf, float | int):
        return True
    return _marked.get() and isinstance(leaf, Tracer) and leaf.ndim == 0 and jax.typeof(leaf).weak_type


def is_traced() -> bool:
    """Return whether JAX is currently tracing, for `jit`, `grad`, `vmap` or another transformation.

    The arguments of a function do not show this: it can also capture tracers in its closure.
    """
    return get_opaque_trace_state(convention="nnx") != _NOT_TRACING


def _opaque_state_without_a_trace() -> Any:
    """Return JAX's state outside of any trace, from a new thread: this file may be imported during tracing."""
    found: list[Any] = []
    thread = Thread(target=lambda: found.append(get_opaque_trace_state(convention="nnx")))
    thread.start()
    thread.join()
    return found[0]


_NOT_TRACING = _opaque_state_without_a_trace()


@jax.tree_util.register_static
class _Static:
    """The static parts on which a program depends; equal if their contents are."""

    def __init__(self, leaves: list[Any], structure: Any):
        self.leaves, self.structure = leaves, structure
        parts = (*(leaf for leaf in leaves if leaf is not None), *changeable_parts(structure))
        self._contents = tuple(map(contents, parts))
        self._key = (self._contents, tuple(leaf is None for leaf in leaves), structure)
        self._hash = hash(self._key)

    def accept_changes(self) -> None:
        """Keep using the program if functions in it changed what they hold while they were traced.

        An example is a loss that appends the shapes it receives to a list.
        """
        for before, after in zip(self._contents, _Static(self.leaves, self.structure)._contents, strict=True):
            if after != before:
                treat_as_same(before, after)

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Static) and self._key == other._key

    def combined_with(self, values: list[Any]) -> Any:
        """Insert the values at the places left for them."""
        leaves = [leaf if value is None else value for leaf, value in zip(self.leaves, values, strict=True)]
        return jax.tree.unflatten(self.structure, leaves)


def _as_value(leaf: Any) -> Any:
    # np.float64 is a subclass of float, but would not be weakly typed.
    return float(leaf) if isinstance(leaf, float) else leaf


def with_values(self: Any) -> str:
    """Format a model with all its values, for its `__repr__`: equinox omits those that equal the default."""
    return wl.pformat(self, hide_defaults=False)
