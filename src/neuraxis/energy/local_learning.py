"""Local learning in predictive coding: a weight changes with the nodes at its two ends, once the network is at rest."""

from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
import jax.numpy as jnp
import optax
from jax import lax
from jaxtyping import Array, ArrayLike, Float, PRNGKeyArray

from neuraxis import check
from neuraxis.energy.clamped import Clamped
from neuraxis.energy.predictive_coding import Layers, PredictiveCoding, as_end
from neuraxis.energy.relaxation import Relaxation, Settled, check_relaxation, diverged
from neuraxis.errors import InputError
from neuraxis.functions.losses import squared_error


class Slopes(NamedTuple):
    """Gradient with respect to the parameters of a network, or the parameters themselves."""

    weights: Layers
    biases: Layers
    feedback: Layers | None


def local_slopes(network: PredictiveCoding, settled: Settled) -> Slopes:
    """Return the gradient that the local rule descends, for a batch (N, n_i) at rest:

        ∂F/∂M^i = −σ(x^{i+1})ᵀ ε^i,    ∂F/∂β^i = −ε^i,    and for W^i the transpose −(ε^i)ᵀ σ(x^{i+1}),

    averaged over the N examples. Each is a product of quantities at the two ends of a weight.
    """  # noqa: D415 - the first line ends in an equation
    errors, active = settled.errors, [network.activation(x) for x in settled.values[1:]]
    product = lambda a, b: jnp.matmul(a.T, b, precision=lax.Precision.HIGHEST) / -len(b)
    # Where W and M learn alike, XLA computes each product once.
    return Slopes(
        tuple(product(s, error) for s, error in zip(active, errors, strict=True)),
        tuple(-jnp.mean(error, axis=0) for error in errors),
        None if network.feedback is None else tuple(product(e, s) for s, e in zip(active, errors, strict=True)),
    )


def local_learning(optimizer: optax.GradientTransformation, relaxation: Relaxation) -> "LocalLearning":
    """Train a predictive-coding network on batches (x, t), so that `model(x)` predicts t.

    Both ends are clamped, the top to x and the bottom to t; the network settles, and its weights follow the local rule,
    τ_M dM^i/dt = σ(x^{i+1})ᵀ ε^i and, if they are separate, τ_M dW^i/dt = (ε^i)ᵀ σ(x^{i+1}).

    If the variance ν¹ of the bottom is large, errors scale as 1/ν¹, and the weight changes approach those of
    backpropagation on ½‖model(x) − t‖², divided by ν¹. Optimisers such as Adam are invariant to this factor; for plain
    gradient descent it is part of the learning rate.

    The losses of `fit` are "loss", ½‖model(x) − t‖² before the relaxation (and on validation data), and "energy", F
    after it. If F has increased, the relaxation has diverged, the energy is NaN and `fit` stops: choose a smaller step
    size, or larger variances.

    Args:
        optimizer: an optax transformation, such as `optax.adam(1e-3)`.
        relaxation: relaxation of the network, such as `ErrorRelaxation(steps=5, step_size=0.1)`.

    Raises:
        InputError: for an optimiser that is not an optax transformation, or an invalid relaxation.

    Source: Whittington and Bogacz, Neural Computation 29:1229 (2017), eq. 2.19 and section 2.4.
    """
    if not isinstance(optimizer, optax.GradientTransformation):
        raise InputError(f"optimizer must be an optax transformation, such as optax.adam(1e-3), but is {optimizer!r}")
    check_relaxation(relaxation)
    return LocalLearning(optimizer, relaxation)


class LocalLearning(eqx.Module):
    """Rule of `local_learning`."""

    optimizer: optax.GradientTransformation
    relaxation: Relaxation

    def init(self, model: PredictiveCoding) -> Any:
        """Return the state of the optimiser.

        Raises:
            InputError: for a model that is not a `PredictiveCoding`.
        """
        check.instance(PredictiveCoding, model=model)
        return self.optimizer.init(_parameters(model))

    def step(
        self, model: PredictiveCoding, state: Any, batch: tuple[Any, ...], *, key: PRNGKeyArray
    ) -> tuple[PredictiveCoding, Any, dict[str, Float[Array, " batch"]]]:
        """Update the network on a batch (x, t)."""
        top, bottom = _pair(batch)
        settled = self.relaxation(Clamped(model, bottom, top))
        parameters, slopes = _parameters(model), local_slopes(model, settled)
        updates, state = self.optimizer.update(slopes, state, parameters)  # pyright: ignore[reportArgumentType]
        moved = eqx.tree_at(_parameters, model, optax.apply_updates(parameters, updates))
        # The energy of one example may rise slightly at a kink of the activation; the mean over a batch does not.
        wrong = diverged(model, jnp.mean(settled.energy_at_first), jnp.mean(settled.energy))
        energy = jnp.where(wrong, jnp.nan, settled.energy)
        return moved, state, {"loss": prediction_error(model, top, bottom), "energy": energy}

    @property
    def loss(self) -> Callable[..., Float[Array, " batch"]]:
        """Half the squared error of the prediction."""
        return prediction_error


def prediction_error(
    model: PredictiveCoding, x: ArrayLike, t: ArrayLike, *, key: PRNGKeyArray | None = None
) -> Float[Array, " batch"]:
    """Return ½‖model(x) − t‖² of each example; with `descent`, it trains the same network by backpropagation."""
    return squared_error(model(x), as_end("the targets", t, model.sizes[0], model.dtype))


def _pair(batch: tuple[Any, ...]) -> tuple[Any, Any]:
    if len(batch) != 2:
        raise InputError(
            f"the data must be two arrays (x, t), to clamp at the top and at the bottom, but are {len(batch)}"
        )
    return batch[0], batch[1]


def _parameters(model: PredictiveCoding) -> Any:
    return Slopes(model.weights, model.biases, model.feedback)
