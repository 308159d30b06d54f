"""The positions of the squares in the Square attack, and the bumps that fill them."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray


class Window(NamedTuple):
    """A square in each image."""

    row: Int[Array, "N height 1 1"]  # of each pixel, relative to the first row of the square
    column: Int[Array, "N 1 width 1"]
    inside: Bool[Array, "N height width 1"]


def window(shape: tuple[int, ...], side: Int[Array, ""], key: PRNGKeyArray) -> Window:
    """Draw the position of a square of that side in each image of (N, height, width, channel)."""
    count, height, width, _ = shape
    places = jax.random.uniform(key, (2, count, 1, 1, 1))
    first = lambda u, size: jnp.floor(u * (size - side + 1)).astype(jnp.int32)
    row = jnp.arange(height)[:, None, None] - first(places[0], height)
    column = jnp.arange(width)[:, None] - first(places[1], width)
    return Window(row, column, (row >= 0) & (row < side) & (column >= 0) & (column < side))


def bumps(at: Window, side: Int[Array, ""], key: PRNGKeyArray) -> Float[Array, "N height width 1"]:
    """Return bumps of norm 1, positive in the upper half and negative in the lower one, transposed at random."""
    turned = jax.random.bernoulli(key, 0.5, (len(at.row), 1, 1, 1))
    u, v = jnp.where(turned, at.column, at.row), jnp.where(turned, at.row, at.column)
    bump = jnp.where(at.inside, _bump(u, v, side), 0)
    return bump / (jnp.sqrt(jnp.sum(bump**2, axis=(1, 2), keepdims=True)) + 1e-12)


def tiles(shape: tuple[int, ...], key: PRNGKeyArray) -> Float[Array, "N height width channel"]:
    """Return a grid of bumps with sides of a fifth of the image, each with random sign and transposed at random."""
    count, height, width, channels = shape
    side = max(1, min(height, width) // 5)
    key_turn, key_sign = jax.random.split(key)
    row, column = (np.arange(size) - (size - size // side * side) // 2 for size in (height, width))
    grid = height // side, width // side
    turned = jax.random.bernoulli(key_turn, 0.5, (count, *grid, 1))
    signs = jax.random.rademacher(key_sign, (count, *grid, channels), float)
    tile = np.clip(row // side, 0, grid[0] - 1)[:, None], np.clip(column // side, 0, grid[1] - 1)[None]
    u, v = np.meshgrid(row % side, column % side, indexing="ij")
    u, v = u[None, ..., None], v[None, ..., None]
    turned = turned[:, *tile]
    bump = _bump(jnp.where(turned, v, u), jnp.where(turned, u, v), side)
    within = lambda place, cells: (place >= 0) & (place < cells * side)
    covered = within(row, grid[0])[:, None, None] & within(column, grid[1])[:, None]
    return jnp.where(covered, bump * signs[:, *tile], 0)


def _bump(u: Array, v: Array, side: int | Array) -> Array:
    """Return ±Σ_{m=d}^{M−1} 1/(m + 1)², with d the larger coordinate distance from the centre of a half.

    It is the sum of M = ⌊side/2⌋ + 1 squares around that centre, each larger and fainter than the one before. The sign
    is negative in the lower half.
    """
    upper = side // 2
    below = u >= upper
    height = jnp.where(below, side - upper, upper)
    d = jnp.maximum(jnp.abs(u - jnp.where(below, upper, 0) - height // 2), jnp.abs(v - side // 2))
    most = side // 2 + 1
    rises = jnp.where(jnp.arange(_LARGEST) < most, 1 / (jnp.arange(_LARGEST) + 1.0) ** 2, 0)
    left = jnp.cumsum(rises[::-1])[::-1]
    return jnp.where(below, -1, 1) * left[jnp.clip(d, 0, _LARGEST - 1)]


_LARGEST = 1024  # half the side of the largest square
