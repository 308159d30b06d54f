"""Threshold, reset and refractory period, common to all integrate-and-fire membranes."""

from typing import NamedTuple

import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, Bool, Float, Int


class FiringRule(NamedTuple):
    """Threshold, reset and refractory period, each one for all neurons, or one per neuron."""

    threshold: ArrayLike  # at or above which a neuron fires
    reset: ArrayLike  # potential after a spike
    held: ArrayLike  # steps for which the potential stays there


def fire(
    moved: Float[Array, "*lead neuron"],
    v: Float[Array, "*lead neuron"],
    refractory: Int[Array, "*lead neuron"],
    rule: FiringRule,
) -> tuple[Float[Array, "*lead neuron"], Int[Array, "*lead neuron"], Bool[Array, "*lead neuron"]]:
    """Return potential, refractory steps and which neurons fired, if without a spike v would move to `moved`.

    u = v while refractory > 0, else moved
    u ≥ threshold: a spike, v = reset, refractory = held;  else v = u, refractory = max(refractory − 1, 0)
    """
    u = jnp.where(refractory > 0, v, moved)
    fired = u >= rule.threshold
    after = jnp.where(fired, rule.reset, u).astype(u.dtype)
    return after, jnp.where(fired, rule.held, jnp.maximum(refractory - 1, 0)), fired
