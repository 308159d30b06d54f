"""A decoded ensemble with all constant factors folded into its matrices, for fast steps."""

from typing import Any

import equinox as eqx
import jax.numpy as jnp
from jax import lax
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from neuraxis.engine.dynamics import prepared
from neuraxis.kinds import Dynamics
from neuraxis.population.decoded import Decoded
from neuraxis.values import compiled

_FEW = 4  # dimensions up to which sums are faster than matrix products


class Folded(eqx.Module):
    """The step of a `Decoded`, Σ_i a_i(gain_i ⟨e_i, x⟩/radius + bias_i) d_i, with fewer operations.

    Gain and radius are folded into the encoders, and the factor 1000/dt from spikes to rates into the decoders. In few
    dimensions, sums over the neurons replace the matrix products, which XLA would call in every step.
    """

    neurons: Any
    encoders: Float[Array, "dimensions size"]
    bias: Float[Array, " size"]
    decoders: Float[Array, "out size"]

    def step(self, state: Any, x: Float[Array, "... dimensions"], dt: ArrayLike) -> tuple[Any, Float[Array, "... out"]]:
        """Advance the neurons by `dt` [ms] while they are driven by x, and decode their output."""
        if len(self.encoders) <= _FEW:
            drive = sum(x[..., i, None] * row for i, row in enumerate(self.encoders)) + self.bias
        else:
            drive = jnp.matmul(x, self.encoders, precision=lax.Precision.HIGHEST) + self.bias
        if isinstance(self.neurons, Dynamics):
            state, activities = self.neurons.step(state, drive, dt)
        else:
            activities = self.neurons.firing_rate(drive)
        if len(self.decoders) <= _FEW:
            return state, jnp.stack([jnp.sum(activities * row, axis=-1) for row in self.decoders], axis=-1)
        return state, jnp.matmul(activities, self.decoders.T, precision=lax.Precision.HIGHEST)


def folded(decoded: Decoded, dt: ArrayLike) -> Folded:
    """Return an equivalent of a decoded ensemble for steps of `dt` [ms]."""
    neurons = prepared(decoded.ensemble.neurons, dt)
    rate = 1000 / dt if isinstance(neurons, Dynamics) else 1.0
    encoders, decoders = _factors(decoded, rate)
    return Folded(neurons, encoders, decoded.ensemble.bias, decoders)


@compiled
def _factors(decoded: Decoded, rate: ArrayLike) -> tuple[Array, Array]:
    ensemble = decoded.ensemble
    return (ensemble.encoders * (ensemble.gain / ensemble.radius)[:, None]).T, decoded.decoders.T * rate
