"""Gradient descent, momentum and weight decay as optax transformations, which can be chained with any other.

In the formulas θ are the parameters, E is the loss and κ the learning rate. A rate is a number or an optax schedule,
such as `optax.cosine_decay_schedule(0.1, 1000)` or any other function of the number of steps already taken.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, ArrayLike, PyTree

from neuraxis import check
from neuraxis.errors import InputError

Rate = float | Array | Callable[[Any], ArrayLike]
Count = PyTree  # number of steps taken, an integer array; None if the rate does not depend on it


def rate_at(rate: Rate, count: Count) -> ArrayLike:
    """Return a rate at a step: that of a schedule after `count` steps, or the number itself.

    Raises:
        InputError: for a schedule that does not return one real number.
    """
    if not callable(rate):
        return rate
    found = rate(count)
    if (
        np.ndim(found)
        or not isinstance(found, int | float | np.number | np.ndarray | jax.Array)
        or jnp.iscomplexobj(found)
    ):
        raise InputError(
            f"a schedule must return one number for a count of steps, but returned {check.received(found)}"
        )
    return found


def check_rate(check_number: Callable[..., None], **rates: Rate) -> None:
    """Check that a rate is a schedule, or one number that passes `check_number`.

    Raises:
        InputError: for anything else.
    """
    for name, rate in rates.items():
        if callable(rate):
            check.functions(**{name: rate})
            check.takes(name, rate, "count")
        else:
            check_number(**{name: rate})
            if np.ndim(rate):
                raise InputError(f"{name} must be one number, or a schedule, but has shape {np.shape(rate)}")


class Counted(NamedTuple):
    """State of a transformation whose rate may be a schedule."""

    count: Count


class MomentumState(NamedTuple):
    """The velocity v, in the structure of the parameters."""

    velocity: PyTree
    count: Count = None


def gradient_descent(learning_rate: Rate) -> optax.GradientTransformation:
    """θ ← θ − κ∇E, the Euler step of the gradient flow τ dθ/dt = −∇E with κ = dt/τ.

    Raises:
        InputError: for a learning rate that is not positive.
    """
    check_rate(check.positive, learning_rate=learning_rate)
    return optax.GradientTransformation(_Counting(learning_rate), _Descend(learning_rate))


def momentum(learning_rate: Rate, beta: float | Array = 0.9) -> optax.GradientTransformation:
    """Heavy-ball momentum, v ← βv + ∇E; θ ← θ − κv (Polyak, 1964).

    Raises:
        InputError: for a learning rate that is not positive, or β outside [0, 1).
    """
    check_rate(check.positive, learning_rate=learning_rate)
    check.fraction(beta=beta)
    check.one_number(beta=beta)
    return optax.GradientTransformation(_AtRest(learning_rate), _Roll(learning_rate, beta))


def weight_decay(rate: Rate) -> optax.GradientTransformation:
    """∇E ← ∇E + λθ, the gradient of E + (λ/2)‖θ‖². Chain it before the optimiser.

    `optax.chain(weight_decay(λ), gradient_descent(κ))` is θ ← θ − κ∇E − κλθ.

    Raises:
        InputError: for a negative rate.
    """
    check_rate(check.not_negative, rate=rate)
    return optax.GradientTransformation(_Counting(rate), _Decay(rate))


# The functions of the transformations. As modules they pass their numbers to compiled programs as values, so that
# training with different learning rates uses the same program.


class _Counting(eqx.Module):
    rate: Rate

    def __call__(self, params: PyTree) -> Counted:
        return Counted(_first(self.rate))


class _Descend(eqx.Module):
    rate: Rate

    def __call__(self, updates: PyTree, state: Any, params: PyTree = None) -> tuple[PyTree, Counted]:
        return _scaled(updates, self.rate, state.count, -1), Counted(_next(state.count))


class _Decay(eqx.Module):
    rate: Rate

    def __call__(self, updates: PyTree, state: Any, params: PyTree = None) -> tuple[PyTree, Counted]:
        decay = _scaled(params, self.rate, state.count, 1)
        return jax.tree.map(jnp.add, updates, decay), Counted(_next(state.count))


class _AtRest(eqx.Module):
    rate: Rate

    def __call__(self, params: PyTree) -> MomentumState:
        return MomentumState(jax.tree.map(jnp.zeros_like, params), _first(self.rate))


class _Roll(eqx.Module):
    rate: Rate
    beta: float | Array

    def __call__(self, updates: PyTree, state: Any, params: PyTree = None) -> tuple[PyTree, MomentumState]:
        velocity = jax.tree.map(lambda v, g: self.beta * v + g, state.velocity, updates)
        return _scaled(velocity, self.rate, state.count, -1), MomentumState(velocity, _next(state.count))


def _scaled(tree: PyTree, rate: Rate, count: Count, sign: int) -> PyTree:
    """Multiply by the rate, in the dtype of each array."""
    factor = rate_at(rate, count)
    return jax.tree.map(lambda x: sign * jnp.asarray(factor, x.dtype) * x, tree)


def _first(rate: Rate) -> Count:
    return jnp.zeros((), jnp.int32) if callable(rate) else None


def _next(count: Count) -> Count:
    return None if count is None else optax.safe_increment(count)
