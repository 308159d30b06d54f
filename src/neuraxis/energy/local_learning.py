"""How predictive coding learns: each weight by what the nodes at its two ends do once the network is at rest."""

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
    """A gradient by the parameters of a network, or these themselves."""

    weights: Layers
    biases: Layers
    feedback: Layers | None


def local_slopes(network: PredictiveCoding, settled: Settled) -> Slopes:
    """Return what the local rule descends, of a batch (N, n_i) at rest:

        ∂F/∂M^i = −σ(x^{i+1})ᵀ ε^i,    ∂F/∂β^i = −ε^i,    and for W^i the transpose −(ε^i)ᵀ σ(x^{i+1}),

    as means over the N examples. Each is a product of what is at hand on both sides of a weight.
    """  # noqa: D415 - the first line ends in an equation
    errors, active = settled.errors, [network.activation(x) for x in settled.values[1:]]
    product = lambda a, b: jnp.matmul(a.T, b, precision=lax.Precision.HIGHEST) / -len(b)
    # XLA does each product once where W and M learn alike.
    return Slopes(
        tuple(product(s, error) for s, error in zip(active, errors, strict=True)),
        tuple(-jnp.mean(error, axis=0) for error in errors),
        None if network.feedback is None else tuple(product(e, s) for s, e in zip(active, errors, strict=True)),
    )


def local_learning(optimizer: optax.GradientTransformation, relaxation: Relaxation) -> "LocalLearning":
    """Learn a predictive-coding network from batches (x, t), where `model(x)` is to give t.

    Both ends are clamped, the top to x and the bottom to t, the network settles, and its weights move along the local
    rule, τ_M dM^i/dt = σ(x^{i+1})ᵀ ε^i and, where they are separate, τ_M dW^i/dt = (ε^i)ᵀ σ(x^{i+1}).

    With a bottom whose variance ν¹ is large, errors become small, as 1/ν¹, and the change of the weights becomes that
    of backpropagation on ½‖model(x) − t‖², over ν¹. An optimiser such as Adam does not see this factor; for plain
    gradient descent it is part of the learning rate.

    The losses of `fit` are "loss", which is ½‖model(x) − t‖² before the relaxation (and on validation data), and
    "energy", which is F after it. Where F is larger than it was before, the relaxation diverges, the energy is NaN and
    `fit` stops: take a smaller step size, or larger variances.

    Args:
        optimizer: an optax transformation, such as `optax.adam(1e-3)`.
        relaxation: how the network settles, such as `ErrorRelaxation(steps=5, step_size=0.1)`.

    Raises:
        InputError: for an optimiser or relaxation that is none.

    Source: Whittington and Bogacz, Neural Computation 29:1229 (2017), eq. 2.19 and section 2.4.
    """
    if not isinstance(optimizer, optax.GradientTransformation):
        raise InputError(f"optimizer must be an optax transformation, such as optax.adam(1e-3), but is {optimizer!r}")
    check_relaxation(relaxation)
    return LocalLearning(optimizer, relaxation)


class LocalLearning(eqx.Module):
    """What `local_learning` makes."""

    optimizer: optax.GradientTransformation
    relaxation: Relaxation

    def init(self, model: PredictiveCoding) -> Any:
        """Return the state of the optimiser.

        Raises:
            InputError: for what is no predictive-coding network.
        """
        check.instance(PredictiveCoding, model=model)
        return self.optimizer.init(_parameters(model))

    def step(
        self, model: PredictiveCoding, state: Any, batch: tuple[Any, ...], *, key: PRNGKeyArray
    ) -> tuple[PredictiveCoding, Any, dict[str, Float[Array, " batch"]]]:
        """Learn from a batch (x, t)."""
        top, bottom = _pair(batch)
        settled = self.relaxation(Clamped(model, bottom, top))
        parameters, slopes = _parameters(model), local_slopes(model, settled)
        updates, state = self.optimizer.update(slopes, state, parameters)  # pyright: ignore[reportArgumentType]
        moved = eqx.tree_at(_parameters, model, optax.apply_updates(parameters, updates))
        # The energy of one example may rise a little at a kink of the activation; that of a batch does not.
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
    """½‖model(x) − t‖² of each example; with `descent`, the same network learns by backpropagation."""
    return squared_error(model(x), as_end("the targets", t, model.sizes[0], model.dtype))


def _pair(batch: tuple[Any, ...]) -> tuple[Any, Any]:
    if len(batch) != 2:
        raise InputError(
            f"the data must be two arrays (x, t), what is clamped at the top and at the bottom, but are {len(batch)}"
        )
    return batch[0], batch[1]


def _parameters(model: PredictiveCoding) -> Any:
    return Slopes(model.weights, model.biases, model.feedback)
