"""A decoded ensemble with all constant factors folded into its matrices, for fast steps."""

from typing import Any

import jax.numpy as jnp
from jax import lax
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from neuraxis.engine.dynamics import prepared
from neuraxis.kinds import Dynamics
from neuraxis.population.decoded import Decoded
from neuraxis.values import compiled

_FEW = 4  # dimensions up to which sums are faster than matrix products


class Folded(Decoded):
    """A `Decoded` whose step, Σ_i a_i(gain_i ⟨e_i, x⟩/radius + bias_i) d_i, takes fewer operations.

    Gain and radius are folded into the encoders, and the factor 1000/dt from spikes to rates into the decoders. In few
    dimensions, sums over the neurons replace the matrix products, which XLA would call in every step.
    """

    drives: Float[Array, "dimensions size"]
    readouts: Float[Array, "out size"]

    def __init__(self, decoded: Decoded, dt: ArrayLike):
        """Fold the factors for steps of `dt` [ms]."""
        self.ensemble, self.decoders = prepared(decoded.ensemble, dt), decoded.decoders
        rate = 1000 / dt if isinstance(self.ensemble.neurons, Dynamics) else 1.0
        self.drives, self.readouts = _factors(decoded, rate)

    def step(
        self, state: Any, x: Float[ArrayLike, "... dimensions"], dt: ArrayLike
    ) -> tuple[Any, Float[Array, "... out"]]:
        """Advance the neurons by `dt` [ms] while they are driven by x, and decode their output."""
        x, neurons, bias = jnp.asarray(x), self.ensemble.neurons, self.ensemble.bias
        if len(self.drives) <= _FEW:
            drive = sum(x[..., i, None] * row for i, row in enumerate(self.drives)) + bias
        else:
            drive = jnp.matmul(x, self.drives, precision=lax.Precision.HIGHEST) + bias
        if isinstance(neurons, Dynamics):
            state, activities = neurons.step(state, drive, dt)
        else:
            activities = neurons.firing_rate(drive)
        if len(self.readouts) <= _FEW:
            return state, jnp.stack([jnp.sum(activities * row, axis=-1) for row in self.readouts], axis=-1)
        return state, jnp.matmul(activities, self.readouts.T, precision=lax.Precision.HIGHEST)


@compiled
def _factors(decoded: Decoded, rate: ArrayLike) -> tuple[Array, Array]:
    ensemble = decoded.ensemble
    return (ensemble.encoders * (ensemble.gain / ensemble.radius)[:, None]).T, decoded.decoders.T * rate
