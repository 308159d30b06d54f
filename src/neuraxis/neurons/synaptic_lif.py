"""Integrate-and-fire membranes with exponential synapses, current-based or conductance-based."""

from typing import Protocol, runtime_checkable

import equinox as eqx
import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from neuraxis import check
from neuraxis.errors import InputError
from neuraxis.neurons.received import numbers, received
from neuraxis.values import with_values


@runtime_checkable
class SynapticMembrane(Protocol):
    """Neurons that a `SpikingNetwork` can run."""

    tau_s: ArrayLike | tuple[ArrayLike, ...]
    tau_ref: ArrayLike
    v_threshold: ArrayLike
    v_reset: ArrayLike

    def advance(self, v: Array, charge: Array, drive: ArrayLike, dt: ArrayLike, /) -> Array:
        """Return the potential after `dt` without a spike."""
        ...


class CurrentLIF(eqx.Module):
    """Leaky integrate-and-fire neuron with current-based synapses (CUBA).

        τ_m dv/dt = v_rest − v + Σ_k s_k + drive,   τ_k ds_k/dt = −s_k
        at v ≥ v_threshold a spike, then v = v_reset for τ_ref

    Between spikes the system is linear, and a step is its exact solution, with s_k = q_k/τ_k for the charge q_k that
    receptor k has yet to deliver:

        v(t + dt) = v∞ + (v − v∞) e^(−dt/τ_m) + Σ_k P_k s_k,   v∞ = v_rest + drive
        P_k = (1/τ_m) ∫₀^dt e^(−(dt−u)/τ_m) e^(−u/τ_k) du = τ_k/(τ_k − τ_m) (e^(−dt/τ_k) − e^(−dt/τ_m))

    Spikes are detected at the end of a step. With the default values the neuron is dimensionless; with potentials in
    mV, drive and s are in mV too. Fields may be arrays, one value per neuron (tau_s: one row per receptor).

    Raises:
        InputError: for a time constant that is not positive, a tau_ref that is negative, or a threshold that is not
            above the reset potential.

    Source: S. Rotter and M. Diesmann, Biol. Cybern. 81:381 (1999), for exact integration.
    """

    tau_m: ArrayLike = 20.0
    """Membrane time constant [ms]."""
    tau_s: ArrayLike | tuple[ArrayLike, ...] = (5.0,)
    """Synaptic time constants, one per receptor [ms]."""
    tau_ref: ArrayLike = 2.0
    """Refractory period, rounded to whole steps [ms]."""
    v_rest: ArrayLike = 0.0
    """Resting potential [mV, or 1]."""
    v_threshold: ArrayLike = 1.0
    """Threshold [mV, or 1]."""
    v_reset: ArrayLike = 0.0
    """Potential after a spike [mV, or 1]."""

    __repr__ = with_values

    def __check_init__(self):
        _check(self)

    def advance(
        self,
        v: Float[Array, "*lead neuron"],
        charge: Float[Array, "*lead receptor neuron"],
        drive: ArrayLike,
        dt: ArrayLike,
    ) -> Float[Array, "*lead neuron"]:
        """Return the potential after `dt` [ms] without a spike; the charge q = τ s is that at the start of the step."""
        v, charge, drive = _received(self, v, charge, drive, dt)
        passed, tau_s = jnp.asarray(dt) / self.tau_m, per_receptor(self.tau_s)
        # P_k/τ_k, in a form that avoids cancellation and stays finite where τ_k = τ_m.
        into = passed / tau_s * jnp.exp(-passed) * _growth(passed - dt / tau_s)
        toward = (self.v_rest + drive) - v
        return v - toward * jnp.expm1(-passed) + _total(into * charge)


class ConductanceLIF(eqx.Module):
    """Leaky integrate-and-fire neuron with conductance-based synapses (COBA).

        τ_m dv/dt = v_rest − v + Σ_k (g_k/g_leak) (E_k − v) + drive,   τ_k dg_k/dt = −g_k
        at v ≥ v_threshold a spike, then v = v_reset for τ_ref

    A step holds the conductances at their initial values and is exact for the potential (exponential Euler):

        v(t + dt) = v∞ + (v − v∞) e^(−G dt/τ_m),   G = 1 + Σ_k g_k/g_leak
        v∞ = (v_rest + Σ_k (g_k/g_leak) E_k + drive)/G

    with g_k = q_k/τ_k for the charge q_k that receptor k has yet to deliver. Spikes are detected at the end of a step.
    The drive is a current divided by g_leak [mV]. Fields may be arrays, one value per neuron (tau_s and v_reversal: one
    row per receptor).

    Raises:
        InputError: for a time constant or g_leak that is not positive, a tau_ref that is negative, a threshold that
            is not above the reset potential, or a number of reversal potentials other than that of the receptors.

    Source: T. P. Vogels and L. F. Abbott, J. Neurosci. 25:10786 (2005).
    """

    tau_m: ArrayLike = 20.0
    """Membrane time constant at rest [ms]."""
    tau_s: ArrayLike | tuple[ArrayLike, ...] = (5.0, 10.0)
    """Synaptic time constants, one per receptor [ms]."""
    v_reversal: ArrayLike | tuple[ArrayLike, ...] = (0.0, -80.0)
    """Reversal potentials E, one per receptor [mV]."""
    g_leak: ArrayLike = 10.0
    """Leak conductance [nS]."""
    tau_ref: ArrayLike = 5.0
    """Refractory period, rounded to whole steps [ms]."""
    v_rest: ArrayLike = -60.0
    """Resting potential [mV]."""
    v_threshold: ArrayLike = -50.0
    """Threshold [mV]."""
    v_reset: ArrayLike = -60.0
    """Potential after a spike [mV]."""

    __repr__ = with_values

    def __check_init__(self):
        _check(self)
        check.parameters(tau_m=self.tau_m, g_leak=self.g_leak)
        check.positive(g_leak=self.g_leak)
        check.finite(v_reversal=self.v_reversal)
        if not jnp.ndim(jnp.asarray(self.v_reversal)):
            raise InputError(f"v_reversal must have one entry, or one row, per receptor, but is {self.v_reversal}")
        reversals, receptors = len(per_receptor(self.v_reversal)), len(per_receptor(self.tau_s))
        if reversals != receptors:
            raise InputError(
                f"v_reversal must have one entry per receptor, of which tau_s has {receptors}, but has {reversals}"
            )

    def advance(
        self,
        v: Float[Array, "*lead neuron"],
        charge: Float[Array, "*lead receptor neuron"],
        drive: ArrayLike,
        dt: ArrayLike,
    ) -> Float[Array, "*lead neuron"]:
        """Return the potential after `dt` [ms] without a spike; the charge q = τ g is that at the start of the step."""
        v, charge, drive = _received(self, v, charge, drive, dt)
        opened = charge * (1 / (per_receptor(self.tau_s) * self.g_leak))
        total = 1 + _total(opened)
        target = (self.v_rest + drive + _total(opened * per_receptor(self.v_reversal))) / total
        return v - (target - v) * jnp.expm1(-total * (jnp.asarray(dt) / self.tau_m))


def per_receptor(values: ArrayLike | tuple[ArrayLike, ...]) -> Float[Array, "receptor #neuron"]:
    """Return one row per receptor, to broadcast with a charge (…, receptor, neuron)."""
    values = jnp.asarray(values, dtype=jnp.result_type(float))
    return values[:, None] if values.ndim == 1 else values


def _total(terms: Float[Array, "*lead receptor neuron"]) -> Float[Array, "*lead neuron"]:
    """Sum over receptors term by term, which XLA fuses into the surrounding loop; a reduction would be slower."""
    return sum((terms[..., k, :] for k in range(1, terms.shape[-2])), terms[..., 0, :])


def _growth(x: Array) -> Array:
    """Return (eˣ − 1)/x, which is 1 at x = 0."""
    zero = x == 0
    return jnp.where(zero, 1 + x / 2, jnp.expm1(x) / jnp.where(zero, 1, x))


def _received(
    neuron: CurrentLIF | ConductanceLIF, v: ArrayLike, charge: ArrayLike, drive: ArrayLike, dt: ArrayLike
) -> tuple[Array, Array, Array]:
    v, charge = numbers(v=v), numbers(charge=charge)
    receptors = len(per_receptor(neuron.tau_s))
    if charge.ndim < 2 or charge.shape[-2] != receptors:
        raise InputError(f"charge must have shape (…, {receptors}, neuron), but has shape {charge.shape}")
    check.fits(v.shape, charge=charge[..., 0, :])
    return v, charge, received(v.shape, dt, drive=drive)


def _check(neuron: CurrentLIF | ConductanceLIF) -> None:
    one_a_neuron = ("tau_m", "tau_ref", "v_rest", "v_threshold", "v_reset")
    check.parameters(**{name: getattr(neuron, name) for name in one_a_neuron})
    check.positive(tau_m=neuron.tau_m, tau_s=neuron.tau_s)
    check.not_negative(tau_ref=neuron.tau_ref)
    check.finite(v_rest=neuron.v_rest, v_threshold=neuron.v_threshold, v_reset=neuron.v_reset)
    check.positive(**{"v_threshold - v_reset": jnp.asarray(neuron.v_threshold) - jnp.asarray(neuron.v_reset)})
    if jnp.ndim(jnp.asarray(neuron.tau_s)) not in (1, 2) or len(jnp.asarray(neuron.tau_s)) == 0:
        raise InputError(f"tau_s must have one entry, or one row, per receptor, but is {check.received(neuron.tau_s)}")
