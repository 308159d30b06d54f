"""Checks that numbers lie in a range, or are 0 or 1.

Other numbers are rejected if they are known. While JAX is tracing they are not, and are replaced by NaN, so that
nothing is silently trained on them.
"""

from typing import Any

import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jax.typing import ArrayLike

from neuraxis import check
from neuraxis.errors import InputError
from neuraxis.functions.precision import single


def only_between(low: ArrayLike, high: ArrayLike, name: str, x: Any, *, expected: str = "be", remedy: str = "") -> Any:
    """Reject numbers outside [low, high]; while JAX is tracing, replace them by NaN.

    Args:
        low: smallest number allowed.
        high: largest number allowed.
        name: name of x in the message.
        x: array, or what can be converted to one.
        expected: the message's verb before `low` and `high`, such as "contain probabilities".
        remedy: end of the message.

    Raises:
        InputError: for other numbers, with their range.
    """
    numbers = check.floats(name, x)
    if isinstance(numbers, Tracer):
        return jnp.where((numbers >= low) & (numbers <= high), numbers, jnp.nan)
    if not np.all((np.asarray(numbers) >= low) & (np.asarray(numbers) <= high)):
        check.finite(**{name: numbers})
        raise InputError(f"{name} must {expected} between {low:g} and {high:g}, but {_reaches(numbers)}{remedy}")
    return numbers


def only_binary(name: str, x: Any, *, remedy: str) -> Any:
    """Reject numbers other than 0 and 1; while JAX is tracing, replace them by NaN. Booleans stay booleans.

    Args:
        name: name of x in the message.
        x: array, or what can be converted to one.
        remedy: end of the message.

    Raises:
        InputError: for other numbers, with their range.
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
        example = f" and contains {grey.flat[0]:.6g}" if grey.size else ""
        raise InputError(f"{name} must contain 0 and 1 only, but {_reaches(numbers)}{example}{remedy}")
    return units


def _reaches(numbers: Any) -> str:
    return f"ranges from {numbers.min():.6g} to {numbers.max():.6g}"
