"""Sampling from a diffusion model: from noise, in steps that each remove some of it."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Array, ArrayLike, Float, Int, Integer, PRNGKeyArray

from neuraxis import check
from neuraxis.engine import record_nothing, simulate
from neuraxis.errors import InputError
from neuraxis.functions.spatial import Whole
from neuraxis.generative.diffusion import NO_CLASS, Diffusion
from neuraxis.generative.noise_schedule import NoiseSchedule, spread
from neuraxis.generative.parametrisations import determinant


class Estimate(NamedTuple):
    """The current x_t, and the estimates of x₀ and ε by the network."""

    x: Float[Array, "..."]
    clean: Float[Array, "..."]
    noise: Float[Array, "..."]


Move = Callable[[NoiseSchedule, Estimate, Any, Any, Any], Array]


def ddpm(schedule: NoiseSchedule, found: Estimate, t: Any, r: Any, key: PRNGKeyArray | None) -> Float[Array, "..."]:
    """Draw x_r from q(x_r | x_t, x̂₀): for r = t − 1, x_{t−1} = (x_t − β_t/√(1−ᾱ_t) ε̂)/√(1−β_t) + σ_t z with σ_t² = β̃_t.

    Source: Ho, Jain and Abbeel (2020), algorithm 2.
    """
    if key is None:
        raise InputError("ddpm draws noise at every step and needs a key: simulate(…, key=jax.random.key(0))")
    q = spread(schedule.posterior(t, r), found.x)
    noise = jax.random.normal(key, found.x.shape, found.x.dtype)
    deviation = jnp.sqrt(jnp.where(q.variance > 0, q.variance, 1)) * (q.variance > 0)  # √ has an infinite slope at 0
    return q.of_x * found.x + q.of_clean * found.clean + deviation * noise


def ddim(schedule: NoiseSchedule, found: Estimate, t: Any, r: Any, key: PRNGKeyArray | None) -> Float[Array, "..."]:
    """Return x_r = a_r x̂₀ + s_r ε̂, without new noise: the same x_T always leads to the same x₀.

    Source: Song, Meng and Ermon, International Conference on Learning Representations (2021), equation 12 with σ = 0.
    """
    level = spread(schedule.at(r), found.x)
    return level.signal * found.clean + level.noise * found.noise


# Euler's method for the flow dx = x̂₀ da + ε̂ ds: x_r = x_t + (a_r − a_t) x̂₀ + (s_r − s_t) ε̂. As x_t = a_t x̂₀ + s_t ε̂,
# this is `ddim`; on a `straight` path it is x_r = x_t + (r − t)/T u with the velocity u = ε̂ − x̂₀ of flow matching.
euler = ddim


class SamplerState(NamedTuple):
    """The noisy examples, and the number of steps taken."""

    x: Float[Array, "..."]
    step: Int[Array, ""]


class Sampler(eqx.Module):
    """A dynamics whose step is one denoising step, from x_t to x_r; its input is the desired class, or None.

    After `steps` steps, at times spaced evenly from T to 0, the state is a sample; further steps leave it unchanged.
    The output of a step is x̂₀, the network's estimate of the sample. Run it by `sample`, or by

        simulate(sampler, labels, steps=sampler.steps, state=sampler.begin(16, key=a), key=b)

    With guidance, the prediction is y(x) + w (y(x, label) − y(x)): w = 1 is the conditional prediction, and w > 1
    exaggerates what distinguishes the class.

    Args:
        network: network, as for `Diffusion`.
        diffusion: diffusion model that the network was trained with.
        move: `ddpm`, `ddim` or `euler`.
        shape: shape of an example, such as (28, 28, 1).
        steps: number of steps, from 1 to T; T by default.
        guidance: guidance weight w, for a network with classes; None for a single prediction, with the given label.

    Raises:
        InputError: for a move that is not a function, a shape or steps out of range, guidance for a network without
            classes, a prediction that does not determine x₀ at t = T, or a step with an unknown label.

    Source: Ho and Salimans, arXiv:2207.12598 (2022), equation 6, for guidance.
    """

    network: Callable[..., Any]
    diffusion: Diffusion
    move: Move = eqx.field(static=True)
    shape: tuple[int, ...] = eqx.field(static=True)
    times: Int[Array, " time"]
    """Times of the steps, from T to 0, zero-padded."""
    guidance: ArrayLike | None

    def __init__(
        self,
        network: Callable[..., Any],
        diffusion: Diffusion,
        move: Move,
        *,
        shape: Sequence[Whole],
        steps: Whole | None = None,
        guidance: ArrayLike | None = None,
    ):
        check.functions(network=network, move=move)
        check.instance(Diffusion, diffusion=diffusion)
        self.shape = check.sizes(0, shape=shape)
        most = diffusion.schedule.steps
        steps = most if steps is None else steps
        check.whole(steps=steps)
        if steps > most:
            raise InputError(f"steps must be at most the {most} of the schedule, but is {steps}")
        if guidance is not None:
            check.finite(guidance=guidance)
            check.one_number(guidance=guidance)
            if not _classes(network):
                raise InputError("guidance needs a network with classes, but this one has none")
        _check_parametrisation(diffusion)
        self.network, self.diffusion, self.move = network, diffusion, move
        self.guidance = guidance
        times = np.round(np.linspace(most, 0, int(steps) + 1)).astype(np.int32)
        # The same length for any number of steps, so that one compiled program serves all.
        self.times = jnp.asarray(np.pad(times, (0, most - int(steps))))

    @property
    def steps(self) -> int:
        """Number of steps that lead to a sample."""
        return int(np.count_nonzero(self.times))

    def init_state(self, input_shape: Any = ()) -> SamplerState:
        """Return the state x_T = 0, the mean of the noise, for labels of that shape; `begin` draws noise instead."""
        return SamplerState(jnp.zeros((*input_shape, *self.shape)), jnp.zeros((), jnp.int32))

    def begin(self, *leading: Whole, key: PRNGKeyArray) -> SamplerState:
        """Return a state of normal noise, (*leading, *shape)."""
        check.key(key)
        for i, size in enumerate(leading):
            check.whole(0, **{f"leading[{i}]": size})
        shape = (*map(int, leading), *self.shape)
        return SamplerState(jax.random.normal(key, shape), jnp.zeros((), jnp.int32))

    def step(
        self,
        state: SamplerState,
        label: Integer[ArrayLike, "..."] | None = None,
        dt: ArrayLike = 1.0,
        *,
        key: PRNGKeyArray | None = None,
    ) -> tuple[SamplerState, Float[Array, "..."]]:
        """Step from x_t to x_r; the output is x̂₀. `dt` is ignored."""
        x, lead = state.x, state.x.shape[: state.x.ndim - len(self.shape)]
        t, r = (self.times[jnp.minimum(state.step + i, self.times.size - 1)] for i in (0, 1))
        label = None if label is None else jnp.broadcast_to(jnp.asarray(check.array("label", label)), lead)
        clean, noise = self.diffusion.estimate(x, t, self._prediction(x, jnp.broadcast_to(t, lead), label))
        moved = self.move(self.diffusion.schedule, Estimate(x, clean, noise), t, r, key)
        return SamplerState(jnp.where(t > 0, moved, x), state.step + 1), clean

    def sample(
        self, count: Whole, label: Integer[ArrayLike, "..."] | None = None, *, key: PRNGKeyArray
    ) -> Float[Array, "count ..."]:
        """Draw examples, (count, *shape).

        Args:
            count: number of samples.
            label: class of all samples, or one for each; None for any class.
            key: random key for the initial noise and the steps.

        Raises:
            InputError: for a count that is not positive, or labels that the network does not have.
        """
        check.whole(count=count)
        check.key(key)
        check.array_fits("count and shape", (count, *self.shape))
        if label is not None:
            if not (classes := _classes(self.network)):
                raise InputError("label= needs a network with classes, but this one has none")
            check.labels(label, classes)
            check.fits((int(count),), label=label)
            label = jnp.broadcast_to(jnp.asarray(check.array("label", label)), (int(count),))
        first, rest = jax.random.split(key)
        how: dict[str, Any] = {"steps": self.steps, "record": record_nothing}
        return simulate(self, label, state=self.begin(count, key=first), key=rest, **how).state.x

    def _prediction(self, x: Array, t: Array, label: Array | None) -> Array:
        if self.guidance is None:
            return self.diffusion.predict(self.network, x, t, label)
        if label is None:
            raise InputError("guidance needs the desired labels as input, but received none")
        told = self.diffusion.predict(self.network, x, t, label)
        untold = self.diffusion.predict(self.network, x, t, jnp.full_like(label, NO_CLASS))
        return untold + jnp.asarray(self.guidance, x.dtype) * (told - untold)


def _check_parametrisation(diffusion: Diffusion) -> None:
    """Check that the prediction determines x₀ at the first step, which would otherwise divide by 0."""
    last = diffusion.schedule.steps
    D = determinant(diffusion.weights_at(last), diffusion.schedule.at(last))
    if not isinstance(D, Tracer) and D == 0:
        raise InputError(
            "at the end of this schedule no signal is left, and the noise does not determine x₀; let the network "
            "predict V() or Velocity()"
        )


def _classes(network: Any) -> int:
    """Return the number of classes of a network, 0 if it does not define one."""
    return getattr(network, "classes", 0)
