"""Random spikes from outside: many independent inputs that fire as Poisson processes."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import lax
from jax.typing import ArrayLike
from jaxtyping import Array, Float, Int

from neuraxis import check

_FEW = 10.0  # expected spikes in a step up to which they are drawn by inversion


class PoissonInput(eqx.Module):
    """External spikes onto each neuron, independent of those onto any other.

    In each step a neuron receives k spikes, P(k) = λᵏ e^(−λ)/k! with λ = rate · dt, each of which adds `weight` to the
    charge of the receptor. So many inputs of a low rate are one with the sum of their rates.

    The spikes depend on the key and on the number of the step only, so that a run can be cut anywhere.

    Raises:
        InputError: for a rate that is negative, or a weight that is not finite.
    """

    rate: ArrayLike  # of all inputs of a neuron together, one for all or one a neuron [Hz]
    weight: ArrayLike  # w: area of the synaptic input that a spike causes, one for all or one a neuron
    key: jax.Array
    receptor: int = eqx.field(static=True, default=0)

    def __check_init__(self):
        check.not_negative(rate=self.rate)
        check.finite(weight=self.weight)
        check.whole(0, receptor=self.receptor)

    def arrivals(self, clock: Int[Array, ""], shape: tuple[int, ...], dt: ArrayLike) -> Float[Array, "..."]:
        """Give what arrives in step number `clock` of length `dt` [ms], for neurons of that shape."""
        expected = jnp.broadcast_to(jnp.asarray(self.rate) * dt / 1000, shape)
        key = jax.random.fold_in(self.key, clock)
        few = jnp.max(expected, initial=0) < _FEW
        return lax.cond(few, _poisson_by_inversion, _poisson, key, expected) * jnp.asarray(self.weight)


def _poisson(key: jax.Array, expected: Array) -> Array:
    return jax.random.poisson(key, expected).astype(expected.dtype)


def _poisson_by_inversion(key: jax.Array, expected: Array) -> Array:
    """Give the smallest k whose P(0) + … + P(k) exceeds a uniform number: for small k far faster than `_poisson`."""
    u = jax.random.uniform(key, expected.shape, expected.dtype)

    def body(carry):
        k, p, below = carry
        further = u >= below
        k = k + further
        p = p * expected / jnp.maximum(k, 1)
        return k, p, jnp.where(further, below + p, below)

    def unfinished(carry):
        _, p, below = carry
        return jnp.any((u >= below) & (p > jnp.finfo(p.dtype).tiny))  # rounding may keep the sum below u for ever

    none = jnp.exp(-expected)
    return lax.while_loop(unfinished, body, (jnp.zeros_like(expected), none, none))[0]
