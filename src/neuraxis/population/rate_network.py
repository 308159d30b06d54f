"""Rate-based recurrent dynamics: every neuron drives every other by a full weight matrix."""

from collections.abc import Callable
from typing import NamedTuple

import equinox as eqx
import jax.numpy as jnp
from jax import lax
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from neuraxis import check
from neuraxis.errors import InputError
from neuraxis.functions.activations import tanh
from neuraxis.functions.integrators import Integrator, exponential_euler
from neuraxis.neurons.received import numbers, received


class RateState(NamedTuple):
    """State of a rate network."""

    s: Float[Array, "... neuron"]
    """Synaptic variables."""
    v: Float[Array, "... neuron"]
    """Activities of the neurons."""


class RateNetwork(eqx.Module):
    """Neurons with activities v and synapses s that drive each other:

        τ_s ds/dt = −s + v W + β + C,    τ_m dv/dt = −v + σ(s).

    A dynamics with input C, (…, N), and output v. If W is the product of decoders (N, D) and encoders (D, N), it is a
    population that represents D dimensions, which `RecurrentPopulation` computes at a cost of N D instead of N².
    Without W and σ, τ_s ds/dt = −s + C is a `neuraxis.neurons.Synapse`.

    Args:
        weight: weights W (N, N), from row to column.
        bias: bias β, (N,) or one number.
        tau_s: time constant of the synapses [ms].
        tau_m: time constant of the activities [ms].
        activation: activation function σ.
        integrator: one of `neuraxis.functions.integrators`. By default each variable follows the exact solution of its
            own equation in each step, which is stable at any step length.

    Raises:
        InputError: for a weight that is not a square matrix or not finite, shapes that do not fit, a time constant that
            is not positive, or an activation or integrator that is not a function.

    Source: Dayan & Abbott, Theoretical Neuroscience (2001), section 7.2.
    """  # noqa: D415 - the first line ends in an equation

    weight: Float[Array, "neuron neuron"]
    bias: ArrayLike
    tau_s: ArrayLike
    tau_m: ArrayLike
    activation: Callable = eqx.field(static=True)
    integrator: Integrator = eqx.field(static=True)

    def __init__(
        self,
        weight: ArrayLike,
        bias: ArrayLike = 0.0,
        *,
        tau_s: ArrayLike = 10.0,
        tau_m: ArrayLike = 10.0,
        activation: Callable[[Array], Array] = tanh,
        integrator: Integrator = exponential_euler,
    ):
        weight = numbers(weight=weight)
        if weight.ndim != 2 or weight.shape[0] != weight.shape[1] or not weight.size:
            raise InputError(f"weight must have shape (N, N), but has shape {weight.shape}")
        check.finite(bias=bias)
        check.positive(tau_s=tau_s, tau_m=tau_m)
        check.fits(weight.shape[:1], bias=bias, tau_s=tau_s, tau_m=tau_m)
        check.functions(activation=activation, integrator=integrator)
        self.weight, self.bias = weight, bias if isinstance(bias, float) else numbers(bias=bias)
        self.tau_s, self.tau_m = tau_s, tau_m
        self.activation, self.integrator = activation, integrator

    def init_state(self, input_shape: tuple[int, ...] = ()) -> RateState:
        """Return the state s = v = 0."""
        shape = check.broadcast(input_shape, bias=self.weight[0])
        check.fits((*shape[:-1], len(self.weight)), input=self.weight[0])
        return RateState(*(jnp.zeros(shape, self.weight.dtype) for _ in range(2)))

    def relaxation(self, y: RateState, input: ArrayLike) -> tuple[RateState, RateState]:
        """Return the values that s and v each relax towards while the other is held, and their time constants."""
        driven = jnp.matmul(y.v, self.weight, precision=lax.Precision.HIGHEST) + self.bias + input
        active = check.floats("the output of the activation", self.activation(y.s))
        if active.shape != driven.shape:
            raise InputError(f"activation must keep the shape of s, {driven.shape}, but returned {active.shape}")
        tau_s, tau_m = (jnp.broadcast_to(tau, driven.shape) for tau in (self.tau_s, self.tau_m))
        return RateState(driven, active), RateState(tau_s, tau_m)

    def derivative(self, y: RateState, input: ArrayLike) -> RateState:
        """Return ds/dt and dv/dt [1/ms]."""
        target, tau = self.relaxation(y, input)
        return RateState(*((to - now) / time for to, now, time in zip(target, y, tau, strict=True)))

    def step(
        self, state: RateState, input: ArrayLike | None, dt: ArrayLike
    ) -> tuple[RateState, Float[Array, "... neuron"]]:
        """Advance by `dt` [ms] under the input C (None: 0); the output is v.

        Raises:
            InputError: for an input that is not finite or does not fit, or a dt that is not positive.
        """
        check.instance(RateState, state=state)
        input = received(jnp.shape(state.s), dt, input=0.0 if input is None else input)
        state = self.integrator(self, state, input, dt)
        return state, state.v
