"""Points on spheres and in balls of any dimension."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray


def on_sphere(key: PRNGKeyArray, count: int, dimensions: int) -> Float[Array, "{count} {dimensions}"]:
    """Draw points uniformly on the unit sphere."""
    directions = jax.random.normal(key, (count, dimensions))
    return directions / jnp.linalg.norm(directions, axis=-1, keepdims=True)


def in_ball(key: PRNGKeyArray, count: int, dimensions: int) -> Float[Array, "{count} {dimensions}"]:
    """Draw points uniformly in the unit ball."""
    direction, length = jax.random.split(key)
    # The volume within a radius r is that of the ball times r^D.
    radius = jax.random.uniform(length, (count, 1)) ** (1 / dimensions)
    return on_sphere(direction, count, dimensions) * radius


def spread_in_ball(count: int, dimensions: int) -> Float[Array, "{count} {dimensions}"]:
    """Return deterministic points that fill the unit ball evenly.

    In one dimension they are equally spaced. In D > 1 dimensions, D + 1 coordinates of an additive recurrence, i/φ^j
    mod 1 with φ^(D+2) = φ + 1, are mapped to a direction (by the inverse normal distribution function) and a radius.
    Beyond 32 dimensions, where the coordinates of such a sequence are correlated, a fixed random key draws them.

    Source: M. Roberts, The unreasonable effectiveness of quasirandom sequences (2018).
    """
    from scipy.special import ndtri  # that of jax.scipy takes a second to compile

    if dimensions > 32:
        return in_ball(jax.random.key(0), count, dimensions)
    steps = np.arange(count)[:, None] + 0.5
    if dimensions == 1:
        return jnp.asarray(2 * steps / count - 1, float)
    ratio = _positive_root(dimensions + 1)
    fractions = (0.5 + steps * ratio ** -np.arange(1.0, dimensions + 2)) % 1
    fractions = np.clip(fractions, 1e-6, 1 - 1e-6)
    directions = ndtri(fractions[:, :-1])
    directions /= np.linalg.norm(directions, axis=-1, keepdims=True)
    return jnp.asarray(directions * fractions[:, -1:] ** (1 / dimensions), float)


def _positive_root(order: int) -> float:
    """Return the positive root of φ^(order + 1) = φ + 1; the golden ratio for order 1."""
    root = 2.0
    for _ in range(60):
        root = (1 + root) ** (1 / (order + 1))
    return root
