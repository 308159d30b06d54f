"""Numbers that must lie in a range, or be 0 or 1.

Others are refused where they can be looked at. While JAX is tracing they cannot, and become NaN, so that nothing learns
from them unseen.
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
    """Refuse what lies outside of [low, high]; while JAX is tracing, make NaN of it.

    Args:
        low: the smallest number that may be there.
        high: the largest.
        name: of x, for the message.
        x: an array, or what becomes one.
        expected: what x must do between `low` and `high`, such as "contain probabilities".
        remedy: the end of the message.

    Raises:
        InputError: for other numbers, with the range they have.
    """
    numbers = check.floats(name, x)
    if isinstance(numbers, Tracer):
        return jnp.where((numbers >= low) & (numbers <= high), numbers, jnp.nan)
    if not np.all((np.asarray(numbers) >= low) & (np.asarray(numbers) <= high)):
        check.finite(**{name: numbers})
        raise InputError(f"{name} must {expected} between {low:g} and {high:g}, but {_reaches(numbers)}{remedy}")
    return numbers


def only_binary(name: str, x: Any, *, remedy: str) -> Any:
    """Refuse what is neither 0 nor 1; while JAX is tracing, make NaN of it. Truth values stay such.

    Args:
        name: of x, for the message.
        x: an array, or what becomes one.
        remedy: the end of the message.

    Raises:
        InputError: for other numbers, with the range they have.
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
