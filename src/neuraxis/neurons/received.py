"""What a neuron's or synapse's step receives, checked in one way for all."""

from typing import Any

import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float

from neuraxis import check


def received(shape: tuple[int, ...], dt: ArrayLike, **named: Any) -> Float[Array, "..."]:
    """Return an input, passed under its name, as floating-point numbers that fit a state of that shape.

    Integers would wrap around or widen, and truth values cannot be subtracted.

    Raises:
        InputError: for an input that is no array of real numbers, is not finite or does not broadcast to the state; or
            a dt that is not positive or does not.
    """
    ((name, value),) = named.items()
    if value is not None:  # which `fits` has a word for
        value = numbers(**named)
    check.fits(shape, **{name: value})
    check.parameters(dt=dt)
    check.positive(dt=dt)
    check.fits(shape, dt=dt)
    return jnp.asarray(value)


def numbers(**named: Any) -> Float[Array, "..."]:
    """Return an argument, passed under its name, as floating-point numbers.

    Raises:
        InputError: for what is no array of real numbers, or not finite.
    """
    ((name, given),) = named.items()
    value = check.floats(name, given)
    check.finite(**{name: given if isinstance(given, float) else value})  # which tells 1e39 from infinity
    return value
