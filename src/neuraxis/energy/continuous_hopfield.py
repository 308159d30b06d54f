"""The Hopfield network in continuous time, with graded responses.

J. J. Hopfield, Neurons with graded response have collective computational properties like those of two-state neurons,
PNAS 81 (1984).
"""

from typing import Any

import equinox as eqx
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, ArrayLike, Float

from neuraxis import check
from neuraxis.energy.hopfield import Hopfield
from neuraxis.engine.relax import Relaxed
from neuraxis.errors import InputError
from neuraxis.values import compiled, with_values


class ContinuousHopfield(eqx.Module):
    """Neurons with potentials u and activities x = tanh(gain · u), between −1 and 1, that drive each other:

        τ_x du/dt = −u + xW + b.

    Its energy is that of the two-state network plus a term that keeps the activities away from ±1,

        E = −½ x W xᵀ − b xᵀ + Σ_i ∫₀^{x_i} artanh(s)/gain ds,

    with ∂E/∂x = u − (xW + b) = −τ_x du/dt. The energy thus never increases, dE/dt = −τ_x Σ x′(u) (du/dt)² ≤ 0, and its
    minima approach those of the two-state network as the gain grows.

    It is a dynamics with state u (…, N), an input current (…, N) that is added to b (or a single number, or None) and
    output x, and an energy of u.

    `settle` finds the potentials at rest. `relax` on the energy reports `converged` once the activities are at rest:
    the potential of a saturated neuron, whose activity stays at ±1, does not affect the energy.

    Raises:
        InputError: for a network that is not a `Hopfield`, or a time constant or gain that is not positive or does not
            broadcast to its neurons.
    """  # noqa: D415 - the first line ends in an equation

    network: Hopfield
    """Two-state network with the weights and biases."""
    tau_x: float | Array = 10.0
    """Time constant [ms]."""
    gain: float | Array = 1.0
    """Slope of the activity at u = 0."""

    __repr__ = with_values

    def __check_init__(self):
        if not isinstance(self.network, Hopfield):
            raise InputError(f"network must be a Hopfield network, but is {check.received(self.network)}")
        check.positive(tau_x=self.tau_x, gain=self.gain)
        check.broadcast(self.network.bias.shape, tau_x=self.tau_x, gain=self.gain)

    def activity(self, u: ArrayLike) -> Float[Array, "..."]:
        """Return the activities x = tanh(gain · u), in the shape of u."""
        return jnp.tanh(self.gain * check.floats("u", u))

    def energy(self, u: ArrayLike) -> Float[Array, "..."]:
        """Return the energy of the activities of u (…, N), without input."""
        x, a = self.activity(u), self.gain * check.floats("u", u)
        # ∫₀^x artanh(s) ds = x a − ln cosh a with x = tanh a; logaddexp keeps cosh from overflowing.
        leak = (x * a - jnp.logaddexp(a, -a) + jnp.log(2.0)) / self.gain
        return self.network.energy(x) + jnp.sum(leak, axis=-1)

    def init_state(self, input_shape: tuple[int, ...]) -> Float[Array, "... n"]:
        """Return u = 0. Without bias and input it is a saddle: for recall, pass an initial state to `simulate`."""
        size = self.network.bias.shape
        return jnp.zeros(jnp.broadcast_shapes(input_shape, size), self.network.bias.dtype)

    def step(self, state: Any, input: Any, dt: ArrayLike) -> tuple[Array, Array]:
        """Advance u by `dt` [ms], exactly for a drive xW + b + input that is constant within the step.

        The energy falls in every step with dt ≪ τ_x; for dt ≫ τ_x the step becomes the synchronous update.

        Raises:
            InputError: for an input or dt that does not broadcast to the state.
        """
        state, dt = check.floats("state", state), check.floats("dt", dt)
        input = None if input is None else check.floats("input", input)
        check.fits(state.shape, dt=dt, input=0.0 if input is None else input)
        drive = self._drive(state, input)
        u = drive + (state - drive) * jnp.exp(-jnp.divide(dt, self.tau_x))
        return u, self.activity(u)

    def settle(
        self,
        u: ArrayLike,
        input: ArrayLike | None = None,
        *,
        rtol: float = 1e-5,
        atol: float = 1e-6,
        max_steps: int = 10_000,
    ) -> Relaxed:
        """Follow the dynamics under a constant input until u is at rest: ‖u − (xW + b + input)‖ ≤ atol + rtol ‖u‖.

        The norms are root mean squares over the neurons, and each leading index settles independently. A step moves u
        by the fraction 1/(1 + gain ‖W‖) of its distance from the drive. In terms of the activities this is mirror
        descent, with the largest step at which the energy cannot increase for any weights.

        Args:
            u: initial potentials (…, N).
            input: a current that broadcasts to u.
            rtol: tolerance relative to the size of u.
            atol: absolute tolerance, in units of u.
            max_steps: maximum number of steps, after which the current u is returned, with `converged` false.

        Returns:
            u at rest, and its energy under the input, E − x · input.

        Raises:
            InputError: for potentials or inputs that are not finite or do not fit, or negative tolerances.

        Source: Lu, Freund and Nesterov, SIAM Journal on Optimization 28:333 (2018), for the step.
        """
        check.finite(u=u, input=0.0 if input is None else input)
        check.not_negative(rtol=rtol, atol=atol)
        check.one_number(rtol=rtol, atol=atol)
        check.whole(max_steps=max_steps)
        check.last_axis(self.network.bias.shape[0], u=u)
        u = jnp.asarray(check.array("u", u), self.network.dtype)
        input = jnp.zeros((), u.dtype) if input is None else jnp.asarray(check.array("input", input), u.dtype)
        check.fits(u.shape, input=input)
        return _settle(self, u, input, rtol, atol, jnp.asarray(min(max_steps, jnp.iinfo(jnp.int32).max), jnp.int32))

    def _drive(self, u: Any, input: Any) -> Float[Array, "... n"]:
        return self.network.field(self.activity(u)) + (0.0 if input is None else input)


@compiled
def _settle(model: ContinuousHopfield, u: Array, input: Array, rtol: Any, atol: Any, max_steps: Array) -> Relaxed:
    # The smaller of two bounds on ‖W‖: the largest absolute row sum, and the Frobenius norm.
    W = model.network.weights
    norm = jnp.minimum(jnp.max(jnp.sum(jnp.abs(W), axis=-1)), jnp.sqrt(jnp.sum(W * W)))
    share = 1 / (1 + jnp.max(jnp.asarray(model.gain)) * norm)

    def pull(u: Array) -> tuple[Array, Array]:
        gap = model._drive(u, input) - u
        size = lambda a: jnp.sqrt(jnp.mean(a * a, axis=-1))
        return gap, size(gap) <= atol + rtol * size(u)

    def advance(carry):
        u, gap, settled, steps = carry
        u = jnp.where(settled[..., None], u, u + share * gap)
        gap, now = pull(u)
        return u, gap, settled | now, steps + ~settled

    going = lambda carry: jnp.any(~carry[2] & (carry[3] < max_steps))
    u, _, settled, steps = lax.while_loop(going, advance, (u, *pull(u), jnp.zeros(u.shape[:-1], jnp.int32)))
    return Relaxed(u, model.energy(u) - jnp.sum(model.activity(u) * input, axis=-1), steps, settled)
