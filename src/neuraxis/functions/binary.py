"""Numbers that must be 0 or 1."""

from typing import Any

import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from neuraxis import check
from neuraxis.errors import InputError
from neuraxis.functions.precision import single


def only_binary(name: str, x: Any, remedy: str) -> Any:
    """Refuse what is neither 0 nor 1; while JAX is tracing, make NaN of it, so that nothing learns from it unseen.

    Args:
        name: of x, for the message.
        x: an array, or what becomes one.
        remedy: what to do with other numbers, for the end of the message.

    Raises:
        InputError: for numbers other than 0 and 1, with the range they have.
    """
    units = check.array(name, x)
    if units.dtype == bool:
        return units
    if isinstance(units, Tracer):
        return jnp.where((units == 0) | (units == 1), single(units), jnp.nan)
    numbers = np.asarray(units)
    if not np.all((numbers == 0) | (numbers == 1)):
        check.finite(**{name: numbers})
        grey = numbers[(numbers > 0) & (numbers < 1)]
        example = f" and holds {grey.flat[0]:.6g}" if grey.size else ""
        raise InputError(
            f"{name} must hold 0 and 1 only, but reaches from {numbers.min():.6g} to {numbers.max():.6g}{example}; "
            f"{remedy}"
        )
    return units
