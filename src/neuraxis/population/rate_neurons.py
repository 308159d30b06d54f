"""Rate functions of neurons: the protocol that ensembles require, and models that consist of a rate function only."""

from typing import Any, Protocol, runtime_checkable

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from neuraxis import check
from neuraxis.errors import InputError
from neuraxis.functions.activations import logistic, relu
from neuraxis.neurons.received import numbers
from neuraxis.values import with_values


@runtime_checkable
class RateModel(Protocol):
    """Neurons with a rate function, such as `neuraxis.neurons.LIF`.

    If they are also a dynamics, whose step returns the number of spikes, an ensemble of them spikes in simulations;
    otherwise its output is rates.
    """

    def firing_rate(self, drive: Any, /) -> Float[Array, "..."]:
        """Return the steady-state firing rate [Hz] under a constant drive."""
        ...

    def gain_bias(self, max_rates: Any, intercepts: Any, /) -> tuple[Float[Array, "..."], Float[Array, "..."]]:
        """Find the gain and bias of a neuron that is driven by gain·x + bias.

        Args:
            max_rates: its firing rate at x = 1 [Hz].
            intercepts: the x above which it fires.
        """
        ...


class RateNeurons(eqx.Module):
    """Neurons of any model, reduced to their rate function: an ensemble of them has no spikes and no state.

    Raises:
        InputError: for neurons without a rate function.
    """

    neurons: RateModel

    def __check_init__(self):
        check_rate_model(self.neurons)

    def firing_rate(self, drive: ArrayLike) -> Float[Array, "..."]:
        """Return the steady-state firing rate [Hz]."""
        return self.neurons.firing_rate(drive)

    def gain_bias(self, max_rates: ArrayLike, intercepts: ArrayLike) -> tuple[Float[Array, "..."], Float[Array, "..."]]:
        """Find gain and bias from the rate at x = 1 [Hz] and the intercept."""
        return self.neurons.gain_bias(max_rates, intercepts)


class ReLUNeurons(eqx.Module):
    """Neurons whose rate is max(drive, 0) [Hz], without an upper bound."""

    def firing_rate(self, drive: ArrayLike) -> Float[Array, "..."]:
        """Return the rate [Hz].

        Raises:
            InputError: for a drive that is not finite.
        """
        return relu(numbers(drive=drive))

    def gain_bias(self, max_rates: ArrayLike, intercepts: ArrayLike) -> tuple[Float[Array, "..."], Float[Array, "..."]]:
        """Find gain and bias from gain·1 + bias = max_rates and gain·intercepts + bias = 0.

        Raises:
            InputError: for a rate that is not positive, or an intercept not below 1.
        """
        max_rates, intercepts = _tuning(max_rates, intercepts)
        gain = max_rates / (1 - intercepts)
        return gain, -gain * intercepts


class LogisticNeurons(eqx.Module):
    """Neurons whose rate is (1/τ_ref)/(1 + e^(−drive)), which is never 0.

    Their intercept is where the rate is half its upper bound, 1/(2 τ_ref). A maximum rate below that gives a tuning
    curve that falls towards x = 1.

    Raises:
        InputError: for a tau_ref that is not positive.
    """

    tau_ref: ArrayLike = 2.5
    """Refractory period [ms]."""

    __repr__ = with_values

    def __check_init__(self):
        check.parameters(tau_ref=self.tau_ref)
        check.positive(tau_ref=self.tau_ref)

    def firing_rate(self, drive: ArrayLike) -> Float[Array, "..."]:
        """Return the rate [Hz].

        Raises:
            InputError: for a drive that is not finite.
        """
        return jnp.divide(1000, self.tau_ref) * logistic(numbers(drive=drive))

    def gain_bias(self, max_rates: ArrayLike, intercepts: ArrayLike) -> tuple[Float[Array, "..."], Float[Array, "..."]]:
        """Find gain and bias from the rate at x = 1 [Hz] and the x at which the rate is 1/(2 τ_ref).

        Raises:
            InputError: for a rate that is not positive or not below 1/τ_ref, or an intercept not below 1.
        """
        max_rates, intercepts = _tuning(max_rates, intercepts)
        share = max_rates * self.tau_ref / 1000
        if not isinstance(share, Tracer) and np.any(share >= 1):
            end = f"1/tau_ref, with a tau_ref of {self.tau_ref} ms"
            raise InputError(f"max_rates must stay below {end}, but reach {np.max(max_rates)}")
        drive = jnp.log(share) - jnp.log1p(-share)  # at x = 1
        gain = drive / (1 - intercepts)
        return gain, drive - gain


def check_rate_model(neurons: Any) -> None:
    """Check that neurons have a rate function.

    Raises:
        InputError: for neurons without one.
    """
    check.no_class(neurons=neurons)
    if not isinstance(neurons, RateModel):
        raise InputError(
            f"neurons must have a rate function, that is, the methods firing_rate and gain_bias, as LIF() has, "
            f"but are {check.received(neurons)}"
        )


def _tuning(max_rates: Any, intercepts: Any) -> tuple[Array, Array]:
    check.positive(max_rates=max_rates)
    max_rates, intercepts = numbers(max_rates=max_rates), numbers(intercepts=intercepts)
    if not isinstance(intercepts, Tracer) and np.any(intercepts >= 1):
        raise InputError(
            f"intercepts must stay below 1, where the maximum rate is reached, but reach {np.max(intercepts)}"
        )
    return max_rates, intercepts
