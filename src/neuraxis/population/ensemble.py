"""Ensembles: populations of neurons that together represent a vector.

C. Eliasmith and C. H. Anderson, Neural Engineering (MIT Press, 2003), chapters 2 and 4.
"""

from collections.abc import Callable
from typing import Any, cast

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.core import Tracer
from jax.typing import ArrayLike
from jaxtyping import Array, Float, PRNGKeyArray

from neuraxis import check
from neuraxis.errors import InputError
from neuraxis.functions.activations import identity
from neuraxis.kinds import Dynamics
from neuraxis.neurons.lif import LIF
from neuraxis.neurons.received import numbers
from neuraxis.population.ball import in_ball, on_sphere, spread_in_ball
from neuraxis.population.decoded import Decoded
from neuraxis.population.least_squares import solve_decoders
from neuraxis.population.rate_neurons import RateModel, check_rate_model


class Ensemble(eqx.Module):
    """N neurons that represent a vector x of D dimensions, each with its own tuning curve.

    Neuron i is driven by the component of x along its encoder e_i, a unit vector,

        drive_i = gain_i ⟨e_i, x⟩/radius + bias_i,    rate a_i(x) = G(drive_i) [Hz],

    where G is the rate function of the neuron model. Gain and bias are such that the neuron fires above
    ⟨e_i, x⟩/radius = intercept, and reaches its maximum rate at 1. An ensemble is also a dynamics with input x and the
    activities [Hz] as output, for spiking neurons spikes·1000/dt, so that one set of decoders reads rates and spikes.

    Args:
        size: number of neurons N.
        dimensions: number of dimensions D.
        neurons: neuron model with a rate function, such as `LIF()`; without spikes, `RateNeurons(LIF())`.
        max_rates: rates at ⟨e_i, x⟩ = radius [Hz]: a range (low, high) to draw from uniformly, one number, or N.
        intercepts: intercepts in [−1, 1), given like `max_rates`.
        encoders: encoders (N, D), which are normalised to length 1; by default drawn uniformly on the sphere.
        radius: radius of the ball in which x lies.
        key: random key for rates, intercepts and encoders.

    Raises:
        InputError: for sizes below 1, neurons without a rate function, maximum rates that they cannot reach, intercepts
            outside [−1, 1), encoders of another shape or of length 0, or a radius that is not positive.
    """

    neurons: RateModel
    encoders: Float[Array, "size dimensions"]
    gain: Float[Array, " size"]
    bias: Float[Array, " size"]
    radius: ArrayLike

    def __init__(
        self,
        size: int,
        dimensions: int,
        neurons: RateModel = LIF(),  # noqa: B008 - frozen
        *,
        max_rates: ArrayLike | tuple[float, float] = (200.0, 400.0),
        intercepts: ArrayLike | tuple[float, float] = (-1.0, 0.9),
        encoders: ArrayLike | None = None,
        radius: ArrayLike = 1.0,
        key: PRNGKeyArray,
    ):
        check.whole(size=size, dimensions=dimensions)
        check.array_fits("size and dimensions", (size, dimensions))
        check_rate_model(neurons)
        check.key(key)
        check.positive(radius=radius)
        check.one_number(radius=radius)
        keys = jax.random.split(key, 3)
        rates = _drawn(keys[0], size, max_rates=max_rates)
        starts = _drawn(keys[1], size, intercepts=intercepts)
        if not isinstance(starts, Tracer) and not np.all((starts >= -1) & (starts < 1)):
            raise InputError(f"intercepts must lie in [-1, 1), but range from {starts.min():g} to {starts.max():g}")
        self.neurons = neurons
        self.encoders = (
            on_sphere(keys[2], size, dimensions) if encoders is None else _unit_length(encoders, (size, dimensions))
        )
        self.gain, self.bias = neurons.gain_bias(rates, starts)
        self.radius = radius

    def drive(self, x: Float[ArrayLike, "... dimensions"]) -> Float[Array, "... size"]:
        """Return gain ⟨e, x⟩/radius + bias of each neuron.

        Raises:
            InputError: for an x that is not finite or whose last axis is not D.
        """
        x = numbers(x=x)
        check.last_axis(self.encoders.shape[1], x=x)
        along = jnp.matmul(x, self.encoders.T, precision=lax.Precision.HIGHEST)
        return along * (self.gain / self.radius) + self.bias

    def rates(self, x: Float[ArrayLike, "... dimensions"]) -> Float[Array, "... size"]:
        """Return the steady-state firing rates [Hz]: the tuning curves."""
        return self.neurons.firing_rate(self.drive(x))

    def init_state(self, input_shape: tuple[int, ...]) -> Any:
        """Return the resting state of the neurons for an x of shape (…, D); () for neurons without a state."""
        x = np.broadcast_to(0, check.broadcast(input_shape))
        check.last_axis(self.encoders.shape[1], x=x)
        shape = (*x.shape[:-1], len(self.encoders))
        return self.neurons.init_state(shape) if isinstance(self.neurons, Dynamics) else ()

    def step(
        self, state: Any, x: Float[ArrayLike, "... dimensions"], dt: ArrayLike
    ) -> tuple[Any, Float[Array, "... size"]]:
        """Advance by `dt` [ms] while the ensemble is driven by x; the output is the activities [Hz]."""
        return self.fire(state, self.drive(x), dt)

    def fire(
        self, state: Any, drive: Float[ArrayLike, "... size"], dt: ArrayLike
    ) -> tuple[Any, Float[Array, "... size"]]:
        """Advance by `dt` [ms] under the given drive of each neuron; the output is the activities [Hz]."""
        if not isinstance(self.neurons, Dynamics):
            return state, self.neurons.firing_rate(drive)
        state, spikes = self.neurons.step(state, drive, dt)
        return state, spikes * jnp.divide(1000, dt)

    def decode(
        self,
        function: Callable[[Array], Array] = identity,
        *,
        points: Float[ArrayLike, "points dimensions"] | None = None,
        noise: ArrayLike = 0.1,
        key: PRNGKeyArray | None = None,
    ) -> Decoded:
        """Find the decoders of a function of x, and return the ensemble with them, which estimates function(x).

        Args:
            function: maps points (points, D) to (points, out), or to (points,) for one number each.
            points: points (points, D) at which the error is minimised. By default they fill the ball, evenly spread and
                deterministic, or, with a key, drawn uniformly. Their number is 500 per dimension, clipped to
                [750, 2500], but at least two per neuron.
            noise: standard deviation of the noise on the activities, as a fraction of the largest one.
            key: random key of the points.

        Raises:
            InputError: for points that are not finite or have other dimensions, a function that returns another number
                of rows or values that are not finite, or decoders that are not determined (see `solve_decoders`).
        """
        check.functions(function=function)
        check.takes("function", function, "points")
        points = self._points(key) if points is None else _given(points, self.encoders.shape[1])
        return Decoded(self, solve_decoders(self.rates(points), _targets(function, points), noise))

    def _points(self, key: PRNGKeyArray | None) -> Array:
        """Return points that fill the ball, in the number that Nengo uses."""
        size, dimensions = self.encoders.shape
        count = max(min(max(500 * dimensions, 750), 2500), 2 * size)
        if key is None:
            return spread_in_ball(count, dimensions) * self.radius
        check.key(key)
        return in_ball(key, count, dimensions) * self.radius


def _drawn(key: PRNGKeyArray, size: int, **named: Any) -> Array:
    """Return one number per neuron: given, or drawn from a range (low, high)."""
    ((name, value),) = named.items()
    known = numbers(**{name: value})
    if isinstance(value, tuple) and len(value) == 2 and known.shape == (2,):
        low, high = known
        if not isinstance(low, Tracer) and low > high:
            raise InputError(f"{name} must be a range (low, high), but is {value}")
        return jax.random.uniform(key, (size,), minval=low, maxval=high)
    if known.shape not in ((), (size,)):
        raise InputError(
            f"{name} must be a range (low, high), one number, or one for each of the {size} neurons, but is "
            f"{check.received(value)}"
        )
    return jnp.broadcast_to(jnp.asarray(known, float), (size,))


def _unit_length(encoders: Any, shape: tuple[int, int]) -> Array:
    encoders = numbers(encoders=encoders)
    if encoders.shape != shape:
        raise InputError(f"encoders must have shape (size, dimensions) = {shape}, but has shape {encoders.shape}")
    lengths = jnp.linalg.norm(encoders, axis=-1, keepdims=True)
    if not isinstance(lengths, Tracer) and not np.all(lengths > 0):
        raise InputError(f"encoders must have a length above 0, but that of neuron {int(np.argmin(lengths))} is 0")
    return encoders / lengths


def _given(points: Any, dimensions: int) -> Array:
    points = numbers(points=points)
    if points.ndim != 2 or points.shape[1] != dimensions or not len(points):
        raise InputError(f"points must have shape (points, {dimensions}), but has shape {points.shape}")
    return points


def _targets(function: Callable[[Array], Array], points: Array) -> Array:
    """Return the values of a function at points as (points, out)."""
    values = check.floats("the output of the function", function(points))
    if values.ndim not in (1, 2) or len(values) != len(points):
        raise InputError(
            f"the function must map points {points.shape} to ({len(points)}, out), one row for each point, but "
            f"returned shape {values.shape}; it acts on the last axis, such as x[..., 0] * x[..., 1]"
        )
    check.finite(**{"the output of the function": values})
    return cast(Array, values if values.ndim == 2 else values[:, None])
