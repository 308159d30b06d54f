"""What stands around an image or a signal where a kernel reaches beyond it, if not zeros.

Each function takes an array and (before, after) for each of its axes, and gives the enlarged array.
"""

from collections.abc import Callable, Sequence

import jax.numpy as jnp
from jaxtyping import Array

Border = Callable[[Array, Sequence[tuple[int, int]]], Array]


def replicate(x: Array, widths: Sequence[tuple[int, int]]) -> Array:
    """Repeat the outermost entry: a b c gives a a | a b c | c c."""
    return jnp.pad(x, widths, mode="edge")


def reflect(x: Array, widths: Sequence[tuple[int, int]]) -> Array:
    """Mirror x about its outermost entry, which stands once: a b c gives c b | a b c | b a."""
    return jnp.pad(x, widths, mode="reflect")


def circular(x: Array, widths: Sequence[tuple[int, int]]) -> Array:
    """Go on from the other end: a b c gives b c | a b c | a b."""
    return jnp.pad(x, widths, mode="wrap")
