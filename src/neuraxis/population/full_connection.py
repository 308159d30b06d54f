"""The full matrix of weights between two populations, which decoding and encoding factor."""

from typing import Any

import equinox as eqx
import jax.numpy as jnp
from jax import lax
from jax.typing import ArrayLike
from jaxtyping import Array, Float, PRNGKeyArray

from neuraxis import check
from neuraxis.errors import InputError
from neuraxis.neurons.synapse import Synapse, SynapseState
from neuraxis.population.decoded import Decoded
from neuraxis.population.ensemble import Ensemble


def full_weights(source: Decoded, target: Ensemble) -> Float[Array, "from to"]:
    """Multiply the decoders of one population by the encoders of another: W_ij = ⟨d_i, e_j⟩ gain_j/radius.

    With them, neuron j is driven by Σ_i a_i W_ij + bias_j, as it is by way of the decoded value.

    Raises:
        InputError: for what is no `Decoded` or `Ensemble`, or a target of other dimensions than what is decoded.
    """
    check.instance(Decoded, source=source)
    check.instance(Ensemble, target=target)
    out, dimensions = source.decoders.shape[1], target.encoders.shape[1]
    if out != dimensions:
        raise InputError(f"target must have as many dimensions as source decodes, {out}, but has {dimensions}")
    check.array_fits("source and target", (len(source.decoders), len(target.encoders)))
    scaled = target.encoders * (target.gain / target.radius)[:, None]
    return jnp.matmul(source.decoders, scaled.T, precision=lax.Precision.HIGHEST)


class FullConnection(eqx.Module):
    """Population A drives population B through every single weight: a map of rates, and a dynamics.

    It gives the activities of B [Hz], equal to those by way of the decoded value: as a map to `target.rates(source(x))`
    and as a dynamics to `Chain(source, synapse, target)`, which take N·D + D·M multiplications instead of N·M. It is
    what the factored form stands for in a brain, and what a rule needs that learns single weights.

    Args:
        source: population A with its decoders.
        target: population B.
        synapse: filters the currents that arrive at B.

    Raises:
        InputError: as `full_weights`, or for what is no synapse.
    """

    source: Ensemble
    weight: Float[Array, "from to"]
    target: Ensemble
    synapse: Synapse

    def __init__(self, source: Decoded, target: Ensemble, synapse: Synapse = Synapse(5.0)):  # noqa: B008 - frozen
        check.instance(Synapse, synapse=synapse)
        self.weight = full_weights(source, target)
        self.source, self.target, self.synapse = source.ensemble, target, synapse

    def __call__(
        self, x: Float[ArrayLike, "... dimensions"], *, key: PRNGKeyArray | None = None
    ) -> Float[Array, "... to"]:
        """Return the steady rates of B [Hz] where A represents x."""
        return self.target.neurons.firing_rate(self._current(self.source.rates(x)) + self.target.bias)

    def init_state(self, input_shape: tuple[int, ...]) -> tuple[Any, SynapseState, Any]:
        """Start both populations at rest, for an x of shape (…, D)."""
        source = self.source.init_state(input_shape)
        before = tuple(input_shape[:-1])
        target = self.target.init_state((*before, self.target.encoders.shape[1]))
        return source, self.synapse.init_state((*before, self.weight.shape[1])), target

    def step(
        self, state: tuple[Any, SynapseState, Any], x: Float[ArrayLike, "... dimensions"], dt: ArrayLike
    ) -> tuple[tuple[Any, SynapseState, Any], Float[Array, "... to"]]:
        """Advance by `dt` [ms] while A is driven by x."""
        source, filtered, target = state
        source, activities = self.source.step(source, x, dt)
        filtered, current = self.synapse.step(filtered, self._current(activities), dt)
        target, out = self.target.fire(target, current + self.target.bias, dt)
        return (source, filtered, target), out

    def _current(self, activities: Array) -> Array:
        return jnp.matmul(activities, self.weight, precision=lax.Precision.HIGHEST)
