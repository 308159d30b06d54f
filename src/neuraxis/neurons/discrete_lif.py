"""Integrate-and-fire neurons in discrete time, the form used in gradient-based training."""

from collections.abc import Callable

import equinox as eqx
import jax.numpy as jnp
from jax import lax
from jax.ad_checkpoint import checkpoint_name
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from neuraxis import check
from neuraxis.functions.surrogates import Arctan
from neuraxis.neurons.received import numbers, received
from neuraxis.values import with_values

POTENTIAL = "potential"  # name of the potential before the reset, for `jax.checkpoint`


def reset_to_zero(v: Array, spikes: Array, v_threshold: ArrayLike) -> Array:
    """Reset the potential after a spike, v ← 0: the excess over the threshold is lost.

    Args:
        v: potentials.
        spikes: 1 where a neuron fired, else 0.
        v_threshold: unused; part of the signature of every reset.
    """
    return v * (1 - spikes)


def reset_by_subtraction(v: Array, spikes: Array, v_threshold: ArrayLike) -> Array:
    """Reset the potential after a spike, v ← v − v_th: the excess over the threshold is kept.

    The firing rate then follows the current more closely than with `reset_to_zero`.

    Args:
        v: potentials.
        spikes: 1 where a neuron fired, else 0.
        v_threshold: v_th, the amount to subtract.
    """
    return v - spikes * v_threshold


class LeakyIntegrator(eqx.Module):
    """Non-spiking membrane, v ← β v + I with β = e^(−dt/τ_m), whose output is v.

    Raises:
        InputError: for a tau_m that is not positive.
    """

    tau_m: ArrayLike = 20.0
    """Membrane time constant [ms]."""

    __repr__ = with_values

    def __check_init__(self):
        check.parameters(tau_m=self.tau_m)
        check.positive(tau_m=self.tau_m)

    def init_state(self, input_shape: tuple[int, ...] = ()) -> Float[Array, "..."]:
        """Return the state at rest, v = 0, one neuron per entry of an input (or of tau_m)."""
        return jnp.zeros(check.broadcast(input_shape, tau_m=self.tau_m))

    def step(self, v: Array, input: ArrayLike, dt: ArrayLike = 1.0) -> tuple[Array, Array]:
        """Advance by `dt` [ms] under an input; the output is the new potential.

        Raises:
            InputError: for an input that is not finite or does not broadcast to the state, or a dt that is not
                positive.
        """
        v = _leak(v, input, dt, self.tau_m)
        return v, v


class DiscreteLIF(eqx.Module):
    """Leaky integrate-and-fire neurons in discrete time, in an array of any shape.

        v ← β v + I,   s = H(v − v_th),   v ← reset(v, s)       with β = e^(−dt/τ_m)

    H is the unit step. The current I is added to the potential in each step and, like it, is dimensionless. The output
    s is 1 where a neuron fires at the end of the step, else 0: at most one spike per step. (`neuraxis.neurons.LIF`
    resolves spike times within a step; this is the form in which networks are trained.)

    The surrogate replaces the derivative of H. The reset is detached: no gradient flows through the s in it, which
    Zenke and Vogels found to improve learning.

    `tau_m` and `v_threshold` may be arrays, one value per neuron, and are then trained.

    Raises:
        InputError: for a tau_m or v_threshold that is not positive, or a surrogate or reset that is not a function.

    Source: Eshraghian et al., Proceedings of the IEEE 111:1016 (2023); Neftci, Mostafa & Zenke, IEEE Signal Processing
    Magazine 36:51 (2019); Zenke & Vogels, Neural Computation 33:899 (2021).
    """

    tau_m: ArrayLike = 20.0
    """Membrane time constant [ms]."""
    v_threshold: ArrayLike = 1.0
    """Threshold."""
    surrogate: Callable = eqx.field(default=Arctan(), static=True)
    """Unit step H with a surrogate derivative."""
    reset: Callable = eqx.field(default=reset_to_zero, static=True)
    """Reset of the potential after a spike, such as `reset_to_zero` or `reset_by_subtraction`."""

    __repr__ = with_values

    def __check_init__(self):
        check.parameters(tau_m=self.tau_m, v_threshold=self.v_threshold)
        check.functions(surrogate=self.surrogate, reset=self.reset)
        check.positive(tau_m=self.tau_m, v_threshold=self.v_threshold)

    def init_state(self, input_shape: tuple[int, ...] = ()) -> Float[Array, "..."]:
        """Return the state at rest, v = 0, one neuron per entry of an input (or of the fields)."""
        return jnp.zeros(check.broadcast(input_shape, tau_m=self.tau_m, v_threshold=self.v_threshold))

    def step(self, v: Array, input: ArrayLike, dt: ArrayLike = 1.0) -> tuple[Array, Float[Array, "..."]]:
        """Advance by `dt` [ms] under an input; the output is 1 for a spike, else 0.

        Raises:
            InputError: for an input that is not finite or does not broadcast to the state, or a dt that is not
                positive.
        """
        v = _leak(v, input, dt, self.tau_m)
        spikes = self.surrogate(v - self.v_threshold)
        return self.reset(v, lax.stop_gradient(spikes), self.v_threshold), spikes


def _leak(v: Array, input: ArrayLike, dt: ArrayLike, tau_m: ArrayLike) -> Array:
    v = numbers(v=v)
    input = received(v.shape, dt, input=input)
    return checkpoint_name(jnp.exp(-jnp.divide(dt, tau_m)) * v + input, POTENTIAL)
