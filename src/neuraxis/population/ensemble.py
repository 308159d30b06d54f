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
    """N neurons that represent a vector x of D dimensions, each by its own tuning curve.

    Neuron i is driven by the component of x along its encoder e_i, a vector of length 1,

        drive_i = gain_i ⟨e_i, x⟩/radius + bias_i,    rate a_i(x) = G(drive_i) [Hz],

    with the rate function G of its model. Gain and bias are such that it fires from ⟨e_i, x⟩/radius = intercept on, and
    reaches its maximum rate at 1. In time it is a dynamics that receives x and gives the activities in Hz, of spiking
    neurons spikes·1000/dt, so that one set of decoders reads rates and spikes.

    Args:
        size: N.
        dimensions: D.
        neurons: model of the neurons, with a rate function, such as `LIF()`; for rates in time, `RateNeurons(LIF())`.
        max_rates: rates at ⟨e_i, x⟩ = radius [Hz]: a range (low, high) to draw from uniformly, one number, or all N.
        intercepts: in [−1, 1), as `max_rates`.
        encoders: (N, D), scaled to length 1 here; by default drawn uniformly on the sphere.
        radius: of the ball in which x lies.
        key: of what is drawn.

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
        """Return the steady firing rates [Hz]: the tuning curves."""
        return self.neurons.firing_rate(self.drive(x))

    def init_state(self, input_shape: tuple[int, ...]) -> Any:
        """Return the state of the neurons at rest for an x of shape (…, D); of neurons that have none, ()."""
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
        """Advance by `dt` [ms] under a drive of each neuron; the output is the activities [Hz]."""
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
        """Find the decoders of a function of x: the ensemble that puts out an estimate of function(x).

        Args:
            function: maps points (points, D) to (points, out), or to (points,), one number each.
            points: at which the error is measured, (points, D). By default they fill the ball of the radius: evenly and
                without chance, or, with a key, drawn uniformly; 500 for each dimension, but 750 to 2500, and two for
                each neuron at least.
            noise: standard deviation of the noise on the activities, as a share of the largest one.
            key: of points to draw.

        Raises:
            InputError: for points that are not finite or have other dimensions, a function that gives another number of
                rows or numbers that are not finite, or decoders that are not determined (see `solve_decoders`).
        """
        check.functions(function=function)
        check.takes("function", function, "points")
        points = self._points(key) if points is None else _given(points, self.encoders.shape[1])
        return Decoded(self, solve_decoders(self.rates(points), _targets(function, points), noise))

    def _points(self, key: PRNGKeyArray | None) -> Array:
        """Return points that fill the ball, as many as Nengo takes."""
        size, dimensions = self.encoders.shape
        count = max(min(max(500 * dimensions, 750), 2500), 2 * size)
        if key is None:
            return spread_in_ball(count, dimensions) * self.radius
        check.key(key)
        return in_ball(key, count, dimensions) * self.radius


def _drawn(key: PRNGKeyArray, size: int, **named: Any) -> Array:
    """Return a number for each neuron: drawn from a range, which is a pair, or given."""
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
    values = check.floats("what the function gives", function(points))
    if values.ndim not in (1, 2) or len(values) != len(points):
        raise InputError(
            f"the function must map points {points.shape} to ({len(points)}, out), one row for each point, but "
            f"returned shape {values.shape}; it acts on the last axis, such as x[..., 0] * x[..., 1]"
        )
    check.finite(**{"what the function gives": values})
    return cast(Array, values if values.ndim == 2 else values[:, None])
