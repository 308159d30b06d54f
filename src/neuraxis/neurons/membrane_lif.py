"""The leaky integrate-and-fire neuron in millivolts, driven by a current."""

import equinox as eqx
import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from neuraxis import check
from neuraxis.neurons.lif import LIF, LIFState
from neuraxis.neurons.received import numbers, received
from neuraxis.values import with_values


class MembraneLIF(eqx.Module):
    """A `LIF` in its dimensional form: potential V [mV], driven by a current density J [µA/cm²].

        τ_m dV/dt = (V_rest + J/g_L) − V,   at V = V_th a spike, then V = V_rest for τ_ref

    It is the dimensionless neuron with v = (V − V_rest)/(V_th − V_rest) and v_in = J/(g_L (V_th − V_rest)). The
    membrane capacitance is C = g_L τ_m, and the rheobase, above which the neuron fires, is g_L (V_th − V_rest).

    Raises:
        InputError: for a g_leak that is not positive, or a v_threshold that is not above v_rest.
    """

    lif: LIF = eqx.field(default_factory=LIF)
    """The neuron in dimensionless form, with its time constants."""
    v_rest: ArrayLike = -70.0
    """Resting potential V_rest [mV]."""
    v_threshold: ArrayLike = -50.0
    """Threshold V_th [mV]."""
    g_leak: ArrayLike = 0.1
    """Leak conductance g_L [mS/cm²]."""

    __repr__ = with_values

    def __check_init__(self):
        check.instance(LIF, lif=self.lif)
        check.parameters(v_rest=self.v_rest, v_threshold=self.v_threshold, g_leak=self.g_leak)
        check.positive(g_leak=self.g_leak)
        check.finite(v_rest=self.v_rest, v_threshold=self.v_threshold)
        check.positive(**{"v_threshold - v_rest": jnp.asarray(self.v_threshold) - jnp.asarray(self.v_rest)})

    def init_state(self, input_shape: tuple[int, ...] = ()) -> LIFState:
        """Return the state at rest, V_rest with no past spike, one neuron per entry of a current (or of the fields)."""
        return self.lif.init_state(check.broadcast(input_shape, fields=self.drive(0.0)))

    def step(self, state: LIFState, current: ArrayLike, dt: ArrayLike) -> tuple[LIFState, Float[Array, "..."]]:
        """Advance by `dt` [ms] under a current [µA/cm²]; the output is the number of spikes in the step.

        Raises:
            InputError: for a current that is not finite or does not broadcast to the state, or a dt that is not
                positive.
        """
        check.instance(LIFState, state=state)
        current = received(jnp.shape(state.gap), dt, current=current)
        return self.lif.step(state, self.drive(current), dt)

    def period(self, current: ArrayLike) -> Float[Array, "..."]:
        """Return the interspike interval [ms] under a constant current [µA/cm²]; infinite where the neuron is silent.

        Raises:
            InputError: for a current that is not finite.
        """
        return self.lif.period(self.drive(current))

    def firing_rate(self, current: ArrayLike) -> Float[Array, "..."]:
        """Return the steady firing rate [Hz] under a current [µA/cm²].

        Raises:
            InputError: for a current that is not finite.
        """
        return self.lif.firing_rate(self.drive(current))

    def potential(self, state: LIFState) -> Float[Array, "..."]:
        """Return the membrane potential V = V_rest + v (V_th − V_rest) [mV].

        Raises:
            InputError: for a state that is not a `LIFState`.
        """
        check.instance(LIFState, state=state)
        return state.v * (jnp.asarray(self.v_threshold) - self.v_rest) + self.v_rest

    def drive(self, current: ArrayLike) -> Float[Array, "..."]:
        """Return the dimensionless drive v_in = J/(g_L (V_th − V_rest)) of a current [µA/cm²].

        Raises:
            InputError: for a current that is not finite.
        """
        return numbers(current=current) / ((jnp.asarray(self.v_threshold) - self.v_rest) * self.g_leak)
