"""Functions decoded from a population."""

from typing import TYPE_CHECKING, Any

import equinox as eqx
import jax.numpy as jnp
from jax import lax
from jax.typing import ArrayLike
from jaxtyping import Array, Float, PRNGKeyArray

from neuraxis import check
from neuraxis.errors import InputError
from neuraxis.neurons.received import numbers

if TYPE_CHECKING:
    from neuraxis.population.ensemble import Ensemble


class Decoded(eqx.Module):
    """An ensemble with decoders d (N, out), which estimates a function of x.

        f̂(x) = Σ_i a_i(x) d_i

    As a map, the activities a are the steady-state rates. As a dynamics, they are the output of the neurons in each
    step; spikes yield a train of pulses, to be filtered by a `neuraxis.neurons.Synapse`. Since filters are linear, it
    is enough to filter the decoded value instead of the spike trains of all neurons.

    `Ensemble.decode` finds the decoders of a function.

    Raises:
        InputError: for an ensemble that is not an `Ensemble`, or decoders that are not finite or have another shape.
    """

    ensemble: "Ensemble"
    decoders: Float[Array, "size out"]

    def __init__(self, ensemble: "Ensemble", decoders: ArrayLike):
        from neuraxis.population.ensemble import Ensemble  # a circular import: ensembles return these

        check.instance(Ensemble, ensemble=ensemble)
        decoders, size = numbers(decoders=decoders), len(ensemble.encoders)
        if decoders.ndim != 2 or len(decoders) != size or not decoders.shape[1]:
            raise InputError(f"decoders must have shape ({size}, out), but has shape {decoders.shape}")
        self.ensemble, self.decoders = ensemble, decoders

    def __call__(
        self, x: Float[ArrayLike, "... dimensions"], *, key: PRNGKeyArray | None = None
    ) -> Float[Array, "... out"]:
        """Decode the steady rates at x."""
        return self.read(self.ensemble.rates(x))

    def init_state(self, input_shape: tuple[int, ...]) -> Any:
        """Return the resting state of the neurons for an x of shape (…, D)."""
        return self.ensemble.init_state(input_shape)

    def prepare(self, dt: ArrayLike) -> "Decoded":
        """Return an equivalent with fewer operations per step of `dt` [ms]."""
        from neuraxis.population.folded import Folded

        return self if isinstance(self, Folded) else Folded(self, dt)

    def step(
        self, state: Any, x: Float[ArrayLike, "... dimensions"], dt: ArrayLike
    ) -> tuple[Any, Float[Array, "... out"]]:
        """Advance the neurons by `dt` [ms] while they are driven by x, and decode their output."""
        state, activities = self.ensemble.step(state, x, dt)
        return state, self.read(activities)

    def read(self, activities: Float[Array, "... size"]) -> Float[Array, "... out"]:
        """Decode activities [Hz]."""
        return jnp.matmul(activities, self.decoders, precision=lax.Precision.HIGHEST)
