"""The leaky integrate-and-fire neuron, integrated exactly: spike times are resolved within a step."""

from typing import NamedTuple

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jax.typing import ArrayLike
from jaxtyping import Array, Bool, Float

from neuraxis import check
from neuraxis.errors import InputError
from neuraxis.neurons.received import numbers, received
from neuraxis.values import with_values

_NEVER = 1e9  # age before the first spike [ms]; finite, so that arithmetic and gradients stay finite


class LIFState(NamedTuple):
    """State of LIF neurons, of any shape.

    It holds the distance to the threshold rather than v, because float32 near v = 1 cannot resolve the small steps by
    which a weakly driven neuron approaches its threshold: it would stall there and never fire.
    """

    gap: Float[Array, "..."]
    """Distance to the threshold, 1 − v."""
    age: Float[Array, "..."]
    """Time since the latest spike [ms]; that spike was at t − age."""

    @property
    def v(self) -> Float[Array, "..."]:
        """Membrane potential, 0 at rest and 1 at the threshold."""
        return 1 - self.gap


class LIF(eqx.Module):
    """Leaky integrate-and-fire neuron in dimensionless form, v = (V − V_rest)/(V_th − V_rest).

        τ_m dv/dt = v_in − v,   at v = 1 a spike, then v = 0 for τ_ref

    The drive v_in is constant within a step, for which the step is exact at any length: the potential follows the
    closed form v_in + (v − v_in) e^(−t/τ_m), the time of the threshold crossing is solved for, and the rest of the step
    after a spike and its refractory period is integrated too. A step may contain several spikes.

    Fields may be arrays, one value per neuron, and may be trained; state and outputs are differentiable, apart from the
    number of spikes.

    Raises:
        InputError: for a tau_m that is not positive, a tau_ref that is negative, or shapes that do not fit.

    Source: Lapicque, J. Physiol. Pathol. Gén. 9:620 (1907); Gerstner et al., Neuronal Dynamics (2014), section 1.3.
    """

    tau_m: ArrayLike = 20.0
    """Membrane time constant [ms]."""
    tau_ref: ArrayLike = 2.0
    """Refractory period [ms]."""

    __repr__ = with_values

    def __check_init__(self):
        check.parameters(tau_m=self.tau_m, tau_ref=self.tau_ref)
        check.positive(tau_m=self.tau_m)
        check.not_negative(tau_ref=self.tau_ref)

    def init_state(self, input_shape: tuple[int, ...] = ()) -> LIFState:
        """Return the state at rest, v = 0 with no past spike, one neuron per entry of a drive (or of the fields)."""
        shape = check.broadcast(input_shape, tau_m=self.tau_m, tau_ref=self.tau_ref)
        return LIFState(gap=jnp.ones(shape), age=jnp.full(shape, _NEVER))

    def prepare(self, dt: ArrayLike) -> "LIF":
        """Return equivalent neurons, a third faster if `dt` exceeds neither time constant."""
        if type(self) is not LIF or any(isinstance(x, Tracer) for x in (self.tau_m, self.tau_ref, dt)):
            return self
        short = np.all(np.asarray(dt) <= np.minimum(self.tau_ref, self.tau_m))
        return _InShortSteps(self.tau_m, self.tau_ref, 0.5 / np.asarray(self.tau_m)) if short else self

    def step(self, state: LIFState, drive: ArrayLike, dt: ArrayLike) -> tuple[LIFState, Float[Array, "..."]]:
        """Advance by `dt` [ms] under the drive v_in; the output is the number of spikes in the step.

        The drive must broadcast to the shape of the state. The threshold, at the distance gap = 1 − v, is reached after
        τ_m ln(1 + gap/(v_in − 1)) outside the refractory period. The latest spike was at t − age exactly.

        Raises:
            InputError: for a drive that is not finite or does not broadcast to the state, or a dt that is not positive.
        """
        check.instance(LIFState, state=state)
        drive = received(jnp.shape(state.gap), dt, drive=drive)
        gap = jnp.maximum(state.gap, 0)  # rounding may have carried it past the threshold by one bit
        age = state.age + dt
        above, excess = _excess(drive)
        free = jnp.clip(state.age + jnp.subtract(dt, self.tau_ref), 0, dt)  # outside the refractory period [ms]
        since = free - self.tau_m * jnp.log1p(gap / excess)  # time since the first spike in the step
        fired = above & (since > 0)
        further, since, left = self._after_first(since, excess, dt)
        age, gap, free = (jnp.where(fired, new, old) for new, old in ((since, age), (1, gap), (left, free)))
        gap = self._moved(gap, drive - 1, free)
        return LIFState(gap, age), jnp.where(fired, 1 + further, jnp.zeros_like(gap))

    def period(self, drive: ArrayLike) -> Float[Array, "..."]:
        """Return the interspike interval [ms] under a constant drive; infinite where the neuron does not fire.

        It is also the interval between the spikes within one step, which `events` takes as `apart`.

        Raises:
            InputError: for a drive that is not finite.
        """
        above, excess = _excess(numbers(drive=drive))
        return jnp.where(above, self._period(excess), jnp.inf)

    def firing_rate(self, drive: ArrayLike) -> Float[Array, "..."]:
        """Return the steady firing rate [Hz], 1/(τ_ref − τ_m ln(1 − 1/v_in)) for v_in > 1, else 0.

        Raises:
            InputError: for a drive that is not finite.
        """
        above, excess = _excess(numbers(drive=drive))
        return jnp.where(above, 1000 / self._period(excess), 0.0)

    def gain_bias(self, max_rates: ArrayLike, intercepts: ArrayLike) -> tuple[Float[Array, "..."], Float[Array, "..."]]:
        """Find the gain and bias with which a neuron driven by v_in = gain·x + bias has a given tuning curve.

        Args:
            max_rates: firing rate at x = 1 [Hz].
            intercepts: the x above which the neuron fires, where gain·x + bias = 1.

        Raises:
            InputError: for a rate that is not positive or not below 1/τ_ref, or an intercept not below 1.
        """
        check.positive(max_rates=max_rates)
        max_rates, intercepts = numbers(max_rates=max_rates), numbers(intercepts=intercepts)
        spare = 1000 - max_rates * self.tau_ref  # time outside refractory periods per second, at the maximum rate [ms]
        _refuse(spare <= 0, f"max_rates must stay below 1/tau_ref, with a tau_ref of {self.tau_ref} ms", max_rates)
        _refuse(intercepts >= 1, "intercepts must stay below 1, where the maximum rate is reached", intercepts)
        excess = 1 / jnp.expm1(spare / max_rates / self.tau_m)  # drive beyond the threshold at x = 1
        gain = excess / (1 - intercepts)
        return gain, 1 - gain * intercepts

    def max_rates_intercepts(self, gain: ArrayLike, bias: ArrayLike) -> tuple[Float[Array, "..."], Float[Array, "..."]]:
        """Return the firing rate at x = 1 [Hz] and the x above which the neuron fires: the inverse of `gain_bias`.

        Raises:
            InputError: for a gain that is not positive.
        """
        check.positive(gain=gain)
        gain, bias = numbers(gain=gain), numbers(bias=bias)
        return self.firing_rate(gain + bias), (1 - bias) / gain

    def _period(self, excess: Array) -> Array:
        """Return the interspike interval [ms]; ln(1 + 1/(v_in − 1)) is −ln(1 − 1/v_in) without cancellation."""
        return jnp.log1p(1 / excess) * self.tau_m + self.tau_ref

    def _after_first(self, since: Array, excess: Array, dt: ArrayLike) -> tuple[ArrayLike, Array, ArrayLike]:
        """Return the number of spikes after the step's first, the time since the last, and its free part [ms].

        The time since the first spike is split into whole periods, each ending in a spike, and a remainder. Its free
        part lies outside the refractory period.
        """
        period = self._period(excess)
        further = jnp.floor(since / period)
        since = since - further * period
        return further, since, jnp.clip(since - self.tau_ref, 0, dt)

    def _moved(self, gap: Array, excess: Array, time: ArrayLike) -> Array:
        """Return gap e^(−x) − excess (1 − e^(−x)), the gap after x = time/τ_m without a spike."""
        x = jnp.divide(time, self.tau_m)
        small = gap - (gap + excess) * _approach(x / 2)  # rounding is relative to the change
        large = gap * jnp.exp(-x) - excess * _approach(x / 2)  # and here to the remainder
        return jnp.where(x < 1, small, large)


class _InShortSteps(LIF):
    """LIF neurons for steps no longer than τ_m and the refractory period, hence with at most one spike each."""

    half_rate: ArrayLike = 0.025  # 1/(2 τ_m), so that no step divides by τ_m [1/ms]

    def _after_first(self, since: Array, excess: Array, dt: ArrayLike) -> tuple[ArrayLike, Array, ArrayLike]:
        return 0, since, 0

    def _moved(self, gap: Array, excess: Array, time: ArrayLike) -> Array:
        return gap - (gap + excess) * _approach(jnp.multiply(time, self.half_rate))


def _excess(drive: Array) -> tuple[Bool[Array, "..."], Float[Array, "..."]]:
    """Return where v_in > 1, and v_in − 1 there; elsewhere 1, which keeps logarithms and their gradients finite."""
    above = drive > 1
    return above, jnp.where(above, drive - 1, 1.0)


def _approach(half: Array) -> Array:
    """Return 1 − e^(−x) from x/2 by tanh: as accurate for small x as expm1, and steps take an eighth less time."""
    t = jnp.tanh(half)
    return 2 * t / (1 + t)


def _refuse(wrong: Array, expected: str, values: Array) -> None:
    if not isinstance(wrong, Tracer) and np.any(wrong):
        raise InputError(f"{expected}, but reach {np.max(values)}")
