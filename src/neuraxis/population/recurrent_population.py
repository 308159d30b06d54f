"""Populations that implement any differential equation by decoded feedback through their own synapses."""

from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jax.typing import ArrayLike
from jaxtyping import Array, Float, PRNGKeyArray

from neuraxis import check
from neuraxis.errors import InputError
from neuraxis.neurons.received import numbers, received
from neuraxis.population.decoded import Decoded
from neuraxis.population.ensemble import Ensemble


class PopulationState(NamedTuple):
    """State of a recurrent population."""

    neurons: Any
    """State of the ensemble's neurons."""
    y: Float[Array, "... dimensions"]
    """Represented value, held by the synapses."""


class RecurrentPopulation(eqx.Module):
    """A population that implements dy/dt = f(y) + u, or dy/dt = f(y, u), for any function f.

    It represents y, decodes g(y) = τ_s f(y) + y from its activities a(y), and feeds that back through its synapses:

        τ_s dy/dt = −y + Σ_i a_i(y) d_i + τ_s u  ≈  −y + τ_s f(y) + y + τ_s u,    so that dy/dt ≈ f(y) + u.

    For a function f(y, u) the ensemble represents both: its last `controls` dimensions are u, which is not fed back but
    supplied from outside, such as the frequency of an oscillator.

    It is a dynamics with input u and output y. Its neurons spike, unless they are `RateNeurons`. The feedback has low
    rank, as it passes through y, so that a step costs O(N D) instead of O(N²):

        y ← y + dt/τ_s (g − y + τ_s u).

    The exact filter, with 1 − e^(−dt/τ_s) in place of dt/τ_s, would be slower than f by the fraction dt/(2 τ_s), since
    y reaches the neurons one step late.

    Args:
        ensemble: an ensemble of D dimensions, those of y and then those of the controls; y must stay in its radius.
        f: maps y (…, D), or y (…, D − controls) and u (…, controls), to dy/dt [1/ms]. It acts on the last axis.
        tau_s: time constant τ_s of the synapses [ms]. Longer ones average over more spikes, and hold y better.
        controls: number of dimensions of u, if f takes it; if 0, the input u is added to f(y).
        points: points (points, D) at which the error of the decoders is minimised; by default they fill the ball.
        noise: noise on the activities for which the decoders are optimised, as a fraction of the largest activity. The
            default is small: long synapses average over many spikes, but errors of the decoded function accumulate.
        key: random key of the points.

    Raises:
        InputError: for an ensemble that is not an `Ensemble`, an f that does not take y (and u) or returns another
            shape, a tau_s that is not positive, controls that leave no dimension for y, and as for `Ensemble.decode`.

    Source: Eliasmith & Anderson, Neural Engineering (2003), section 8.1.
    """

    recurrent: Decoded
    tau_s: ArrayLike
    controls: int = eqx.field(static=True)

    def __init__(
        self,
        ensemble: Ensemble,
        f: Callable[..., Any],
        tau_s: ArrayLike = 100.0,
        *,
        controls: int = 0,
        points: Float[ArrayLike, "points dimensions"] | None = None,
        noise: ArrayLike = 0.005,
        key: PRNGKeyArray | None = None,
    ):
        check.instance(Ensemble, ensemble=ensemble)
        check.positive(tau_s=tau_s)
        check.one_number(tau_s=tau_s)
        check.whole(0, controls=controls)
        size = ensemble.encoders.shape[1] - controls
        if size < 1:
            raise InputError(
                f"controls must leave a dimension of the ensemble's {size + controls} for y, but is {controls}"
            )
        check.functions(f=f)
        check.takes("f", f, *(("y", "u") if controls else ("y",)))

        def fed_back(x: Array) -> Array:
            y, u = x[..., :size], x[..., size:]
            slope = check.floats("the output of f", f(y, u) if controls else f(y))
            if slope.shape != y.shape:
                raise InputError(f"f must return dy/dt in the shape of y, {y.shape}, but returned {slope.shape}")
            return y + tau_s * slope

        self.recurrent = ensemble.decode(fed_back, points=points, noise=noise, key=key)
        self.tau_s, self.controls = tau_s, controls

    @property
    def size(self) -> int:
        """Number of dimensions of y."""
        return self.recurrent.decoders.shape[1]

    def init_state(self, input_shape: tuple[int, ...]) -> PopulationState:
        """Return neurons at rest and y = 0, for inputs u of shape (…, D) or (…, controls), or () for none."""
        shape = check.broadcast(input_shape)
        if shape or self.controls:
            check.last_axis(self.controls or self.size, u=np.broadcast_to(0, shape))
        return self.start(jnp.zeros((*shape[:-1], self.size), self.recurrent.decoders.dtype))

    def start(self, y: Float[ArrayLike, "... dimensions"]) -> PopulationState:
        """Return the initial state at y: `simulate(population, …, state=population.start([1.0, 0.0]))`."""
        y = numbers(y=y)
        check.last_axis(self.size, y=y)
        return PopulationState(self.recurrent.init_state((*y.shape[:-1], self.size + self.controls)), y)

    def prepare(self, dt: ArrayLike) -> "RecurrentPopulation":
        """Check that steps are not longer than tau_s, and return an equivalent population with faster steps."""
        if not any(isinstance(x, Tracer) for x in (dt, self.tau_s)) and np.any(np.asarray(dt) > np.asarray(self.tau_s)):
            raise InputError(f"dt must not be longer than tau_s ({self.tau_s} ms), but is {dt} ms")
        return eqx.tree_at(lambda population: population.recurrent, self, self.recurrent.prepare(dt))

    def step(
        self, state: PopulationState, u: Float[ArrayLike, "... input"] | None, dt: ArrayLike
    ) -> tuple[PopulationState, Float[Array, "... dimensions"]]:
        """Advance by `dt` [ms] under the input u, which may be None without controls; the output is y.

        Raises:
            InputError: for an input that is not finite or does not fit, or a dt that is not positive.
        """
        check.instance(PopulationState, state=state)
        *lead, size = jnp.shape(state.y)
        if u is None and self.controls:
            raise InputError(f"u must be given, (…, {self.controls}), since f is a function of y and u")
        u = received((*lead, self.controls or size), dt, u=0.0 if u is None else u)
        x, added = state.y, u
        if self.controls:
            x = jnp.concatenate([x, jnp.broadcast_to(u, (*lead, self.controls))], axis=-1)
            added = 0.0
        neurons, g = self.recurrent.step(state.neurons, x, dt)
        y = state.y + dt * ((g - state.y) / self.tau_s + added)
        return PopulationState(neurons, y), y
