"""External input of a network: the protocol, and spikes at given times."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.core import Tracer
from jax.typing import ArrayLike
from jaxtyping import Array, Float, Int

from neuraxis import check
from neuraxis.errors import InputError
from neuraxis.neurons.spike_train import steps_of
from neuraxis.spiking.projection import neurons as indices
from neuraxis.spiking.step_length import check_dt, check_step


@runtime_checkable
class ExternalInput(Protocol):
    """External input of a `SpikingNetwork`.

    Two further methods are optional: `check_size(size)` checks that the input fits that number of neurons, and
    `prepare(dt)` checks the step length and returns an equivalent, faster input (see `neuraxis.kinds.Dynamics`).
    """

    receptor: int

    def arrivals(self, clock: Int[Array, ""], shape: tuple[int, ...], dt: ArrayLike, place: int) -> Float[Array, "..."]:
        """Return the charge that arrives in step number `clock` at neurons of shape `shape`, (…, neuron).

        `place` is the index of the input in the network, for inputs that draw random numbers.
        """
        ...


class SpikeInput(eqx.Module):
    """Spikes at given times, such as recorded ones: spike e adds its weight to the charge of neuron `neurons[e]`.

    A spike at a time in (i dt, (i + 1) dt] arrives at the end of step i, and a spike at 0 at the end of the first step.
    Times are counted from the first step of a network's state; copies of a network receive the same spikes.

    Args:
        times: arrival times of the spikes, in any order [ms].
        neurons: target neuron of each spike, or one for all.
        weight: w, the area of the synaptic input that a spike causes, one for all or one per spike.
        dt: step length of the simulation [ms].
        receptor: index of the synaptic input at which the spikes arrive.

    Raises:
        InputError: for times that are negative or not finite, lists of different lengths, invalid indices of neurons,
            or a weight that is not finite.
    """

    neurons: Int[Array, " spike"]
    """Neuron of each spike, in order of time."""
    weights: Float[Array, " spike"]
    offsets: Int[Array, " offset"]
    """Start of each step's spikes: those of step i are offsets[i] to offsets[i + 1] − 1."""
    most: int = eqx.field(static=True)
    """Largest number of spikes in a step."""
    dt: float = eqx.field(static=True)
    """Length of the steps in which times are counted [ms]."""
    receptor: int = eqx.field(static=True)

    def __init__(
        self,
        times: ArrayLike | Sequence[float],
        neurons: ArrayLike | Sequence[int],
        weight: ArrayLike | Sequence[float] = 1.0,
        *,
        dt: float | int,
        receptor: int = 0,
    ):
        check_dt(dt)
        check.whole(0, receptor=receptor)
        if any(isinstance(x, Tracer) for x in (times, neurons, dt)):
            raise InputError("times, neurons and dt determine the shapes of an input, so they cannot be traced by JAX")
        check.not_negative(times=times)
        check.finite(weight=weight)
        at = np.asarray(check.array("times", times), float)
        onto = indices("neurons", np.atleast_1d(check.array("neurons", neurons)))
        weights = jnp.asarray(weight, jnp.result_type(float))
        if at.ndim != 1 or onto.shape not in ((1,), at.shape) or weights.shape not in ((), at.shape):
            raise InputError(
                f"times must be a list, with one neuron and one weight for all or for each, but times has shape "
                f"{at.shape}, neurons {onto.shape} and weight {weights.shape}"
            )
        last = np.max(at, initial=0) / float(dt)
        check.memory(f"an input of {last:.4g} steps", 12 * (last + 2))
        steps = steps_of(at, float(dt))
        order = np.argsort(steps, kind="stable")
        counts = np.bincount(steps, minlength=1)
        self.neurons = jnp.asarray(np.broadcast_to(onto, at.shape)[order], jnp.int32)
        self.weights = jnp.broadcast_to(weights, at.shape)[order]
        self.offsets = jnp.asarray(np.concatenate([[0], np.cumsum(counts)]), jnp.int32)
        self.most, self.dt, self.receptor = int(counts.max()), float(dt), int(receptor)

    def check_size(self, size: int) -> None:
        """Check that the network has the target neurons of all spikes."""
        most = int(jnp.max(self.neurons, initial=0))
        if most >= size:
            raise InputError(f"the spikes of an input must be for neurons from 0 to {size - 1}, but one is for {most}")

    def prepare(self, dt: ArrayLike) -> "SpikeInput":
        """Check that steps have the length in which times are counted."""
        check_step("the times of an input", self.dt, dt)
        return self

    def arrivals(
        self, clock: Int[Array, ""], shape: tuple[int, ...], dt: ArrayLike, place: int = 0
    ) -> Float[Array, "..."]:
        """Return the charge that arrives in step number `clock` at neurons of shape `shape`."""
        check_step("the times of an input", self.dt, dt)
        nothing = jnp.zeros(shape, self.weights.dtype)
        if not self.most:
            return nothing
        step = jnp.minimum(clock, len(self.offsets) - 1)  # nothing arrives from the last offset on
        first, end = self.offsets[step], self.offsets[jnp.minimum(step + 1, len(self.offsets) - 1)]
        begin = jnp.minimum(first, len(self.weights) - self.most)  # the window must not reach beyond the last spike
        index = begin + jnp.arange(self.most)
        neurons, weights = (lax.dynamic_slice(x, (begin,), (self.most,)) for x in (self.neurons, self.weights))
        return nothing.at[..., neurons].add(jnp.where((index >= first) & (index < end), weights, 0))


def check_entries(size: int, **fields: ArrayLike) -> None:
    """Check that every field has one entry for all neurons, or one per neuron."""
    for name, value in fields.items():
        shape = np.shape(value)
        if shape and shape[-1] not in (1, size):
            raise InputError(f"{name} must have one entry for each of {size} neurons, but has shape {shape}")
