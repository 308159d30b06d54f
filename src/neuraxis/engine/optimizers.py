"""Gradient descent, momentum and weight decay as optax transformations, to be chained with everything in optax.

In the formulas θ are the parameters, E the loss, κ the learning rate.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax
from jaxtyping import PyTree

from neuraxis import check


def gradient_descent(learning_rate: float) -> optax.GradientTransformation:
    """θ ← θ − κ∇E, the Euler step of the gradient flow τ dθ/dt = −∇E with κ = dt/τ.

    Raises:
        InputError: for a learning rate that is not positive.
    """
    check.positive(learning_rate=learning_rate)

    def update(updates, state, params=None):
        return jax.tree.map(lambda g: -learning_rate * g, updates), state

    return optax.GradientTransformation(lambda params: optax.EmptyState(), update)


class MomentumState(NamedTuple):
    """The velocity v, shaped as the parameters."""

    velocity: PyTree


def momentum(learning_rate: float, beta: float = 0.9) -> optax.GradientTransformation:
    """V ← βv + ∇E; θ ← θ − κv (Polyak, 1964).

    Raises:
        InputError: for a learning rate that is not positive, or β outside [0, 1).
    """
    check.positive(learning_rate=learning_rate)
    check.fraction(beta=beta)

    def update(updates, state, params=None):
        velocity = jax.tree.map(lambda v, g: beta * v + g, state.velocity, updates)
        return jax.tree.map(lambda v: -learning_rate * v, velocity), MomentumState(velocity)

    return optax.GradientTransformation(lambda params: MomentumState(jax.tree.map(jnp.zeros_like, params)), update)


def weight_decay(rate: float) -> optax.GradientTransformation:
    """∇E ← ∇E + λθ, the gradient of E + (λ/2)‖θ‖². Chain it before the step.

    `optax.chain(weight_decay(λ), gradient_descent(κ))` is θ ← θ − κ∇E − κλθ.

    Raises:
        InputError: for a negative rate.
    """
    check.not_negative(rate=rate)

    def update(updates, state, params=None):
        return jax.tree.map(lambda g, p: g + rate * p, updates, params), state

    return optax.GradientTransformation(lambda params: optax.EmptyState(), update)


def rate_at(rate, count):
    """Give a rate."""
    return rate(count) if callable(rate) else rate
