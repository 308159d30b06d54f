"""Cart-pole: balancing a pole on a cart that moves along a track."""

import math
from collections.abc import Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, Bool, Float, PRNGKeyArray

from neuraxis import check
from neuraxis.errors import InputError
from neuraxis.values import with_values

_PER_MS = 1e-3  # seconds in a millisecond


class CartPole(eqx.Module):
    """A pole hinged to a cart that a force F pushes along a track, without friction.

    With x the position of the cart, θ the angle of the pole from upright, M the mass of both, m that of the pole, l
    half its length and g gravity,

        u = (F + m l θ̇² sin θ)/M
        θ̈ = (g sin θ − u cos θ)/(l (4/3 − (m/M) cos² θ))
        ẍ = u − (m/M) l θ̈ cos θ

    The state is an array (…, 4) of x [m], ẋ [m/s], θ [rad] and θ̇ [rad/s]. The episode is over when |θ| exceeds
    `max_angle` or the cart leaves the track; from then on the state is constant. Every step that begins before that
    yields a reward of 1.

    Raises:
        InputError: for a mass, length, gravity or limit that is not positive.

    Source: Barto, Sutton and Anderson, IEEE Transactions on Systems, Man, and Cybernetics 13:834 (1983), with the
    constants and the Euler steps of 20 ms that have since become standard, and without their small friction.
    """

    cart_mass: ArrayLike = 1.0
    """Mass of the cart [kg]."""
    pole_mass: ArrayLike = 0.1
    """Mass of the pole [kg]."""
    half_length: ArrayLike = 0.5
    """Distance from the hinge to the pole's centre of mass [m]."""
    gravity: ArrayLike = 9.8
    """Gravitational acceleration [m/s²]."""
    max_angle: ArrayLike = math.radians(12)
    """Largest angle of the pole [rad]."""
    max_position: ArrayLike = 2.4
    """Half the length of the track [m]."""

    __repr__ = with_values

    def __check_init__(self):
        check.positive(cart_mass=self.cart_mass, pole_mass=self.pole_mass, half_length=self.half_length)
        check.positive(gravity=self.gravity, max_angle=self.max_angle, max_position=self.max_position)

    def init_state(self, input_shape: tuple[int, ...] = ()) -> Float[Array, "... 4"]:
        """Return carts at rest at the centre of the track, poles upright, one per entry of a force of that shape."""
        return jnp.zeros((*_whole("input_shape", input_shape), 4))

    def draw_state(self, shape: tuple[int, ...] = (), *, key: PRNGKeyArray) -> Float[Array, "... 4"]:
        """Draw each of the four state variables of `shape` carts uniformly from −0.05 to 0.05, the usual start."""
        check.key(key)
        return jax.random.uniform(key, (*_whole("shape", shape), 4), minval=-0.05, maxval=0.05)

    def derivative(self, state: Float[ArrayLike, "... 4"], force: ArrayLike) -> Float[Array, "... 4"]:
        """Return the time derivative of the state [per ms] under a force [N]."""
        check.last_axis(4, state=state)
        force = check.floats("force", force)
        _, velocity, angle, spin = jnp.moveaxis(check.floats("state", state), -1, 0)
        sine, cosine = jnp.sin(angle), jnp.cos(angle)
        mass = self.cart_mass + self.pole_mass
        leverage = self.pole_mass / mass * self.half_length
        push = force / mass + leverage * spin**2 * sine
        angular = (self.gravity * sine - push * cosine) / (4 / 3 * self.half_length - leverage * cosine**2)
        linear = push - leverage * angular * cosine
        return _PER_MS * jnp.stack(jnp.broadcast_arrays(velocity, linear, spin, angular), axis=-1)

    def is_over(self, state: Float[ArrayLike, "... 4"]) -> Bool[Array, "..."]:
        """Return whether the pole has fallen or the cart has left the track."""
        check.last_axis(4, state=state)
        values = check.floats("state", state)
        return (jnp.abs(values[..., 0]) > self.max_position) | (jnp.abs(values[..., 2]) > self.max_angle)

    def step(
        self, state: Float[Array, "... 4"], force: ArrayLike, dt: ArrayLike
    ) -> tuple[Float[Array, "... 4"], Float[Array, "..."]]:
        """Advance by an Euler step of `dt` [ms] under a force [N]; the output is the reward.

        Raises:
            InputError: for a state of another shape, or a force or `dt` that does not broadcast to the carts.
        """
        duration = check.floats("dt", dt)
        check.fits(jnp.shape(state)[:-1], force=force, dt=duration)
        over = self.is_over(state)
        moved = state + duration[..., None] * self.derivative(state, force)
        return jnp.where(over[..., None], state, moved), jnp.where(over, 0.0, 1.0)


def _whole(name: str, shape: Any) -> tuple[int, ...]:
    if not isinstance(shape, Sequence) or isinstance(shape, str):
        raise InputError(f"{name} must be a tuple of integers, but is {check.received(shape)}")
    for size in shape:
        check.whole(0, **{f"a size in {name}": size})
    return tuple(shape)
