"""Checks of what a user passes in: each raises `InputError` with what was expected and what was received.

Values that are being traced by `jit`, `grad` or `vmap` are not known yet and pass; shapes and dtypes are always known.

jax is imported where it is needed, so that names can be checked without it (`neuraxis list` stays quick).
"""

from typing import Any

import numpy as np

from neuraxis.errors import InputError


def _known(value: Any) -> bool:
    from jax.core import Tracer

    return not isinstance(value, Tracer)


def _number(name: str, value: Any) -> None:
    import jax.numpy as jnp

    if not jnp.issubdtype(jnp.result_type(value), jnp.number):
        raise InputError(f"{name} must be a number, but is {value!r}")


def positive(**values: Any) -> None:
    """Every value (or every entry of an array) is finite and > 0."""
    for name, value in values.items():
        _number(name, value)
        if _known(value) and not (np.all(np.isfinite(value)) and np.all(np.asarray(value) > 0)):
            raise InputError(f"{name} must be positive and finite, but is {value}")


def not_negative(**values: Any) -> None:
    """Every value (or every entry of an array) is finite and ≥ 0."""
    for name, value in values.items():
        _number(name, value)
        if _known(value) and not (np.all(np.isfinite(value)) and np.all(np.asarray(value) >= 0)):
            raise InputError(f"{name} must be finite and not negative, but is {value}")


def fraction(**values: Any) -> None:
    """Every value lies in [0, 1)."""
    for name, value in values.items():
        _number(name, value)
        if _known(value) and not 0 <= value < 1:
            raise InputError(f"{name} must lie in [0, 1), but is {value}")


def finite(**values: Any) -> None:
    """No value holds NaN or infinity; the message says where the first one stands."""
    for name, value in values.items():
        _number(name, value)
        if _known(value) and not np.all(good := np.isfinite(np.asarray(value))):
            where = tuple(int(i) for i in np.argwhere(~np.atleast_1d(good))[0])
            place = f" at index {where}" if np.ndim(value) else ""
            raise InputError(f"{name} must be finite, but holds {np.asarray(value).flat[np.argmin(good)]}{place}")


def whole(minimum: int = 1, **values: Any) -> None:
    """Every value is an integer ≥ `minimum`."""
    for name, value in values.items():
        if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < minimum:
            raise InputError(f"{name} must be a whole number of at least {minimum}, but is {value!r}")


def last_axis(size: int, **arrays: Any) -> None:
    """The last axis of every array has `size` entries."""
    for name, array in arrays.items():
        shape = np.shape(array)
        if not shape or shape[-1] != size:
            raise InputError(f"{name} must have shape (…, {size}), but has shape {shape}")


def same_length(**arrays: Any) -> None:
    """All arrays have as many entries along their first axis, and at least one."""
    lengths = {name: np.shape(array)[0] if np.ndim(array) else None for name, array in arrays.items()}
    if None in lengths.values() or len(set(lengths.values())) > 1:
        shapes = ", ".join(f"{name} {np.shape(array)}" for name, array in arrays.items())
        raise InputError(f"the data must agree along their first axis, but have shapes {shapes}")
    if 0 in lengths.values():
        raise InputError(f"the data are empty: {', '.join(arrays)} hold no example")


def labels(labels: Any, classes: int) -> None:
    """Labels are integers from 0 to `classes` − 1."""
    import jax.numpy as jnp

    if not jnp.issubdtype(jnp.result_type(labels), jnp.integer):
        raise InputError(f"labels must be integers, but have dtype {jnp.result_type(labels)}")
    if _known(labels) and np.size(labels) and not (np.min(labels) >= 0 and np.max(labels) < classes):
        raise InputError(
            f"labels must lie from 0 to {classes - 1}, but reach from {np.min(labels)} to {np.max(labels)}"
        )
