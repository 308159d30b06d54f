"""Membranes with adaptation variables, such as those of Izhikevich's model and of AdEx, in networks."""

from typing import Protocol, runtime_checkable

from jax.typing import ArrayLike
from jaxtyping import Array, Bool, PyTree


@runtime_checkable
class AdaptiveMembrane(Protocol):
    """A membrane of a `SpikingNetwork` with state variables besides the potential.

    These are called its adaptation: the recovery variable u of E. M. Izhikevich, IEEE Trans. Neural Netw. 14:1569
    (2003), or the current w of AdEx, R. Brette and W. Gerstner, J. Neurophysiol. 94:3637 (2005). A step advances
    potential and adaptation; then neurons at or above the threshold spike, their potential is reset to v_reset, and
    `after_spike` updates their adaptation. While a neuron is refractory, its potential is held, but its adaptation
    continues to evolve.
    """

    tau_s: ArrayLike | tuple[ArrayLike, ...]
    """Synaptic time constants, one per receptor [ms]."""
    tau_ref: ArrayLike
    """Refractory period, rounded to whole steps [ms]."""
    v_threshold: ArrayLike
    v_reset: ArrayLike

    def init_adaptation(self, shape: tuple[int, ...], /) -> PyTree:
        """Return the initial adaptation: an array of shape `shape`, (…, neuron), or a pytree of such arrays."""
        ...

    def advance(
        self, v: Array, charge: Array, drive: ArrayLike, dt: ArrayLike, adaptation: PyTree, /
    ) -> tuple[Array, PyTree]:
        """Return potential and adaptation after `dt` without a spike; the charge is q = τ s, (…, receptor, neuron)."""
        ...

    def after_spike(self, adaptation: PyTree, fired: Bool[Array, "..."], /) -> PyTree:
        """Return the adaptation after the spikes of the neurons that fired."""
        ...
