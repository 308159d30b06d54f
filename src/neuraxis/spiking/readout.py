"""Readouts: the activity of output neurons over time reduced to one logit per class."""

from collections.abc import Callable
from typing import NamedTuple

import equinox as eqx
import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, Float, Int

from neuraxis import check
from neuraxis.neurons.discrete_lif import DiscreteLIF, LeakyIntegrator


class ReadoutState(NamedTuple):
    """Potential of the output neurons, logits so far, and the number of steps so far."""

    v: Float[Array, "..."]
    logits: Float[Array, "..."]
    steps: Int[Array, ""]


class Readout(eqx.Module):
    """A dynamics that wraps output neurons, and whose output in every step is the logits so far.

    Args:
        neurons: the output neurons.
        fold: `fold(logits, output, n)` updates the logits by the output of the neurons in step n = 1, 2, ….

    The logits are accumulated in the state, so that no time course needs to be stored.
    """

    neurons: DiscreteLIF | LeakyIntegrator
    fold: Callable = eqx.field(static=True)

    def init_state(self, input_shape: tuple[int, ...] = ()) -> ReadoutState:
        """Return the state with neurons at rest and logits of 0."""
        v = self.neurons.init_state(input_shape)
        return ReadoutState(v, jnp.zeros_like(v), jnp.zeros((), jnp.int32))

    def step(
        self, state: ReadoutState, input: ArrayLike, dt: ArrayLike = 1.0
    ) -> tuple[ReadoutState, Float[Array, "..."]]:
        """Advance the neurons by `dt` [ms] and update the logits by their output.

        Raises:
            InputError: for a state that is not a `ReadoutState`, or inputs that the neurons refuse.
        """
        check.instance(ReadoutState, state=state)
        v, output = self.neurons.step(state.v, input, dt)
        steps = state.steps + 1
        logits = self.fold(state.logits, output, steps)
        return ReadoutState(v, logits, steps), logits


def _add(logits: Array, output: Array, n: Array) -> Array:
    return logits + output


def _average(logits: Array, output: Array, n: Array) -> Array:
    return logits + (output - logits) / n


def _largest(logits: Array, output: Array, n: Array) -> Array:
    return jnp.where((n == 1) | (output > logits), output, logits)


def spike_count(neurons: DiscreteLIF) -> Readout:
    """Count the spikes of the output neurons: y = Σ_t s(t)."""
    check.instance(DiscreteLIF, neurons=neurons)
    return Readout(neurons, _add)


def mean_potential(neurons: DiscreteLIF) -> Readout:
    """Average the potential of output neurons that do not fire: y = (1/T) Σ_t v(t)."""
    check.instance(DiscreteLIF, neurons=neurons)
    return Readout(LeakyIntegrator(neurons.tau_m), _average)


def max_potential(neurons: DiscreteLIF) -> Readout:
    """Take the maximum potential of output neurons that do not fire: y = max_t v(t)."""
    check.instance(DiscreteLIF, neurons=neurons)
    return Readout(LeakyIntegrator(neurons.tau_m), _largest)
