"""What the network of a diffusion model predicts: the noise ε, the v of distillation, or the velocity of a flow.

Each is y = p x₀ + q ε with coefficients that depend on the time alone. As x_t = a x₀ + s ε is known, too, every one of
them says all that the others do: x₀ = (q x_t − s y)/D and ε = (a y − p x_t)/D, with D = a q − s p.
"""

from typing import Protocol, runtime_checkable

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float

from neuraxis.generative.noise_schedule import Level


@runtime_checkable
class Parametrisation(Protocol):
    """What is predicted, y = p x₀ + q ε."""

    def weights(self, level: Level, /) -> tuple[Array, Array]:
        """Give p and q."""
        ...


class Noise(eqx.Module):
    """y = ε, of Ho, Jain and Abbeel (2020): easy near the data and hard to use near the noise, where D = a is small."""

    def weights(self, level: Level) -> tuple[Array, Array]:
        """Give p = 0 and q = 1."""
        return jnp.zeros_like(level.signal), jnp.ones_like(level.signal)


class V(eqx.Module):
    """y = a ε − s x₀, of Salimans and Ho, Progressive distillation (2022): D = a² + s², which is 1 for `from_beta`."""

    def weights(self, level: Level) -> tuple[Array, Array]:
        """Give p = −s and q = a."""
        return -level.noise, level.signal


class Velocity(eqx.Module):
    """y = ε − x₀ = dx/dt on a `straight` path, where D = a + s = 1: flow matching (Lipman et al., 2023)."""

    def weights(self, level: Level) -> tuple[Array, Array]:
        """Give p = −1 and q = 1."""
        return -jnp.ones_like(level.signal), jnp.ones_like(level.signal)


def target(what: Parametrisation, level: Level, clean: ArrayLike, noise: ArrayLike) -> Array:
    """Give y of x₀ and ε."""
    p, q = what.weights(level)
    return p * jnp.asarray(clean) + q * jnp.asarray(noise)


def clean_and_noise(
    what: Parametrisation, level: Level, x: Float[Array, "..."], y: Float[Array, "..."]
) -> tuple[Array, Array]:
    """Give x₀ and ε of x_t and y."""
    p, q = what.weights(level)
    determinant = level.signal * q - level.noise * p
    return (q * x - level.noise * y) / determinant, (level.signal * y - p * x) / determinant
