"""Positional encodings as layers."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float, Num, PRNGKeyArray

from neuraxis import check
from neuraxis.errors import InputError
from neuraxis.functions.positions import rotate, sinusoidal_encoding


class SinusoidalPositions(eqx.Module):
    """y_i = x_i + PE(i), with PE(i)_{2j} = sin(i/b^{2j/d}) and PE(i)_{2j+1} = cos(i/b^{2j/d}).

    Args:
        base: b, which sets the longest wavelength.

    Raises:
        InputError: for a base that is not positive, an x that is not (…, time, feature), or positions that do not fit.

    Source: Vaswani et al., Advances in Neural Information Processing Systems (2017), section 3.5.
    """

    base: float | Array = 10_000.0

    def __check_init__(self):
        check.positive(base=self.base)
        check.one_number(base=self.base)

    def __call__(
        self, x: Num[ArrayLike, "..."], *, positions: ArrayLike | None = None, key: PRNGKeyArray | None = None
    ) -> Float[Array, "... time feature"]:
        """Encode the positions of (…, time, feature): 0, 1, 2 … by default, or others that broadcast to (…, time)."""
        numbers = check.floats("x", x)
        places = places_of("x", numbers, positions)
        return numbers + sinusoidal_encoding(places, numbers.shape[-1], self.base).astype(numbers.dtype)


class RotaryPositions(eqx.Module):
    """Rotate the pair (x_j, x_{j+d/2}) at position i by the angle i/b^{2j/d}: for queries and keys of attention.

    Args:
        base: b, which sets the longest wavelength.

    Raises:
        InputError: for a base that is not positive, an x that is not (…, time, d) with an even d, or positions that do
            not fit.

    Source: Su et al., RoFormer, arXiv:2104.09864 (2021), equation 34.
    """

    base: float | Array = 10_000.0

    def __check_init__(self):
        check.positive(base=self.base)
        check.one_number(base=self.base)

    def __call__(
        self, x: Num[ArrayLike, "..."], *, positions: ArrayLike | None = None, key: PRNGKeyArray | None = None
    ) -> Float[Array, "... time d"]:
        """Rotate (…, time, d) by its positions: 0, 1, 2 … by default, or others that broadcast to (…, time)."""
        numbers = check.floats("x", x)
        return rotate(numbers, places_of("x", numbers, positions), self.base)


def places_of(name: str, x: Array, positions: ArrayLike | None) -> Array:
    """Return the positions of (…, time, feature), which are 0, 1, 2 … unless given.

    Raises:
        InputError: for an x of another shape, or positions that do not broadcast to (…, time).
    """
    if x.ndim < 2:
        raise InputError(f"{name} must have shape (…, time, feature), but has shape {x.shape}")
    if positions is None:
        return jnp.arange(x.shape[-2])
    places = jnp.asarray(check.array("positions", positions))
    check.fits(x.shape[:-1], positions=places)
    return places
