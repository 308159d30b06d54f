"""The Hodgkin–Huxley neuron: action potentials from two voltage-gated conductances."""

import dataclasses
import math
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import lax
from jax.typing import ArrayLike
from jaxtyping import Array, Bool, Float

from neuraxis import check
from neuraxis.functions.integrators import Integrator, exponential_euler
from neuraxis.neurons.received import numbers, received
from neuraxis.values import compiled, with_values

_Q10 = 3.0  # factor on all rates per 10 °C
_MEASURED_AT = 6.3  # temperature of Hodgkin and Huxley's axons [°C]
_BISECTIONS = 64  # enough to narrow any bracket to the spacing of double precision


class Gates(NamedTuple):
    """One value per gate: a rate [1/ms], an open fraction, or a time constant [ms]."""

    n: Float[Array, "*shape"]  # activates K⁺ channels
    m: Float[Array, "*shape"]  # activates Na⁺ channels
    h: Float[Array, "*shape"]  # inactivates Na⁺ channels as it falls


class Membrane(NamedTuple):
    """Variables of the differential equations: membrane potential [mV] and open fractions of the gates."""

    v: Float[Array, "*shape"]
    n: Float[Array, "*shape"]
    m: Float[Array, "*shape"]
    h: Float[Array, "*shape"]


class HodgkinHuxleyState(NamedTuple):
    """State of the neuron: the membrane variables, and the history of V that spike detection needs."""

    v: Float[Array, "*shape"]
    n: Float[Array, "*shape"]
    m: Float[Array, "*shape"]
    h: Float[Array, "*shape"]
    turn: Float[Array, "*shape"]  # latest minimum of V, at least V_rest; after a rise, latest maximum − `prominence`
    risen: Bool[Array, "*shape"]  # whether V has risen by `prominence` and has not fallen by as much since


class HodgkinHuxley(eqx.Module):
    r"""The membrane of the squid giant axon: a dynamics.

        C dV/dt = J − g_L (V − V_L) − g_Na m³h (V − V_Na) − g_K n⁴ (V − V_K)
        da/dt = α_a(V)(1 − a) − β_a(V) a = (a∞(V) − a)/τ_a(V),  a ∈ {n, m, h},
        a∞ = α_a/(α_a + β_a),  τ_a = 1/(α_a + β_a)

    with the current density J and the rates α, β of `gate_rates`. State and current may have any shape, one entry per
    neuron; fields may be arrays that broadcast with it, such as one conductance per neuron. The fields give the
    reversal potentials relative to `v_rest`, as in the paper, so `HodgkinHuxley(v_rest=-70.0)` shifts all potentials.

    The height of spikes varies: under strong currents they peak far below 0 mV. A spike is therefore detected by its
    prominence: V rises by `prominence` from its latest minimum (or from V_rest, if that is higher), and falls by as
    much from its maximum. `step` returns 1.0 where this is complete, about a millisecond after the peak, else 0.0.

    Raises:
        InputError: for a conductance that is negative, a capacitance or leak conductance that is not positive, or a
            parameter that is not finite or does not broadcast with the others.

    Source: A. L. Hodgkin and A. F. Huxley, The Journal of Physiology 117 (1952) 500, with the modern sign of V.
    """

    g_na: ArrayLike = 120.0
    """Maximum Na⁺ conductance [mS/cm²]."""
    g_k: ArrayLike = 36.0
    """Maximum K⁺ conductance [mS/cm²]."""
    g_leak: ArrayLike = 0.3
    """Leak conductance [mS/cm²]."""
    v_na: ArrayLike = 115.0
    """Na⁺ reversal potential above v_rest [mV]."""
    v_k: ArrayLike = -12.0
    """K⁺ reversal potential above v_rest [mV]."""
    v_leak: ArrayLike = 10.613
    """Leak reversal potential above v_rest [mV]."""
    v_rest: ArrayLike = -65.0
    """Resting potential [mV]."""
    prominence: ArrayLike = 20.0
    """Minimum rise and fall of V in a spike [mV]."""
    capacitance: ArrayLike = 1.0
    """Membrane capacitance C [µF/cm²]."""
    temperature: ArrayLike = 6.3
    """Temperature [°C]."""
    integrator: Integrator = eqx.field(static=True, default=exponential_euler)
    """Integrator, such as `exponential_euler` or `rk4`."""

    __repr__ = with_values

    def __check_init__(self):
        check.parameters(**self._fields())
        check.functions(integrator=self.integrator)
        check.positive(capacitance=self.capacitance, g_leak=self.g_leak, prominence=self.prominence)
        check.not_negative(g_na=self.g_na, g_k=self.g_k)
        check.finite(v_na=self.v_na, v_k=self.v_k, v_leak=self.v_leak)
        check.finite(v_rest=self.v_rest, temperature=self.temperature)

    def gate_rates(self, v: ArrayLike) -> tuple[Gates, Gates]:
        """Return the opening rates α and closing rates β [1/ms] at the potential v [mV].

        With u = V − V_rest, at 6.3 °C (all rates grow threefold per 10 °C):

            α_n = 0.01 (u − 10)/(1 − e^{−(u−10)/10})    β_n = 0.125 e^{−u/80}
            α_m = 0.1 (u − 25)/(1 − e^{−(u−25)/10})     β_m = 4 e^{−u/18}
            α_h = 0.07 e^{−u/20}                        β_h = 1/(1 + e^{−(u−30)/10})
        """
        u = numbers(v=v) - self.v_rest  # 0.01 (u − 10)/(1 − …) is 0.1 x/(1 − e^{−x}) with x = (u − 10)/10
        e = jnp.exp(-u / 10)  # shared by three rates: e^{−(u−c)/10} = e^{c/10} e^{−u/10}
        alpha = Gates(
            n=0.1 * _linoid((u - 10) / 10, math.exp(1.0) * e),
            m=_linoid((u - 25) / 10, math.exp(2.5) * e),
            h=0.07 * jnp.exp(-u / 20),
        )
        beta = Gates(n=0.125 * jnp.exp(-u / 80), m=4 * jnp.exp(-u / 18), h=1 / (1 + math.exp(3.0) * e))
        warmth = _Q10 ** ((self.temperature - _MEASURED_AT) / 10)
        return jax.tree.map(lambda rate: warmth * rate, (alpha, beta))

    def gates(self, v: ArrayLike) -> tuple[Gates, Gates]:
        """Return the steady states a∞ and the time constants τ_a [ms] of the gates at the potential v [mV]."""
        alpha, beta = self.gate_rates(v)
        tau = jax.tree.map(lambda alpha, beta: 1 / (alpha + beta), alpha, beta)
        return jax.tree.map(jnp.multiply, alpha, tau), tau

    def relaxation(self, state: Membrane, current: ArrayLike) -> tuple[Membrane, Membrane]:
        """Return the value that each variable relaxes towards, and its time constant [ms].

        For the potential, with the present conductances G_Na = g_Na m³h and G_K = g_K n⁴:

            V∞ = (J + g_L V_L + G_Na V_Na + G_K V_K)/(g_L + G_Na + G_K),  τ_V = C/(g_L + G_Na + G_K)

        Raises:
            InputError: for a state that is not a `Membrane`, or a current that is not finite.
        """
        check.instance(Membrane, state=state)
        v, n, m, h = state
        current = numbers(current=current)
        g_na = self.g_na * m * m * m * h
        g_k = self.g_k * (n * n) * (n * n)
        g = self.g_leak + g_na + g_k
        v_target = self.v_rest + (current + self.g_leak * self.v_leak + g_na * self.v_na + g_k * self.v_k) / g
        gates, tau = self.gates(v)
        target = Membrane(jnp.asarray(v_target), *gates)
        return target, Membrane(jnp.asarray(self.capacitance / g), *tau)

    def derivative(self, state: Membrane, current: ArrayLike) -> Membrane:
        """Return the rate of change of every variable [mV/ms, 1/ms] under a current [µA/cm²].

        Raises:
            InputError: for a state that is not a `Membrane`, or a current that is not finite.
        """
        target, tau = self.relaxation(state, current)
        return jax.tree.map(lambda y, target, tau: (target - y) / tau, state, target, tau)

    def equilibrium(self, current: ArrayLike) -> Membrane:
        """Return the fixed point under a constant current [µA/cm²], stable or not.

        For the standard parameters the steady-state current through the membrane rises with V, so the fixed point is
        unique. It is found by bisection, and is differentiable with respect to the current and all fields.

        Raises:
            InputError: for a current that is not finite, or does not broadcast with the fields.
        """
        current = numbers(current=current)
        check.broadcast((), current=current, **self._fields())
        return self._equilibrium(current)

    @compiled
    def _equilibrium(self, current: Array) -> Membrane:
        def excess(v: Float[Array, "..."]) -> Float[Array, "..."]:
            return self.relaxation(Membrane(v, *self.gates(v)[0]), current)[0].v - v

        def bisect(excess, start):
            # V lies in the range of the reversal potentials, extended by the voltage at which the leak carries J.
            driven = current / self.g_leak
            reversals = jnp.stack(jnp.broadcast_arrays(self.v_na, self.v_k, self.v_leak))
            low = start + reversals.min(0) + jnp.minimum(driven, 0)
            high = start + reversals.max(0) + jnp.maximum(driven, 0)

            def halve(_, bracket):
                low, high = bracket
                middle = (low + high) / 2
                below = excess(middle) > 0
                return jnp.where(below, middle, low), jnp.where(below, high, middle)

            low, high = lax.fori_loop(0, _BISECTIONS, halve, (low, high))
            return (low + high) / 2

        shape = jnp.broadcast_shapes(*(jnp.shape(x) for x in jax.tree.leaves((self, current))))
        start = jnp.broadcast_to(self.v_rest, shape).astype(jnp.result_type(float))
        # The tangent solve divides by the slope of `excess`, which acts on each neuron separately.
        v = lax.custom_root(excess, start, bisect, lambda slope, y: y / slope(jnp.ones_like(y)))
        return Membrane(v, *self.gates(v)[0])

    def init_state(self, input_shape: tuple[int, ...] = ()) -> HodgkinHuxleyState:
        """Return the resting state, the equilibrium without current, for neurons of shape `input_shape`.

        To start from another potential, use `state._replace(v=…)`.
        """
        shape = check.broadcast(input_shape, **self._fields())
        rest = jax.tree.map(lambda x: jnp.broadcast_to(x, shape), self.equilibrium(0.0))
        return HodgkinHuxleyState(*rest, turn=jnp.maximum(rest.v, self.v_rest), risen=jnp.zeros(shape, bool))

    def step(
        self, state: HodgkinHuxleyState, current: ArrayLike, dt: ArrayLike
    ) -> tuple[HodgkinHuxleyState, Float[Array, "..."]]:
        """Advance by `dt` [ms] under a current [µA/cm²]; the output is 1.0 where a spike is complete, else 0.0.

        Raises:
            InputError: for a current that is not finite or does not broadcast to the state, or a dt that is not
                positive.
        """
        check.instance(HodgkinHuxleyState, state=state)
        current = received(jnp.shape(state.v), dt, current=current)
        membrane = self.integrator(self, Membrane(*state[:4]), current, dt)
        v = lax.stop_gradient(membrane.v)
        low, high = v - self.prominence, jnp.maximum(v, self.v_rest)
        fallen, risen = high < state.turn, low > state.turn
        spikes = (state.risen & fallen).astype(v.dtype)
        turn = jnp.clip(state.turn, low, high).astype(v.dtype)
        return HodgkinHuxleyState(*membrane, turn, risen | (state.risen & ~fallen)), spikes

    def _fields(self) -> dict[str, ArrayLike]:
        return {f.name: getattr(self, f.name) for f in dataclasses.fields(self) if f.name != "integrator"}


def _linoid(x: Float[Array, "*shape"], exp_minus_x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """Return x/(1 − e^{−x}); near x = 0, where this is 0/0, by its series 1 + x/2 + Σ B₂ₖ x²ᵏ/(2k)!."""
    # Up to here the series is exact to double precision; beyond, the difference loses at most two bits.
    near = jnp.abs(x) < 0.25
    s = x * x
    series = 1 + x / 2 + s * (1 / 12 - s * (1 / 720 - s * (1 / 30240 - s * (1 / 1209600 - s / 47900160))))
    # Where the fraction is not used, its arguments are replaced, so that its gradient is finite there too.
    fraction = jnp.where(near, 1, x) / (1 - jnp.where(near, 0, exp_minus_x))
    return jnp.where(near, series, fraction)
