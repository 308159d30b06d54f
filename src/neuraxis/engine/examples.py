"""Data accepted by the engine: arrays that agree along their first axis, or a source that loads them."""

from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Int

from neuraxis import check
from neuraxis.errors import InputError
from neuraxis.kinds import Source


def is_source(data: Any) -> bool:
    """Return whether data are a source, loaded on demand; arrays have a method `take`, too, but are not sources."""
    no_source = isinstance(data, type | tuple | list | dict) or hasattr(data, "dtype")
    return not no_source and isinstance(data, Source)


def arrays_of(name: str, data: Any) -> Any:
    """Convert lists, tables and tensors to arrays; return sources, and anything that is not data, unchanged.

    Raises:
        InputError: for ragged lists, text, or complex numbers.
    """
    if is_source(data) or not isinstance(data, tuple | list):
        return data
    return tuple(check.array(f"{name}[{i}]", x) for i, x in enumerate(data))


def check_finite(name: str, data: Any) -> None:
    """Check that arrays are finite, except memory-mapped ones, which may be too large to read.

    Raises:
        InputError: for NaN or infinity.
    """
    if data is not None and not is_source(data):
        numbers = {f"{name}[{i}]": x for i, x in enumerate(data) if not isinstance(x, np.memmap)}
        check.finite(**{part: x for part, x in numbers.items() if jnp.issubdtype(x.dtype, jnp.inexact)})


def count(name: str, data: Any) -> int:
    """Return the number of examples.

    Raises:
        InputError: for data of another kind, without examples, or of different lengths.
    """
    if is_source(data):
        if len(data) == 0:
            raise InputError(f"the data are empty: {name} contains no examples")
        return len(data)
    if not isinstance(data, tuple | list) or not data:
        shape = getattr(data, "shape", None)
        received = f"an array of shape {shape}" if shape is not None else check.received(data)
        received = "empty" if isinstance(data, tuple | list) else received
        raise InputError(
            f"{name} must be a tuple of one or more arrays, such as (x, labels) or (x,), or an object with len() and "
            f"take(indices), but is {received}"
        )
    named = {f"{name}[{i}]": x for i, x in enumerate(data)}
    check.same_length(**named)
    return len(data[0])


def taken(source: Source, indices: Int[np.ndarray, " some"]) -> tuple[np.ndarray, ...]:
    """Load the examples with these indices.

    Raises:
        InputError: if the source does not return a tuple of arrays with one entry per index.
    """
    loaded = source.take(indices)
    right = isinstance(loaded, tuple) and loaded and all(np.shape(x)[:1] == (len(indices),) for x in loaded)
    if not right:
        received = (
            f"shapes {tuple(map(np.shape, loaded))}" if isinstance(loaded, tuple) else f"a {type(loaded).__name__}"
        )
        raise InputError(
            f"take(indices) of {type(source).__name__} must return a tuple of arrays with one entry per index, but "
            f"returned {received} for {len(indices)} indices"
        )
    return tuple(check.array(f"take(indices)[{i}]", np.asarray(x)) for i, x in enumerate(loaded))
