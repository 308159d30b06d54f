"""The full weight matrix between two populations, which decoders and encoders factorise."""

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

    With these weights neuron j is driven by Σ_i a_i W_ij + bias_j, as it is by the decoded value.

    Raises:
        InputError: for a source that is not a `Decoded`, a target that is not an `Ensemble`, or a target of other
            dimensions than the decoded value.
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
    """Population A drives population B by the full weight matrix: a map of rates, and a dynamics.

    Its output, the activities of B [Hz], equals that of the factored form: `target.rates(source(x))` as a map, and
    `Chain(source, synapse, target)` as a dynamics. For N and M neurons and D dimensions, the factored form takes
    N·D + D·M multiplications instead of N·M. The full form is what the factored one stands for in a brain, and what
    learning rules for individual weights need.

    Args:
        source: population A with its decoders.
        target: population B.
        synapse: filter of the currents that arrive at B.

    Raises:
        InputError: as for `full_weights`, or for a synapse that is not a `Synapse`.
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
        """Return the steady-state rates of B [Hz] when A represents x."""
        return self.target.neurons.firing_rate(self._current(self.source.rates(x)) + self.target.bias)

    def init_state(self, input_shape: tuple[int, ...]) -> tuple[Any, SynapseState, Any]:
        """Return the state of both populations at rest, for an x of shape (…, D)."""
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
