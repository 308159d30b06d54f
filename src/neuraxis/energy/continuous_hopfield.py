"""The Hopfield network in continuous time, with graded responses.

J. J. Hopfield, Neurons with graded response have collective computational properties like those of two-state neurons,
PNAS 81 (1984).
"""

from typing import Any

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float

from neuraxis import check
from neuraxis.energy.hopfield import Hopfield


class ContinuousHopfield(eqx.Module):
    """Neurons with inputs u, squashed to activities x = tanh(gain · u) between −1 and 1, that drive each other:

        τ_x du/dt = −u + xW + b.

    Its energy is that of the two-state network and a term that keeps the activities off ±1,

        E = −½ x W xᵀ − b xᵀ + Σ_i ∫₀^{x_i} artanh(s)/gain ds,

    with ∂E/∂x = u − (xW + b) = −τ_x du/dt. The activities thus run down the energy, dE/dt = −τ_x Σ x′(u) (du/dt)² ≤ 0,
    and as the gain grows its minima move to those of the two-state network.

    It is a dynamics whose state is u (…, N), input a current (…, N) added to b (or a single number, or None) and output
    x, and an energy in u.

    Raises:
        InputError: for a time constant or gain that is not positive.
    """  # noqa: D415 - the first line ends in an equation

    network: Hopfield
    tau_x: float | Array = 10.0  # time constant [ms]
    gain: float | Array = 1.0  # slope of the activity at u = 0

    def __check_init__(self):
        check.positive(tau_x=self.tau_x, gain=self.gain)

    def activity(self, u: ArrayLike) -> Float[Array, "..."]:
        """Give the activities x = tanh(gain · u), in the shape of u."""
        return jnp.tanh(self.gain * jnp.asarray(u))

    def energy(self, u: ArrayLike) -> Float[Array, "..."]:
        """Energy of the activities of u (…, N), without input."""
        x = self.activity(u)
        a = self.gain * jnp.asarray(u)
        # ∫₀^x artanh(s) ds = x a − ln cosh a with x = tanh a; logaddexp keeps cosh from overflowing.
        leak = (x * a - jnp.logaddexp(a, -a) + jnp.log(2.0)) / self.gain
        return self.network.energy(x) + jnp.sum(leak, axis=-1)

    def init_state(self, input_shape: tuple[int, ...]) -> Float[Array, "... n"]:
        """Start from u = 0. Without bias and input it is a saddle: to recall, give `simulate` a state to start from."""
        size = self.network.bias.shape
        return jnp.zeros(jnp.broadcast_shapes(input_shape, size), self.network.bias.dtype)

    def step(self, state: Any, input: Any, dt: ArrayLike) -> tuple[Array, Array]:
        """Advance u by `dt` [ms] with the drive xW + b + input held, which the leak then answers exactly.

        The energy falls in every step that is short against τ_x; with dt ≫ τ_x the step becomes the synchronous update.
        """
        drive = self.network.field(self.activity(state)) + (0.0 if input is None else input)
        u = drive + (state - drive) * jnp.exp(-jnp.divide(dt, self.tau_x))
        return u, self.activity(u)
