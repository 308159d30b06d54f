"""Positional encodings: sinusoids that are added to the features of a token, or angles by which these are rotated."""

import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float

from neuraxis import check
from neuraxis.errors import InputError
from neuraxis.functions.precision import single


def sinusoidal_encoding(positions: ArrayLike, size: int, base: ArrayLike = 10_000.0) -> Float[Array, "... size"]:
    """PE(i)_{2j} = sin(i/b^{2j/d}), PE(i)_{2j+1} = cos(i/b^{2j/d}), for positions i and j = 0 … d/2 − 1.

    Args:
        positions: positions i, any shape.
        size: number of features d; if it is odd, the last feature is a sine.
        base: b, which sets the longest wavelength.

    Raises:
        InputError: for positions that are not numbers, or a size or base that is not positive.

    Source: Vaswani et al., Advances in Neural Information Processing Systems (2017), section 3.5.
    """
    check.whole(size=size)
    angles = _angles(positions, (size + 1) // 2, size, base)
    pairs = jnp.stack([jnp.sin(angles), jnp.cos(angles)], axis=-1)
    return pairs.reshape(*angles.shape[:-1], 2 * angles.shape[-1])[..., :size]


def rotate(
    x: Float[ArrayLike, "... time d"], positions: ArrayLike, base: ArrayLike = 10_000.0
) -> Float[Array, "... time d"]:
    """Rotate the pair (x_j, x_{j+d/2}) at position i by the angle i/b^{2j/d}, for j = 0 … d/2 − 1.

    The dot product of a rotated query and a rotated key depends only on their relative position. (The paper pairs
    adjacent features, which differs only in the order of the features.)

    Args:
        x: queries or keys, with an even number d of features.
        positions: positions i, broadcastable to (…, time).
        base: b, which sets the longest wavelength.

    Raises:
        InputError: for an odd number of features, positions that do not fit, or a base that is not positive.

    Source: Su et al., RoFormer, arXiv:2104.09864 (2021), equation 34.
    """
    numbers = check.floats("x", x)
    if numbers.ndim < 2 or numbers.shape[-1] % 2:
        raise InputError(f"x must have shape (…, time, d) with an even d, but has shape {numbers.shape}")
    angles = _angles(positions, numbers.shape[-1] // 2, numbers.shape[-1], base)
    check.fits(numbers.shape[:-1], positions=angles[..., 0])
    cosine, sine = jnp.cos(angles), jnp.sin(angles)
    first, second = jnp.split(single(numbers), 2, axis=-1)
    turned = jnp.concatenate([first * cosine - second * sine, first * sine + second * cosine], axis=-1)
    return turned.astype(numbers.dtype)


def _angles(positions: ArrayLike, count: int, size: int, base: ArrayLike) -> Float[Array, "... count"]:
    check.positive(base=base)
    check.one_number(base=base)
    places = single(check.floats("positions", positions))
    frequencies = jnp.asarray(base, places.dtype) ** (-jnp.arange(0, 2 * count, 2, dtype=places.dtype) / size)
    return places[..., None] * frequencies
