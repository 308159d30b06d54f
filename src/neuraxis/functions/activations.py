"""Activation functions σ(z), each with its own derivative.

An `Activation` is called like a function, `logistic(z)`, and knows its derivative, `logistic.derivative(z)`. All are
stable for |z| up to 1e4 and beyond, in value, derivative and under `jax.grad`. They are constants that compare and hash
by identity, so a module can hold one as a static field.

`identity`, `logistic`, `arctan`, `tanh`, `threshold`, `relu` and `softplus` act on each entry, and their derivative has
the shape of z. `softmax` and `argmax` act on the last axis, and their derivative is the Jacobian
J[…, i, j] = ∂σ(z)_i/∂z_j of shape (…, k, k).
"""

from collections.abc import Callable
from dataclasses import dataclass

import jax
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float

from neuraxis.errors import InputError


@dataclass(frozen=True)
class Activation:
    """A function σ with its derivative σ′, both of arrays; integers are taken as floats."""

    name: str
    _value: Callable[[Array], Array]
    _derivative: Callable[[Array], Array]

    def __call__(self, z: ArrayLike) -> Float[Array, "..."]:
        """Give σ(z), in the shape of z."""
        return self._value(_as_float(z))

    def derivative(self, z: ArrayLike) -> Float[Array, "..."]:
        """Give σ′(z): in the shape of z, or the Jacobian (…, k, k) of a function of the last axis."""
        return self._derivative(_as_float(z))

    def __repr__(self) -> str:
        return self.name


def _as_float(z: ArrayLike) -> Array:
    dtype = jnp.result_type(z, float)
    if not jnp.issubdtype(dtype, jnp.floating):
        raise InputError(f"an activation function takes real numbers, but z has dtype {dtype}")
    return jnp.asarray(z, dtype)


def _largest(z: Array) -> Array:
    """1 at the first of the largest entries of the last axis and 0 elsewhere."""
    place = jnp.argmax(_vector(z), axis=-1, keepdims=True)
    return (jnp.arange(z.shape[-1]) == place).astype(z.dtype)


def _vector(z: Array) -> Array:
    if z.ndim == 0 or z.shape[-1] == 0:
        raise InputError(f"z must have shape (…, k) with k ≥ 1, but has shape {z.shape}")
    return z


def _diagonal(d: Array) -> Array:
    return d[..., None] * jnp.eye(d.shape[-1], dtype=d.dtype)


def _softmax_jacobian(z: Array) -> Array:
    y = softmax(z)
    return _diagonal(y) - y[..., :, None] * y[..., None, :]


identity = Activation("identity", lambda z: z, jnp.ones_like)
"""σ(z) = z, with σ′ = 1."""

# σ(z) σ(−z) keeps its digits where σ is close to 1 and 1 − σ would cancel.
logistic = Activation("logistic", jax.nn.sigmoid, lambda z: logistic(z) * logistic(-z))
"""σ(z) = 1/(1 + e^(−z)), between 0 and 1, with σ′ = σ(z) (1 − σ(z)) ≤ ¼."""

arctan = Activation("arctan", jnp.arctan, lambda z: 1 / (1 + z * z))
"""σ(z) = arctan z, between −π/2 and π/2, with σ′ = 1/(1 + z²)."""

# 1/cosh² equals 1 − tanh² and keeps its digits in the tails.
tanh = Activation("tanh", jnp.tanh, lambda z: 1 / jnp.cosh(z) ** 2)
"""σ(z) = tanh z, between −1 and 1, with σ′ = 1 − tanh² z."""

threshold = Activation("threshold", lambda z: (z >= 0).astype(z.dtype), jnp.zeros_like)
"""σ(z) = 1 for z ≥ 0 and 0 below, with σ′ = 0 (also at the jump, where no derivative exists)."""

relu = Activation("relu", jax.nn.relu, lambda z: (z > 0).astype(z.dtype))
"""σ(z) = max(z, 0), with σ′ = 1 for z > 0 and 0 elsewhere (also at the kink z = 0)."""

softplus = Activation("softplus", jax.nn.softplus, logistic)
"""σ(z) = ln(1 + e^z), a smooth `relu`, whose derivative is the `logistic` function."""

softmax = Activation("softmax", lambda z: jax.nn.softmax(_vector(z)), _softmax_jacobian)
"""σ(z)_i = e^(z_i)/Σ_j e^(z_j) over the last axis, with J_ij = y_i (δ_ij − y_j) for y = σ(z)."""

argmax = Activation("argmax", lambda z: z * _largest(z), lambda z: _diagonal(_largest(z)))
"""The largest entry of the last axis kept, the rest 0 (winner takes all; of equal ones the first wins).

J has a single 1, at the winner's place on the diagonal.
"""
