"""Relaxation of a predictive-coding network, in the values of its nodes or in their errors."""

from collections.abc import Callable, Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Bool, Float, PRNGKeyArray

from neuraxis import check, values
from neuraxis.energy.clamped import Clamped
from neuraxis.energy.predictive_coding import Layers, PredictiveCoding, as_end
from neuraxis.engine.relax import relax
from neuraxis.errors import DivergedError, InputError


class Settled(eqx.Module):
    """Network after a relaxation."""

    values: Layers
    """Values x¹ … x^L."""
    errors: Layers
    """Errors ε¹ … ε^{L−1}."""
    energy: Float[Array, "..."]
    """Energy F, one value per leading index."""
    energy_at_first: Float[Array, "..."]
    """Energy before the first step, where only a clamped bottom has an error."""


class StateRelaxation(eqx.Module):
    """Gradient descent on F in the values of the free nodes, x ← x − step_size ∂F/∂x.

    The steps are Euler steps of the dynamics, of length `step_size` · τ, with errors that are at rest at all times.

    Called with a `Clamped` network, it returns the `Settled` network.

    Args:
        steps: number of steps.
        step_size: step size; above 2 divided by the largest curvature of F, which exceeds 1/ν, the steps diverge.

    Raises:
        InputError: for a number of steps below 1 or a step size that is not positive.
        DivergedError: if F increases, unless JAX is tracing.

    Source: Whittington and Bogacz, Neural Computation 29:1229 (2017).
    """

    steps: int = 20
    step_size: float | Array = 0.1

    def __check_init__(self):
        _check_steps(self.steps, self.step_size)

    def __call__(self, clamped: Clamped) -> Settled:
        """Relax the free nodes."""
        check.instance(Clamped, clamped=clamped)
        first = clamped.values_at_first()
        x = clamped.values(_settled(clamped.energy, first, self.steps, self.step_size))
        return _checked(clamped, x, clamped.network.errors(x), clamped.energy(first), self)


class ErrorRelaxation(eqx.Module):
    """Gradient descent on F in the errors of the free nodes, ε ← ε − step_size ∂F/∂ε.

    It reaches the same state of rest as `StateRelaxation`, in far fewer steps: each passes through all layers, down
    with the predictions and up with the gradient, as in backpropagation. This is not local, but learning at rest is.

    Called with a `Clamped` network, it returns the `Settled` network.

    Args:
        steps: number of steps.
        step_size: step size.

    Raises:
        InputError: for a number of steps below 1 or a step size that is not positive.
        DivergedError: if F increases, unless JAX is tracing.

    Source: Goemaere et al., arXiv:2505.20137 (2025).
    """

    steps: int = 5
    step_size: float | Array = 0.1

    def __check_init__(self):
        _check_steps(self.steps, self.step_size)

    def __call__(self, clamped: Clamped) -> Settled:
        """Relax the free nodes."""
        check.instance(Clamped, clamped=clamped)
        first = clamped.errors_at_first()
        errors = _settled(clamped.error_energy, first, self.steps, self.step_size)
        x = clamped.values_of_errors(errors)
        network = clamped.network
        # Errors that are small compared with the values are more accurate than differences of values.
        lowest = (x[0] - network.prediction(0, x[1])) / network.variances[0]
        found = (lowest, *(error for error in errors[1:-1] if error is not None))
        return _checked(clamped, x, found, clamped.error_energy(first), self)


Relaxation = Callable[[Clamped], Settled]


class Inference(eqx.Module):
    """The map from the bottom to the top: clamp x¹, let the rest settle, and return x^L.

    The values of the top are initialised to 1/n_L.

    Args:
        network: the network.
        relaxation: relaxation of the network, such as `ErrorRelaxation()`.

    Raises:
        InputError: for a network that is not a `PredictiveCoding`, or an invalid relaxation.
    """

    network: PredictiveCoding
    relaxation: Relaxation

    def __check_init__(self):
        check.instance(PredictiveCoding, network=self.network)
        check_relaxation(self.relaxation)

    def __call__(self, x: ArrayLike, *, key: PRNGKeyArray | None = None) -> Float[Array, "... top"]:
        """Map x¹ (…, n_1) to x^L (…, n_L)."""
        bottom = as_end("x", x, self.network.sizes[0], self.network.dtype)
        return self.relaxation(Clamped(self.network, bottom)).values[-1]


def diverged(network: PredictiveCoding, before: Array, after: Array) -> Bool[Array, "..."]:
    """Return where F, of each state or as a mean, is not finite after a relaxation, or has increased.

    With separate feedback weights an increase is allowed, since the dynamics then does not descend F.
    """
    if network.feedback is not None:
        return ~jnp.isfinite(after)
    return ~(after <= 1.01 * before + 1e-6)


def check_relaxation(relaxation: Any) -> None:
    """Check that a relaxation can be called with a clamped network.

    Raises:
        InputError: if it cannot.
    """
    if isinstance(relaxation, type) or not callable(relaxation):
        raise InputError(
            f"relaxation must be a relaxation such as ErrorRelaxation(steps=5), but is {check.received(relaxation)}"
        )


def _check_steps(steps: Any, step_size: Any) -> None:
    check.whole(steps=steps)
    check.positive(step_size=step_size)
    check.one_number(step_size=step_size)


def _settled(energy: Callable[..., Array], first: Any, steps: int, step_size: Any) -> Any:
    """Take the steps; if everything is clamped, there is nothing to relax."""
    return relax(energy, first, step_size=step_size, steps=steps).x if jax.tree.leaves(first) else first


def _checked(
    clamped: Clamped, x: Layers, errors: Sequence[Array], at_first: Array, relaxation: StateRelaxation | ErrorRelaxation
) -> Settled:
    settled = Settled(x, tuple(errors), clamped.network.energy_of_errors(errors), at_first)
    wrong = diverged(clamped.network, at_first, settled.energy)
    if not values.is_traced() and bool(jnp.any(wrong)):
        first, last = (np.asarray(energy)[np.asarray(wrong)][0] for energy in (at_first, settled.energy))
        raise DivergedError(
            f"the relaxation diverged: in steps of step_size={float(relaxation.step_size):g}, the energy went from "
            f"{first:.4g} to {last:.4g}; take a smaller step_size, or larger variances",
            relaxation.steps,
        )
    return settled
