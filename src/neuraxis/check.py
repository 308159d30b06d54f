"""Checks of what a user passes in: each raises `InputError` with what was expected and what was received.

Values that are being traced by `jit`, `grad` or `vmap` are not known yet and pass; shapes and dtypes are always known.
"""

from typing import Any

import numpy as np

from neuraxis.errors import InputError


def _numbers(name: str, value: Any) -> np.ndarray:
    """Give the numbers in `value`: none while it is being traced."""
    # Imported here, so that the data sets can be listed without waiting for JAX.
    import jax.numpy as jnp
    from jax.core import Tracer

    traced = isinstance(value, Tracer)
    array = np.empty(0, value.dtype) if traced else np.asarray(value)
    if not jnp.issubdtype(array.dtype, jnp.number):
        raise InputError(f"{name} must be a number, but is {value!r}")
    return array


def positive(**values: Any) -> None:
    """Every value (or every entry of an array) is finite and > 0."""
    for name, value in values.items():
        numbers = _numbers(name, value)
        if not np.all(np.isfinite(numbers) & (numbers > 0)):
            raise InputError(f"{name} must be positive and finite, but is {value}")


def not_negative(**values: Any) -> None:
    """Every value (or every entry of an array) is finite and ≥ 0."""
    for name, value in values.items():
        numbers = _numbers(name, value)
        if not np.all(np.isfinite(numbers) & (numbers >= 0)):
            raise InputError(f"{name} must be finite and not negative, but is {value}")


def fraction(**values: Any) -> None:
    """Every value (or every entry of an array) lies in [0, 1)."""
    for name, value in values.items():
        numbers = _numbers(name, value)
        if not np.all((numbers >= 0) & (numbers < 1)):
            raise InputError(f"{name} must lie in [0, 1), but is {value}")


def finite(**values: Any) -> None:
    """No value holds NaN or infinity; the message says where the first one stands."""
    for name, value in values.items():
        numbers = _numbers(name, value)
        if not np.all(good := np.isfinite(numbers)):
            where = tuple(int(i) for i in np.argwhere(~np.atleast_1d(good))[0])
            place = f" at index {where}" if numbers.ndim else ""
            raise InputError(f"{name} must be finite, but holds {numbers.flat[np.argmin(good)]}{place}")


def whole(minimum: int = 1, **values: Any) -> None:
    """Every value is an integer ≥ `minimum`."""
    for name, value in values.items():
        if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < minimum:
            raise InputError(f"{name} must be a whole number of at least {minimum}, but is {value!r}")


def parameters(**fields: Any) -> None:
    """Every field is a number or an array, and all broadcast with each other."""
    for name, value in fields.items():
        if isinstance(value, list | tuple):
            raise InputError(f"{name} must be a number or an array, but is the {type(value).__name__} {value}")
    broadcast((), **fields)


def broadcast(input_shape: tuple[int, ...], **fields: Any) -> tuple[int, ...]:
    """Give the shape that fields and an input of that shape broadcast to, and refuse those that do not."""
    shapes = {name: np.shape(value) for name, value in fields.items()}
    try:
        return np.broadcast_shapes(input_shape, *shapes.values())
    except ValueError:
        listed = ", ".join(f"{name} {shape}" for name, shape in {**shapes, "the input": input_shape}.items() if shape)
        raise InputError(f"parameters and input must broadcast with each other, but have shapes {listed}") from None


def functions(**values: Any) -> None:
    """Every value can be called, and is not a class that still has to be made an object of."""
    for name, value in values.items():
        if isinstance(value, type) or not callable(value):
            raise InputError(f"{name} must be a function, but is {value!r}")


def last_axis(size: int, **arrays: Any) -> None:
    """The last axis of every array has `size` entries."""
    for name, array in arrays.items():
        shape = np.shape(array)
        if not shape or shape[-1] != size:
            raise InputError(f"{name} must have shape (…, {size}), but has shape {shape}")


def fits(shape: tuple[int, ...], **arrays: Any) -> None:
    """Every array broadcasts to `shape`, which is a state's."""
    for name, array in arrays.items():
        if array is None:
            raise InputError(f"{name} of a shape that broadcasts to the state's, {shape}, must be given, but is None")
        try:
            good = np.broadcast_shapes(np.shape(array), shape) == shape
        except ValueError:
            good = False
        if not good:
            raise InputError(f"{name} must broadcast to the state's shape {shape}, but has shape {np.shape(array)}")


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
    numbers = _numbers("labels", labels)
    if numbers.dtype.kind not in "iu":
        raise InputError(f"labels must be integers, but have dtype {numbers.dtype}")
    if not np.all((numbers >= 0) & (numbers < classes)):
        raise InputError(f"labels must lie from 0 to {classes - 1}, but reach from {numbers.min()} to {numbers.max()}")
