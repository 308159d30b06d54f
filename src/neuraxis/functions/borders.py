"""Padding of images and signals with values other than zeros.

Each function takes an array and the widths (before, after) for each of its axes, and returns the padded array.
"""

from collections.abc import Callable, Sequence

import jax.numpy as jnp
from jaxtyping import Array

Border = Callable[[Array, Sequence[tuple[int, int]]], Array]


def replicate(x: Array, widths: Sequence[tuple[int, int]]) -> Array:
    """Repeat the edge entries: a b c gives a a | a b c | c c."""
    return jnp.pad(x, widths, mode="edge")


def reflect(x: Array, widths: Sequence[tuple[int, int]]) -> Array:
    """Mirror x about its edge entries, which are not repeated: a b c gives c b | a b c | b a."""
    return jnp.pad(x, widths, mode="reflect")


def circular(x: Array, widths: Sequence[tuple[int, int]]) -> Array:
    """Wrap around to the opposite end: a b c gives b c | a b c | a b."""
    return jnp.pad(x, widths, mode="wrap")
