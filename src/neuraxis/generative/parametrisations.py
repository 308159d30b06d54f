"""Prediction targets of the network of a diffusion model: the noise ε, the v of distillation, or a flow's velocity.

Each is y = p x₀ + q ε, with coefficients that depend only on the time. Since x_t = a x₀ + s ε is known, each of them
determines the others: x₀ = (q x_t − s y)/D and ε = (a y − p x_t)/D, with D = a q − s p.
"""

from typing import NamedTuple, Protocol, runtime_checkable

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float

from neuraxis.generative.noise_schedule import Level


class Weights(NamedTuple):
    """The coefficients of y = p x₀ + q ε."""

    clean: Float[Array, "..."]  # p
    noise: Float[Array, "..."]  # q


@runtime_checkable
class Parametrisation(Protocol):
    """A prediction target y = p x₀ + q ε."""

    def weights(self, level: Level, /) -> Weights:
        """Return p and q."""
        ...


class Noise(eqx.Module):
    """y = ε, of Ho, Jain and Abbeel (2020): x₀ is poorly determined near pure noise, where D = a is small."""

    def weights(self, level: Level) -> Weights:
        """Return p = 0 and q = 1."""
        return Weights(jnp.zeros_like(level.signal), jnp.ones_like(level.signal))


class V(eqx.Module):
    """y = a ε − s x₀, of Salimans and Ho, Progressive distillation (2022): D = a² + s², which is 1 for `from_beta`."""

    def weights(self, level: Level) -> Weights:
        """Return p = −s and q = a."""
        return Weights(-level.noise, level.signal)


class Velocity(eqx.Module):
    """y = ε − x₀ = dx/dt on a `straight` path, where D = a + s = 1: flow matching (Lipman et al., 2023)."""

    def weights(self, level: Level) -> Weights:
        """Return p = −1 and q = 1."""
        return Weights(-jnp.ones_like(level.signal), jnp.ones_like(level.signal))


def target(weights: Weights, clean: ArrayLike, noise: ArrayLike) -> Float[Array, "..."]:
    """Return y from x₀ and ε."""
    return weights.clean * jnp.asarray(clean) + weights.noise * jnp.asarray(noise)


def determinant(weights: Weights, level: Level) -> Float[Array, "..."]:
    """Return D; where it is 0, y does not determine x₀."""
    return level.signal * weights.noise - level.noise * weights.clean


def clean_and_noise(
    weights: Weights, level: Level, x: Float[Array, "..."], y: Float[Array, "..."]
) -> tuple[Float[Array, "..."], Float[Array, "..."]]:
    """Return x₀ and ε from x_t and y."""
    D = determinant(weights, level)
    return (weights.noise * x - level.noise * y) / D, (level.signal * y - weights.clean * x) / D
