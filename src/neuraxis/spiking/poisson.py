"""External Poisson input: many independent sources that fire as Poisson processes."""

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.core import Tracer
from jax.typing import ArrayLike
from jaxtyping import Array, Float, Int

from neuraxis import check
from neuraxis.errors import InputError
from neuraxis.spiking.external import check_entries

_FEW = 10.0  # expected spikes per step up to which their number is drawn by inversion
_ROUNDS = 48  # iterations, which practically always suffice: P(k > 48) < 10⁻¹⁷ for λ = 10
_MOST = 1e6  # expected spikes per step; far above, single precision no longer resolves single spikes


class PoissonInput(eqx.Module):
    """External Poisson spikes onto each neuron, independent between neurons.

    In each step a neuron receives k spikes, P(k) = λᵏ e^(−λ)/k! with λ = rate · dt, each of which adds `weight` to the
    charge of the receptor. Many sources of low rate are thus equivalent to one with the sum of their rates. A
    time-dependent rate is a function of the time at the start of a step [ms], such as
    `lambda t: jnp.where(t < 50, 900.0, 0.0)`.

    The spikes depend only on the key, the index among the inputs of the network and the number of the step: a run can
    be split anywhere, and inputs of one network are independent even if they share a key.

    Raises:
        InputError: for a rate that is negative, a weight that is not finite, or an invalid key.
    """

    rate: ArrayLike | Callable[[Array], ArrayLike]
    """Total rate of the sources of a neuron, one for all or one per neuron [Hz]."""
    weight: ArrayLike
    """Weight w: the area of the synaptic input that a spike causes, one for all or one per neuron."""
    key: jax.Array
    """Random key of the spikes."""
    receptor: int = eqx.field(static=True, default=0)
    """Index of the synaptic input at which the spikes arrive."""

    def __check_init__(self):
        if callable(self.rate):
            check.functions(rate=self.rate)
            check.takes("rate", self.rate, "t")
        else:
            check.not_negative(rate=self.rate)
        check.finite(weight=self.weight)
        check.key(self.key)
        check.whole(0, receptor=self.receptor)

    def check_size(self, size: int) -> None:
        """Check that rates and weights fit the number of neurons."""
        check_entries(size, weight=self.weight, **({} if callable(self.rate) else {"rate": self.rate}))

    def prepare(self, dt: ArrayLike) -> "PoissonInput":
        """Check that the number of spikes per step can be counted."""
        if not callable(self.rate) and not any(isinstance(x, Tracer) for x in (self.rate, dt)):
            expected = np.max(np.asarray(self.rate, float), initial=0) * np.asarray(dt, float) / 1000
            if expected > _MOST:
                raise InputError(f"rate must be at most {_MOST:g} spikes per step, but is {expected:g} in {dt} ms")
        return self

    def arrivals(
        self, clock: Int[Array, ""], shape: tuple[int, ...], dt: ArrayLike, place: int = 0
    ) -> Float[Array, "..."]:
        """Return the charge that arrives in step number `clock` of length `dt` [ms] at neurons of shape `shape`.

        Where a function returns a negative rate, the charge is NaN, which `simulate` refuses.
        """
        rate = jnp.asarray(self.rate(clock * dt) if callable(self.rate) else self.rate)
        check.fits(shape, rate=rate, weight=self.weight)
        expected = jnp.broadcast_to(rate * dt / 1000, shape)
        key = jax.random.fold_in(jax.random.fold_in(self.key, place), clock)
        few = jnp.max(expected, initial=0) < _FEW
        counts = lax.cond(few, _poisson_by_inversion, _poisson, key, expected)
        if callable(self.rate):
            counts = jnp.where(expected >= 0, counts, jnp.nan)
        return counts * jnp.asarray(self.weight)


def _poisson(key: jax.Array, expected: Array) -> Array:
    return jax.random.poisson(key, expected).astype(expected.dtype)


def _poisson_by_inversion(key: jax.Array, expected: Array) -> Array:
    """Return the smallest k for which P(0) + … + P(k) exceeds a uniform number: far faster for small k."""
    u = jax.random.uniform(key, expected.shape, expected.dtype)
    return lax.platform_dependent(u, expected, cpu=_until_found, default=_in_rounds)


def _until_found(u: Array, expected: Array) -> Array:
    def unfinished(carry):
        _, p, below = carry
        return jnp.any((u >= below) & (p > jnp.finfo(p.dtype).tiny))  # rounding may keep the sum below u forever

    return lax.while_loop(unfinished, lambda carry: _next(u, expected, *carry), _first(expected))[0]


def _in_rounds(u: Array, expected: Array) -> Array:
    """Do the same in a fixed number of iterations, as a GPU would wait for the outcome of each test for the end."""
    carry = _first(expected)
    for _ in range(_ROUNDS):
        carry = _next(u, expected, *carry)
    return carry[0]


def _first(expected: Array) -> tuple[Array, Array, Array]:
    """Return k = 0, P(0) and the cumulative sum."""
    none = jnp.exp(-expected)
    return jnp.zeros_like(expected), none, none


def _next(u: Array, expected: Array, k: Array, p: Array, below: Array) -> tuple[Array, Array, Array]:
    further = u >= below
    k = k + further
    p = p * expected / jnp.maximum(k, 1)
    return k, p, jnp.where(further, below + p, below)
