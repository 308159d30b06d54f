"""Activation functions σ(z), each with its own derivative.

An `Activation` is called like a function, `logistic(z)`, and knows its derivative, `logistic.derivative(z)`. All are
stable for |z| up to 1e4 and beyond, in value, derivative and under `jax.grad`. They are constants that compare and hash
by identity, so a module can hold one as a static field.

`softmax` and `argmax` act on the last axis, and their derivative is the Jacobian J[…, i, j] = ∂σ(z)_i/∂z_j of shape
(…, k, k). All others act on each entry, and their derivative has the shape of z.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, ArrayLike, Float

from neuraxis import check
from neuraxis.errors import InputError
from neuraxis.functions.precision import single


@dataclass(frozen=True)
class Activation:
    """A function σ with its derivative σ′, both of arrays.

    Integers and booleans are converted to floats. Half-precision inputs are computed in single precision, where squares
    and sums do not overflow, and the result is cast back.

    Args:
        name: name that `repr` shows.
        value: σ.
        slope: σ′.
    """

    name: str
    value: Callable[[Array], Array]
    slope: Callable[[Array], Array]

    def __post_init__(self):
        check.functions(value=self.value, slope=self.slope)

    def __call__(self, z: ArrayLike) -> Float[Array, "..."]:
        """Return σ(z), in the shape of z."""
        return _in_single(self.value, z)

    def derivative(self, z: ArrayLike) -> Float[Array, "..."]:
        """Return σ′(z), in the shape of z, or the Jacobian (…, k, k) of a function of the last axis."""
        return _in_single(self.slope, z)

    def __repr__(self) -> str:
        return self.name

    def __reduce__(self) -> Any:
        # Constants of this module are pickled and copied by name, as functions are, which preserves their identity.
        return self.name if globals().get(self.name) is self else super().__reduce__()


def _in_single(function: Callable[[Array], Array], z: ArrayLike) -> Array:
    """Apply a function in at least single precision, and cast the result back."""
    numbers = check.floats("z", z)
    return function(single(numbers)).astype(numbers.dtype)


def _largest(z: Array) -> Array:
    """Return 1 at the first maximum along the last axis and 0 elsewhere."""
    place = jnp.argmax(_vector(z), axis=-1, keepdims=True)
    return (jnp.arange(z.shape[-1]) == place).astype(z.dtype)


def _vector(z: Array) -> Array:
    if z.ndim == 0 or z.shape[-1] == 0:
        raise InputError(f"z must have shape (…, k) with k ≥ 1, but has shape {z.shape}")
    return z


def _from_below(z: Array) -> Array:
    """Clip z from below, because −∞ · 0 would be NaN."""
    return jnp.maximum(z, -1e4)


def _within(z: Array) -> Array:
    """Clip z from both sides, because ±∞ · 0 would be NaN."""
    return jnp.clip(z, -1e4, 1e4)


def _diagonal(d: Array) -> Array:
    return d[..., None] * jnp.eye(d.shape[-1], dtype=d.dtype)


def _softmax_jacobian(z: Array) -> Array:
    y = softmax(z)
    return _diagonal(y) - y[..., :, None] * y[..., None, :]


identity = Activation("identity", lambda z: z, jnp.ones_like)
"""σ(z) = z, with σ′ = 1."""

# σ(z) σ(−z) stays accurate where σ is close to 1 and 1 − σ would cancel.
logistic = Activation("logistic", jax.nn.sigmoid, lambda z: logistic(z) * logistic(-z))
"""σ(z) = 1/(1 + e^(−z)), between 0 and 1, with σ′ = σ(z) (1 − σ(z)) ≤ ¼."""

arctan = Activation("arctan", jnp.arctan, lambda z: 1 / (1 + z * z))
"""σ(z) = arctan z, between −π/2 and π/2, with σ′ = 1/(1 + z²)."""

# 1/cosh² equals 1 − tanh² and stays accurate in the tails.
tanh = Activation("tanh", jnp.tanh, lambda z: 1 / jnp.cosh(z) ** 2)
"""σ(z) = tanh z, between −1 and 1, with σ′ = 1 − tanh² z."""

threshold = Activation("threshold", lambda z: (z >= 0).astype(z.dtype), jnp.zeros_like)
"""σ(z) = 1 for z ≥ 0 and 0 below, with σ′ = 0 (also at the jump, where no derivative exists)."""

relu = Activation("relu", jax.nn.relu, lambda z: (z > 0).astype(z.dtype))
"""σ(z) = max(z, 0), with σ′ = 1 for z > 0 and 0 elsewhere (also at the kink z = 0)."""

squared_relu = Activation("squared_relu", lambda z: jnp.square(jax.nn.relu(z)), lambda z: 2 * jax.nn.relu(z))
"""σ(z) = max(z, 0)², with σ′ = 2 max(z, 0) (So et al., Primer, arXiv:2109.08668, 2021)."""

softplus = Activation("softplus", jax.nn.softplus, logistic)
"""σ(z) = ln(1 + e^z), a smooth `relu`, whose derivative is the `logistic` function."""

leaky_relu = Activation("leaky_relu", lambda z: jnp.where(z > 0, z, 0.01 * z), lambda z: jnp.where(z > 0, 1.0, 0.01))
"""σ(z) = z for z > 0 and 0.01 z elsewhere, with σ′ = 1 and 0.01, so that no neuron dies as with `relu`."""

elu = Activation("elu", jax.nn.elu, lambda z: jnp.exp(jnp.minimum(z, 0)))
"""σ(z) = z for z > 0 and e^z − 1 elsewhere, bounded below by −1, with σ′ = 1 and e^z."""

silu = Activation(
    "silu",
    lambda z: _from_below(z) * logistic(z),
    lambda z: logistic(z) * (1 + _within(z) * logistic(-z)),
)
"""σ(z) = z/(1 + e^(−z)), also called swish, with σ′ = s (1 + z (1 − s)) for s = 1/(1 + e^(−z))."""


def _normal_cdf(z: Array) -> Array:
    return 0.5 * lax.erfc(-math.sqrt(0.5) * z)


gelu = Activation(
    "gelu",
    lambda z: _from_below(z) * _normal_cdf(z),
    lambda z: _normal_cdf(z) + _within(z) * jnp.exp(-0.5 * z * z) / math.sqrt(2 * math.pi),
)
"""σ(z) = z Φ(z) with the standard normal distribution function Φ, and σ′ = Φ(z) + z e^(−z²/2)/√(2π).

This is the exact form, not the tanh approximation.
"""

softmax = Activation("softmax", lambda z: jax.nn.softmax(_vector(z)), _softmax_jacobian)
"""σ(z)_i = e^(z_i)/Σ_j e^(z_j) over the last axis, with J_ij = y_i (δ_ij − y_j) for y = σ(z)."""

argmax = Activation("argmax", lambda z: z * _largest(z), lambda z: _diagonal(_largest(z)))
"""Keep the largest entry along the last axis and set the others to 0 (winner-take-all; the first of equals wins).

J has a single 1, at the winner's position on the diagonal.
"""
