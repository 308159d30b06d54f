"""Integrate-and-fire neurons in discrete time, as networks that are trained by gradients use them."""

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

POTENTIAL = "potential"  # what `jax.checkpoint` knows the potential before the reset by


def reset_to_zero(v: Array, spikes: Array, v_threshold: ArrayLike) -> Array:
    """V ← 0 after a spike: what is above the threshold is lost.

    Args:
        v: potentials.
        spikes: 1 where a neuron fired, else 0.
        v_threshold: unused here; every reset is called with it.
    """
    return v * (1 - spikes)


def reset_by_subtraction(v: Array, spikes: Array, v_threshold: ArrayLike) -> Array:
    """V ← v − v_th after a spike: what is above the threshold is kept, so that the rate follows the current further.

    Args:
        v: potentials.
        spikes: 1 where a neuron fired, else 0.
        v_threshold: v_th, what is subtracted.
    """
    return v - spikes * v_threshold


class LeakyIntegrator(eqx.Module):
    """A membrane that does not fire, v ← β v + I with β = e^(−dt/τ_m). Its output is v.

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
        """Rest at v = 0: one neuron per entry of an input of that shape."""
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
    """Leaky integrate-and-fire neuron in discrete time, of any shape.

        v ← β v + I,   s = H(v − v_th),   v ← reset(v, s)       with β = e^(−dt/τ_m)

    The current I is what a step adds to the potential, dimensionless like it. The output is s, 1 where the neuron fires
    and else 0, at the end of the step: at most one spike a step. (`neuraxis.neurons.LIF` keeps the times between
    the steps; this one is the form in which networks are trained.)

    Gradients pass H by way of the surrogate. The reset is taken as given: no gradient goes through the s in it, which
    Zenke and Vogels found to learn better.

    `tau_m` and `v_threshold` may be arrays, one value a neuron, and are then learnt.

    Raises:
        InputError: for a tau_m or v_threshold that is not positive, or a surrogate or reset that is no function.

    Source: Eshraghian et al., Proceedings of the IEEE 111:1016 (2023); Neftci, Mostafa & Zenke, IEEE Signal Processing
    Magazine 36:51 (2019); Zenke & Vogels, Neural Computation 33:899 (2021).
    """

    tau_m: ArrayLike = 20.0
    """Membrane time constant [ms]."""
    v_threshold: ArrayLike = 1.0
    """Threshold."""
    surrogate: Callable = eqx.field(default=Arctan(), static=True)
    """Stands for the derivative of the threshold."""
    reset: Callable = eqx.field(default=reset_to_zero, static=True)
    """What a spike does to the potential, such as `reset_to_zero` or `reset_by_subtraction`."""

    __repr__ = with_values

    def __check_init__(self):
        check.parameters(tau_m=self.tau_m, v_threshold=self.v_threshold)
        check.functions(surrogate=self.surrogate, reset=self.reset)
        check.positive(tau_m=self.tau_m, v_threshold=self.v_threshold)

    def init_state(self, input_shape: tuple[int, ...] = ()) -> Float[Array, "..."]:
        """Rest at v = 0: one neuron per entry of an input of that shape (or of the fields)."""
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
