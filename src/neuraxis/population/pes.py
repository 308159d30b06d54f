"""Prescribed error sensitivity (PES): decoders that are learnt from an error alone, as a rule and in time.

T. MacNeil and C. Eliasmith, Fine-tuning and the stability of recurrent neural networks, PLoS ONE 6(9):e22885 (2011).
"""

from typing import Any, NamedTuple

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.typing import ArrayLike
from jaxtyping import Array, Float, PRNGKeyArray

from neuraxis import check
from neuraxis.errors import InputError
from neuraxis.neurons.received import received
from neuraxis.neurons.synapse import Synapse, SynapseState
from neuraxis.population.decoded import Decoded


class PES(eqx.Module):
    """Learn the decoders D (N, out) of an ensemble from examples of x and what is to be decoded there: a rule.

        ΔD = −(κ/N) aᵀ (f̂(x) − t)

    with the activities a (N,) in Hz, as the mean over the examples of a batch. It is gradient descent on half the
    squared error; the ensemble stays as it is. Steps are stable below κ = 2N/λ, for the largest eigenvalue λ of the
    mean of aᵀa, which is about 2/(mean of a²): some 10⁻⁴ for rates of 100 Hz.

    It learns a `Decoded`, from batches (x, targets) of (N, D) and (N, out). The losses are the squared errors.

    Args:
        learning_rate: κ [1/Hz²].

    Raises:
        InputError: for a learning rate that is not positive.
    """

    learning_rate: ArrayLike = 5e-5

    def __check_init__(self):
        _check_rate(self.learning_rate)

    def init(self, model: Decoded) -> tuple[()]:
        """Remember nothing.

        Raises:
            InputError: for what is no `Decoded`.
        """
        check.instance(Decoded, model=model)
        return ()

    def step(
        self, model: Decoded, state: tuple[()], batch: tuple[Any, ...], *, key: PRNGKeyArray
    ) -> tuple[Decoded, tuple[()], Float[Array, " batch"]]:
        """Learn from a batch (x, targets)."""
        x, targets = _pair(model, batch)
        activities = model.ensemble.rates(x)
        error = model.read(activities) - targets
        change = moved(activities, error) / len(targets)
        decoders = model.decoders - self.learning_rate * change
        return eqx.tree_at(lambda m: m.decoders, model, decoders), state, jnp.sum(jnp.square(error), axis=-1)

    def loss(self, model: Decoded, *batch: Any, key: PRNGKeyArray | None = None) -> Float[Array, " batch"]:
        """Return the squared error of each example."""
        x, targets = _pair(model, batch)
        return jnp.sum(jnp.square(model(x) - targets), axis=-1)


class OnlineState(NamedTuple):
    """Neurons that fire, and the decoders that are learnt from them."""

    neurons: Any
    filtered: SynapseState  # activities behind the synapse [Hz]
    decoders: Float[Array, "... size out"]


class OnlinePES(eqx.Module):
    """An ensemble that learns its decoders while it runs: a dynamics whose weights are part of its state.

        dD/dt = −(κ/N) sᵀ e,    output s D

    with the filtered activities s in Hz. Its input is a pair: x, which drives the ensemble, and the error e (out,) as
    it comes from outside, by which the output is too large; an error of 0 stops learning. Around it,
    `ClosedLoop(online, first, join)` makes the error of the last output and a target.

    Args:
        decoded: the ensemble, with the decoders to begin with.
        learning_rate: κ [1/(s·Hz²)]; the default is Nengo's.
        synapse: filters the activities.

    Raises:
        InputError: for what is no `Decoded` or synapse, or a learning rate that is not positive.
    """

    decoded: Decoded
    learning_rate: ArrayLike = 1e-4
    synapse: Synapse = Synapse(5.0)

    def __check_init__(self):
        check.instance(Decoded, decoded=self.decoded)
        check.instance(Synapse, synapse=self.synapse)
        _check_rate(self.learning_rate)

    def init_state(self, input_shape: tuple[tuple[int, ...], tuple[int, ...]]) -> OnlineState:
        """Start at rest and with the first decoders, for shapes of x (…, D) and of the error (…, out)."""
        if not (isinstance(input_shape, tuple) and len(input_shape) == 2 and isinstance(input_shape[0], tuple)):
            raise InputError(f"the input must be a pair of arrays (x, error), but has shape {input_shape}")
        (size, out), (x, error) = self.decoded.decoders.shape, input_shape
        check.last_axis(out, error=np.broadcast_to(0, error))
        neurons = self.decoded.init_state(x)
        before = x[:-1]
        decoders = jnp.broadcast_to(self.decoded.decoders, (*before, size, out))
        return OnlineState(neurons, self.synapse.init_state((*before, size)), decoders)

    def step(
        self, state: OnlineState, input: tuple[ArrayLike, ArrayLike], dt: ArrayLike
    ) -> tuple[OnlineState, Float[Array, "... out"]]:
        """Advance by `dt` [ms] under (x, error); the output is decoded before the decoders move."""
        x, error = input
        error = received((*state.decoders.shape[:-2], state.decoders.shape[-1]), dt, error=error)
        neurons, activities = self.decoded.ensemble.step(state.neurons, x, dt)
        filtered, s = self.synapse.step(state.filtered, activities, dt)
        out = jnp.einsum("...n,...no->...o", s, state.decoders, precision=lax.Precision.HIGHEST)
        rate = jnp.asarray(self.learning_rate) * dt / 1000
        change = s[..., :, None] * error[..., None, :] / s.shape[-1]
        return OnlineState(neurons, filtered, state.decoders - rate * change), out

    def learnt(self, state: OnlineState) -> Decoded:
        """Return the ensemble with the decoders of a state, which must be those of one run."""
        return Decoded(self.decoded.ensemble, state.decoders)


def moved(activities: Float[Array, "example size"], error: Float[Array, "example out"]) -> Float[Array, "size out"]:
    """Return aᵀe/N, summed over the examples: the direction in which PES moves decoders, for a rate of −1."""
    return jnp.matmul(activities.T, error, precision=lax.Precision.HIGHEST) / activities.shape[-1]


def _check_rate(learning_rate: Any) -> None:
    check.parameters(learning_rate=learning_rate)
    check.positive(learning_rate=learning_rate)
    check.one_number(learning_rate=learning_rate)


def _pair(model: Decoded, batch: tuple[Any, ...]) -> tuple[Array, Array]:
    """Return the examples and targets of a batch."""
    if len(batch) != 2:
        raise InputError(f"PES learns from pairs (x, targets), but the data are {len(batch)} arrays")
    x, targets = (check.floats(name, value) for name, value in zip(("x", "targets"), batch, strict=True))
    if targets.shape != (*x.shape[:-1], model.decoders.shape[1]) or targets.ndim != 2:
        expected = f"(examples, {model.decoders.shape[1]})"
        raise InputError(f"targets must have shape {expected}, but has shape {targets.shape}")
    return x, targets
