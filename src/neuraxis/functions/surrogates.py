"""Surrogate derivatives: a threshold that is exact in its value, with the gradient of a smooth function.

A neuron fires where u = v − v_th exceeds 0. The derivative of this step is 0 wherever it exists, so no gradient would
reach the weights before it. A surrogate computes the step H(u) exactly, and replaces its derivative by that of a smooth
function, in forward and reverse mode. Surrogates are constants that compare and hash by value, so a module can hold one
as a static field.
"""

import math
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Array, ArrayLike, Float

from neuraxis import check
from neuraxis.errors import InputError
from neuraxis.functions.precision import single
from neuraxis.values import with_values


class Surrogate:
    """Threshold, H(u) = 1 for u > 0 and 0 otherwise, whose derivative is taken to be `derivative(u)`.

    Subclasses are frozen dataclasses that define `derivative`.
    """

    def __call__(self, u: ArrayLike) -> Float[Array, "..."]:
        """Return 1 where u > 0 and 0 elsewhere, in the shape of u.

        Raises:
            InputError: for a u that does not hold real numbers.
        """
        return _step(self, check.floats("u", u))

    def derivative(self, u: Float[Array, "..."]) -> Float[Array, "..."]:
        """Return the replacement for H′(u)."""
        raise NotImplementedError


@partial(jax.custom_jvp, nondiff_argnums=(0,))
def _step(surrogate: Surrogate, u: Array) -> Array:
    return (u > 0).astype(u.dtype)


@_step.defjvp
def _(surrogate, primals, tangents):
    (u,), (du,) = primals, tangents
    return _step(surrogate, u), surrogate.derivative(u).astype(u.dtype) * du


def _floats(u: ArrayLike) -> Array:
    return single(check.floats("u", u))


def _positive(**field: Any) -> float:
    """Return a field as a Python float, so that the surrogate can be hashed."""
    check.positive(**field)
    ((name, value),) = field.items()
    if np.ndim(value) or isinstance(value, Tracer):
        raise InputError(f"{name} must be one concrete number, but is {check.received(value)}")
    return float(value)


@dataclass(frozen=True)
class FastSigmoid(Surrogate):
    """H′(u) ≈ 1/(1 + k|u|)², the derivative of the fast sigmoid u/(1 + k|u|).

    Raises:
        InputError: for a slope k that is not positive.

    Source: Zenke & Ganguli, Neural Computation 30:1514 (2018), SuperSpike.
    """

    slope: float | int = 25.0
    """Slope k."""

    __repr__ = with_values

    def __post_init__(self):
        object.__setattr__(self, "slope", _positive(slope=self.slope))

    def derivative(self, u: Float[Array, "..."]) -> Float[Array, "..."]:
        """Return 1/(1 + k|u|)²."""
        root = 1 / (1 + self.slope * jnp.abs(_floats(u)))
        return root * root


@dataclass(frozen=True)
class Arctan(Surrogate):
    """H′(u) ≈ (α/2)/(1 + (π α u/2)²), the derivative of ½ + arctan(π α u/2)/π. Its area is 1.

    Raises:
        InputError: for a slope α that is not positive.

    Source: Fang et al., ICCV 2021, Incorporating learnable membrane time constant.
    """

    slope: float | int = 2.0
    """Slope α."""

    __repr__ = with_values

    def __post_init__(self):
        object.__setattr__(self, "slope", _positive(slope=self.slope))

    def derivative(self, u: Float[Array, "..."]) -> Float[Array, "..."]:
        """Return (α/2)/(1 + (π α u/2)²)."""
        x = (math.pi * self.slope / 2) * _floats(u)
        return (self.slope / 2) / (1 + x * x)


@dataclass(frozen=True)
class Triangular(Surrogate):
    """H′(u) ≈ max(0, 1 − |u|/w): gradients pass only within a distance w of the threshold.

    Raises:
        InputError: for a width w that is not positive.

    Source: Esser et al., PNAS 113:11441 (2016); Bellec et al., NeurIPS 2018.
    """

    width: float | int = 1.0
    """Half-width w."""

    __repr__ = with_values

    def __post_init__(self):
        object.__setattr__(self, "width", _positive(width=self.width))

    def derivative(self, u: Float[Array, "..."]) -> Float[Array, "..."]:
        """Return max(0, 1 − |u|/w)."""
        return jnp.maximum(0, 1 - jnp.abs(_floats(u)) / self.width)
