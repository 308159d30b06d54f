"""Synapses: spikes and signals filtered by h(t) = k tⁿ e^(−t/τ_s), step by step, by convolution or from spike times."""

from typing import Any, cast

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from neuraxis import check
from neuraxis.errors import InputError
from neuraxis.neurons.received import numbers, received
from neuraxis.neurons.spike_train import check_sorted
from neuraxis.neurons.spikes import Spikes
from neuraxis.values import compiled, with_values

SynapseState = tuple[Float[Array, "..."], ...]  # one array per stage, in the order in which the signal passes them

_GONE = 750.0  # e^(−750) is 0 even in float64; powers of a larger u would only make gradients 0·∞


class Synapse(eqx.Module):
    """Synapse of order n, a low-pass filter.

    Its response to a spike is

        h(t) = k tⁿ e^(−t/τ_s) for t ≥ 0, else 0,   k = 1/(n! τ_s^(n+1)),   so that ∫h = 1.

    Order 0 is the exponential synapse, order 1 the alpha synapse. The response peaks at n τ_s and is delayed by
    (n + 1) τ_s on average. It is the response of n + 1 equal stages in series, with the input x:

        τ_s dz₀/dt = x − z₀,   τ_s dz_i/dt = z_(i−1) − z_i,   output z_n.

    A step uses their matrix exponential, whose entries are Poisson probabilities, e^(−u) u^k/k! with u = dt/τ_s. It is
    therefore exact at any length, both for a signal that is constant within the step and for spikes at any time in it.

    A signal keeps its unit: a constant signal passes unchanged. Spikes have area 1, and filtered spikes are a rate in
    spikes per ms.

    `tau_s` may be an array, one value per synapse, and may be trained; all results are differentiable with respect to
    it and to the inputs.

    Raises:
        InputError: for a tau_s that is not positive, or an order that is not an integer ≥ 0.

    Source: Rall, J. Neurophysiology 30:1138 (1967); Rotter & Diesmann, Biological Cybernetics 81:381 (1999).
    """

    tau_s: ArrayLike = 5.0
    """Time constant [ms]."""
    order: int = eqx.field(default=0, static=True)
    """Order n of the impulse response: 0 is exponential, 1 is alpha."""

    __repr__ = with_values

    def __check_init__(self):
        check.parameters(tau_s=self.tau_s)
        check.positive(tau_s=self.tau_s)
        check.whole(0, order=self.order)

    def impulse_response(self, t: ArrayLike) -> Float[Array, "..."]:
        """Return h(t) [1/ms], the response at time t [ms] to a spike at 0.

        Raises:
            InputError: for a time that is not finite.
        """
        t = numbers(t=t)
        return jnp.where(t >= 0, _poisson(jnp.maximum(t, 0) / self.tau_s, self.order)[-1] / self.tau_s, 0.0)

    def filter_spikes(
        self, spike_times: Float[ArrayLike, "*neurons spike"], times: Float[ArrayLike, " time"]
    ) -> Float[Array, "*neurons time"]:
        """Filter spike trains given by their times, s(t) = Σ_p h(t − t_p), and evaluate s at arbitrary times.

        This evaluates the definition, every spike at every time. For long trains `simulate` is faster and, in float32,
        more precise, since it does not use absolute times.

        Args:
            spike_times: sorted times t_p [ms]; `inf` stands for no spike.
            times: times at which to evaluate s [ms], in any order.

        Returns:
            s [1/ms], for each train at all times.

        Raises:
            InputError: for spike times that are negative or not in ascending order, times that are not a list, or
                trains that do not fit tau_s.
        """
        check_sorted(spike_times=spike_times)
        check.broadcast(np.shape(spike_times)[:-1], tau_s=self.tau_s)
        times = numbers(times=times)
        if times.ndim != 1:
            raise InputError(f"times must be a list, but has shape {times.shape}")
        return _sum_over_spikes(self, check.floats("spike_times", spike_times), times)

    def convolve(self, signal: Float[ArrayLike, "time ..."], dt: ArrayLike) -> Float[Array, "time ..."]:
        """Filter a signal that is constant in each step by convolution of all steps at once (fast Fourier transform).

        The result is that of `simulate(synapse, signal, dt=dt)`, up to rounding relative to its largest value. The
        kernel is the response, at the end of each step, to a signal of 1 in the first step; it sums to 1.

        Args:
            signal: one value per step. For spikes whose times within a step are unknown, pass their number/dt.
            dt: length of a step [ms].

        Raises:
            InputError: for a dt that is not positive, or a signal without steps.
        """
        signal = numbers(signal=signal)
        check.positive(dt=dt)
        check.same_length(signal=signal)
        check.broadcast(signal.shape[1:], tau_s=self.tau_s)
        check.one_number(dt=dt)
        return _convolve(self, signal, dt)

    def init_state(self, input_shape: tuple[int, ...] | Spikes = ()) -> SynapseState:
        """Return n + 1 stages of zeros, each of the shape of the input (or of tau_s).

        For `Spikes` as input, pass `Spikes` of the shapes of their number and age.
        """
        shape, age = cast(Any, input_shape) if isinstance(input_shape, Spikes) else (input_shape, ())
        shape = check.broadcast(shape, tau_s=self.tau_s, age=np.broadcast_to(0, age))
        return tuple(jnp.zeros(shape) for _ in range(self.order + 1))

    def step(
        self, state: SynapseState, input: ArrayLike | Spikes, dt: ArrayLike
    ) -> tuple[SynapseState, Float[Array, "..."]]:
        """Advance by `dt` [ms]; the output is the filtered input at the end of the step.

        Args:
            state: the stages.
            input: a signal that is constant within the step, or `Spikes`, each of area 1 (or of a weight, passed as
                `number`), at `age` [ms] before the end of the step. A spike of age 0, at the very end of the step, is
                already included in the output. Several spikes in a step are all placed at the latest.
            dt: length of the step [ms].

        Raises:
            InputError: for an input that is not finite or does not broadcast to the state, or a dt that is not
                positive.
        """
        if not (isinstance(state, tuple) and len(state) == self.order + 1):
            stages = f"a tuple of {self.order + 1} stages, as init_state makes it"
            raise InputError(f"state must be {stages}, but is {check.received(state)}")
        shape, signal, number, age = jnp.shape(state[0]), 0, 0, 0
        if isinstance(input, Spikes):
            number, age = received(shape, dt, number=input.number), received(shape, dt, age=input.age)
        else:
            signal = received(shape, dt, input=input)
        u = dt / self.tau_s
        left, spread = -jnp.expm1(-u), _poisson(u, self.order)
        # Written as increments, so that rounding is relative to the change in a step.
        above = [z - signal for z in state]
        state = tuple(
            z - left * above[i] + sum(spread[k] * above[i - k] for k in range(1, i + 1)) for i, z in enumerate(state)
        )
        if isinstance(input, Spikes):
            # In a step without spikes the age is not used; before the first spike it is very long.
            arrived = _poisson(jnp.clip(age, 0, dt) / self.tau_s, self.order)
            state = tuple(z + number * p / self.tau_s for z, p in zip(state, arrived, strict=True))
        return state, state[-1]


def _poisson(u: ArrayLike, order: int) -> list[Array]:
    """Return e^(−u) u^k/k! for k = 0, …, order, each from the one before, so that nothing overflows."""
    u = jnp.minimum(u, _GONE)
    terms = [jnp.exp(-u)]
    for k in range(1, order + 1):
        terms.append(terms[-1] * (u / k))
    return terms


@compiled
def _sum_over_spikes(synapse: Synapse, spike_times: Array, times: Array) -> Array:
    # Compiled as one function, so that the array (…, time, spike) is never stored.
    delays = times[:, None] - spike_times[..., None, :]
    tau_s = jnp.asarray(synapse.tau_s)[..., None, None]
    return Synapse(tau_s, synapse.order).impulse_response(delays).sum(axis=-1)


@compiled
def _convolve(synapse: Synapse, signal: Array, dt: ArrayLike) -> Array:
    steps, shape = len(signal), jnp.broadcast_shapes(signal.shape[1:], jnp.shape(synapse.tau_s))
    first, _ = synapse.step(synapse.init_state(), 1.0, dt)
    since = (jnp.arange(steps) * dt).reshape(-1, *(1 for _ in shape))
    spread = _poisson(since / synapse.tau_s, synapse.order)
    kernel = sum(p * z for p, z in zip(reversed(spread), first, strict=True))
    signal = signal.reshape(steps, *(1 for _ in shape[signal.ndim - 1 :]), *signal.shape[1:])
    size = 1 << (2 * steps - 1).bit_length()  # a power of two, large enough to avoid wrap-around
    product = jnp.fft.rfft(signal, size, axis=0) * jnp.fft.rfft(kernel, size, axis=0)
    return jnp.fft.irfft(product, size, axis=0)[:steps]
