"""What a network receives from outside: the protocol, and spikes at given times."""

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
from neuraxis.spiking.projection import neurons as indices
from neuraxis.spiking.step_length import check_dt, check_step


@runtime_checkable
class ExternalInput(Protocol):
    """An input of a `SpikingNetwork` from outside.

    It may have two more methods: `check_size(size)` refuses to be an input of so many neurons, and `prepare(dt)`
    refuses steps of that length, or gives the same input, cheaper (see `neuraxis.kinds.Dynamics`).
    """

    receptor: int

    def arrivals(self, clock: Int[Array, ""], shape: tuple[int, ...], dt: ArrayLike, place: int) -> Float[Array, "..."]:
        """Return the charge that arrives in step number `clock` at neurons of that `shape`, (…, neuron).

        `place` counts the inputs of the network, for those that draw at random.
        """
        ...


class SpikeInput(eqx.Module):
    """Spikes at given times, such as recorded ones: spike e adds its weight to the charge of neuron `neurons[e]`.

    A spike arrives at the end of the step in which it falls: one at a time from i dt, exclusive, to (i + 1) dt in step
    i, and one at 0 in the first step. Times count from the first step of a network's state; copies of a network
    receive the same spikes.

    Args:
        times: when the spikes arrive, in any order [ms].
        neurons: the neuron each arrives at, or one for all.
        weight: w, the area of the synaptic input that a spike causes, one for all or one a spike.
        dt: step of the simulation [ms].
        receptor: which of the neuron's synaptic inputs the spikes arrive at.

    Raises:
        InputError: for times that are negative or not finite, lists of different lengths, what is no neuron, or a
            weight that is not finite.
    """

    neurons: Int[Array, " spike"]
    """Neuron of each spike, in the order of time."""
    weights: Float[Array, " spike"]
    offsets: Int[Array, " offset"]
    """The spikes of step i are those from offsets[i] to offsets[i + 1]."""
    most: int = eqx.field(static=True)
    """Largest number of spikes in a step."""
    dt: float = eqx.field(static=True)
    """Step in which the times are counted [ms]."""
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
            raise InputError("times, neurons and dt decide the shapes of an input, so they cannot be traced by JAX")
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
        # Decimals such as 0.3/0.1 lie a last digit beside the whole number of steps that is meant.
        steps = np.maximum(np.ceil(at / float(dt) - 1e-6), 1) - 1
        last = np.max(steps, initial=-1)
        check.memory(f"an input of {last + 1:.4g} steps", 12 * (last + 2))
        order = np.argsort(steps, kind="stable")
        counts = np.bincount(steps.astype(int), minlength=1)
        self.neurons = jnp.asarray(np.broadcast_to(onto, at.shape)[order], jnp.int32)
        self.weights = jnp.broadcast_to(weights, at.shape)[order]
        self.offsets = jnp.asarray(np.concatenate([[0], np.cumsum(counts)]), jnp.int32)
        self.most, self.dt, self.receptor = int(counts.max()), float(dt), int(receptor)

    def check_size(self, size: int) -> None:
        """Refuse spikes for neurons that the network does not have."""
        most = int(jnp.max(self.neurons, initial=0))
        if most >= size:
            raise InputError(f"the spikes of an input must be for neurons from 0 to {size - 1}, but one is for {most}")

    def prepare(self, dt: ArrayLike) -> "SpikeInput":
        """Refuse steps of another length than those that the times are counted in."""
        check_step("the times of an input", self.dt, dt)
        return self

    def arrivals(
        self, clock: Int[Array, ""], shape: tuple[int, ...], dt: ArrayLike, place: int = 0
    ) -> Float[Array, "..."]:
        """Return what arrives in step number `clock`, for neurons of that shape."""
        check_step("the times of an input", self.dt, dt)
        nothing = jnp.zeros(shape, self.weights.dtype)
        if not self.most:
            return nothing
        step = jnp.minimum(clock, len(self.offsets) - 1)  # from the last offset on nothing arrives
        first, end = self.offsets[step], self.offsets[jnp.minimum(step + 1, len(self.offsets) - 1)]
        begin = jnp.minimum(first, len(self.weights) - self.most)  # the window must not reach beyond the last spike
        index = begin + jnp.arange(self.most)
        neurons, weights = (lax.dynamic_slice(x, (begin,), (self.most,)) for x in (self.neurons, self.weights))
        return nothing.at[..., neurons].add(jnp.where((index >= first) & (index < end), weights, 0))


def check_entries(size: int, **fields: ArrayLike) -> None:
    """Every field is one number for all neurons, or one for each."""
    for name, value in fields.items():
        shape = np.shape(value)
        if shape and shape[-1] not in (1, size):
            raise InputError(f"{name} must have one entry for each of {size} neurons, but has shape {shape}")
