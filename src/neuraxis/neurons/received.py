"""Checks of the input of a step, shared by neurons and synapses."""

from typing import Any

import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float

from neuraxis import check


def received(shape: tuple[int, ...], dt: ArrayLike, **named: Any) -> Float[Array, "..."]:
    """Return an input, passed by name, as floating-point numbers that fit a state of the given shape.

    Integers would overflow or be promoted, and booleans cannot be subtracted.

    Raises:
        InputError: for an input that is not an array of real numbers, is not finite or does not broadcast to the state;
            or a dt that is not positive or does not broadcast to the state.
    """
    ((name, value),) = named.items()
    if value is not None:  # `fits` has a message for None
        value = numbers(**named)
    check.fits(shape, **{name: value})
    check.parameters(dt=dt)
    check.positive(dt=dt)
    check.fits(shape, dt=dt)
    return jnp.asarray(value)


def numbers(**named: Any) -> Float[Array, "..."]:
    """Return an argument, passed by name, as floating-point numbers.

    Raises:
        InputError: for an argument that is not an array of real numbers, or not finite.
    """
    ((name, given),) = named.items()
    value = check.floats(name, given)
    check.finite(**{name: given if isinstance(given, float) else value})  # 1e39 is finite, but not in float32
    return value
