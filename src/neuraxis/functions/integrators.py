"""Steps of ordinary differential equations dy/dt = f(y), once for every dynamics.

An integrator is a function `integrator(derivative, y, dt) -> y after dt`, where y is any pytree of arrays and
`derivative(y)` has its structure. A dynamics that takes one as a field works with either of these and with any other
function of that form.
"""

from collections.abc import Callable
from typing import TypeVar

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float
from jaxtyping import ArrayLike

Y = TypeVar("Y")

# Bernoulli numbers B_2k / (2k)!: x/(1 − e^{−x}) = 1 + x/2 + x² (1/12 − x²/720 + …).
_BERNOULLI = (1 / 12, -1 / 720, 1 / 30240, -1 / 1209600, 1 / 47900160)
_NEAR_ZERO = 0.25  # below it the series is exact to double precision, above it the fraction loses at most two bits


def linoid(x: Float[ArrayLike, "..."], exp_minus_x: Float[ArrayLike, "..."]) -> Float[Array, "..."]:
    """x / (1 − e^{−x})"""
    near = jnp.abs(x) < _NEAR_ZERO
    away_x = jnp.where(near, 1.0, x)
    away_e = jnp.where(near, 0.0, exp_minus_x)
    s = x * x
    a, b, c, d, e = _BERNOULLI
    series = 1 + x / 2 + s * (a + s * (b + s * (c + s * (d + s * e))))
    return jnp.where(near, series, away_x / (1 - away_e))


def rk4(derivative, y, dt):
    """Classical Runge-Kutta."""

    def along(slope, h):
        return jax.tree.map(lambda y, k: y + h * k, y, slope)

    k1 = derivative(y)
    k2 = derivative(along(k1, dt / 2))
    k3 = derivative(along(k2, dt / 2))
    k4 = derivative(along(k3, dt))
    return jax.tree.map(lambda y, a, b, c, d: y + dt / 6 * (a + 2 * (b + c) + d), y, k1, k2, k3, k4)


def exponential_euler(derivative, y, dt):
    leaves, treedef = jax.tree.flatten(y)

    def own(i, leaf):
        return jax.tree.leaves(derivative(treedef.unflatten(leaves[:i] + [leaf] + leaves[i + 1 :])))[i]

    new = []
    for i, leaf in enumerate(leaves):
        f, slope = jax.jvp(lambda leaf, i=i: own(i, leaf), (leaf,), (jnp.ones_like(leaf),))
        x = -slope * dt
        new.append(leaf + dt * f / linoid(x, jnp.exp(-x)))
    return treedef.unflatten(new)


def exponential_euler_plain(derivative, y, dt):
    leaves, treedef = jax.tree.flatten(y)

    def own(i, leaf):
        return jax.tree.leaves(derivative(treedef.unflatten(leaves[:i] + [leaf] + leaves[i + 1 :])))[i]

    new = []
    for i, leaf in enumerate(leaves):
        f, slope = jax.jvp(lambda leaf, i=i: own(i, leaf), (leaf,), (jnp.ones_like(leaf),))
        new.append(leaf + f * (jnp.exp(slope * dt) - 1) / slope)
    return treedef.unflatten(new)
