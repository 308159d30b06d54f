"""Prescribed error sensitivity (PES): decoders learnt from an error signal, as a training rule and online.

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
    """Learn the decoders D (N, out) of an ensemble from examples of x and the target t to decode there: a rule.

        ΔD = −(κ/N) aᵀ (f̂(x) − t)

    with the activities a (N,) in Hz and f̂(x) = aD, averaged over the examples of a batch. It is gradient descent on
    half the squared error; the ensemble does not change. Steps are stable for κ < 2N/λ, where λ is the largest
    eigenvalue of the mean of aᵀa. This bound is about 2/(mean of a²), of the order of 10⁻⁴ for rates of 100 Hz.

    It trains a `Decoded` on batches (x, targets) of shapes (examples, dimensions) and (examples, out). The losses are
    the squared errors.

    Args:
        learning_rate: κ [1/Hz²].

    Raises:
        InputError: for a learning rate that is not positive.
    """

    learning_rate: ArrayLike = 5e-5

    def __check_init__(self):
        _check_rate(self.learning_rate)

    def init(self, model: Decoded) -> tuple[()]:
        """Return the empty state.

        Raises:
            InputError: for a model that is not a `Decoded`.
        """
        check.instance(Decoded, model=model)
        return ()

    def step(
        self, model: Decoded, state: tuple[()], batch: tuple[Any, ...], *, key: PRNGKeyArray
    ) -> tuple[Decoded, tuple[()], Float[Array, " batch"]]:
        """Update the decoders on a batch (x, targets)."""
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
    """State of the neurons and the synapse, and the decoders so far."""

    neurons: Any
    filtered: SynapseState  # activities filtered by the synapse [Hz]
    decoders: Float[Array, "... size out"]


class OnlinePES(eqx.Module):
    """An ensemble that learns its decoders while it runs: a dynamics whose weights are part of its state.

        dD/dt = −(κ/N) sᵀ e,    output s D

    with the filtered activities s in Hz. Its input is a pair: x, which drives the ensemble, and the error e (out,),
    output minus target, supplied from outside; an error of 0 stops learning. `ClosedLoop(online, first, join)` can
    compute the error from the previous output and a target.

    Args:
        decoded: the ensemble with its initial decoders.
        learning_rate: κ [1/(s·Hz²)]; the default is that of Nengo.
        synapse: filter of the activities.

    Raises:
        InputError: for a decoded that is not a `Decoded`, a synapse that is not a `Synapse`, or a learning rate that is
            not positive.
    """

    decoded: Decoded
    learning_rate: ArrayLike = 1e-4
    synapse: Synapse = Synapse(5.0)

    def __check_init__(self):
        check.instance(Decoded, decoded=self.decoded)
        check.instance(Synapse, synapse=self.synapse)
        _check_rate(self.learning_rate)

    def init_state(self, input_shape: tuple[tuple[int, ...], tuple[int, ...]]) -> OnlineState:
        """Return neurons at rest and the initial decoders, for shapes of x (…, dimensions) and the error (…, out)."""
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
        """Advance by `dt` [ms] under (x, error); the output is decoded before the decoders are updated."""
        x, error = input
        error = received((*state.decoders.shape[:-2], state.decoders.shape[-1]), dt, error=error)
        neurons, activities = self.decoded.ensemble.step(state.neurons, x, dt)
        filtered, s = self.synapse.step(state.filtered, activities, dt)
        out = jnp.einsum("...n,...no->...o", s, state.decoders, precision=lax.Precision.HIGHEST)
        rate = jnp.asarray(self.learning_rate) * dt / 1000
        change = s[..., :, None] * error[..., None, :] / s.shape[-1]
        return OnlineState(neurons, filtered, state.decoders - rate * change), out

    def learnt(self, state: OnlineState) -> Decoded:
        """Return the ensemble with the decoders of a state, which must be that of a single run."""
        return Decoded(self.decoded.ensemble, state.decoders)


def moved(activities: Float[Array, "example size"], error: Float[Array, "example out"]) -> Float[Array, "size out"]:
    """Return aᵀe/N, summed over the examples: the PES update of the decoders for κ = −1."""
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
