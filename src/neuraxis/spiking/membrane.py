"""Membranes with variables of their own, such as those of Izhikevich's model and of AdEx, in networks."""

from typing import Protocol, runtime_checkable

from jax.typing import ArrayLike
from jaxtyping import Array, Bool, PyTree


@runtime_checkable
class AdaptiveMembrane(Protocol):
    """A membrane of a `SpikingNetwork` with variables of its own besides the potential.

    They are called its adaptation: the recovery variable u of E. M. Izhikevich, IEEE Trans. Neural Netw. 14:1569
    (2003), or the current w of AdEx, R. Brette and W. Gerstner, J. Neurophysiol. 94:3637 (2005). In a step the membrane
    moves from its potential and adaptation; then neurons at or above the threshold spike, their potential becomes
    v_reset, and their adaptation what `after_spike` gives. While a neuron is refractory its potential is held, and its
    adaptation moves on.
    """

    tau_s: ArrayLike | tuple[ArrayLike, ...]
    """Synaptic time constants, one a receptor [ms]."""
    tau_ref: ArrayLike
    """Refractory period, rounded to whole steps [ms]."""
    v_threshold: ArrayLike
    v_reset: ArrayLike

    def init_adaptation(self, shape: tuple[int, ...], /) -> PyTree:
        """Make the variables at the beginning: an array of that shape (…, neuron), or a tree of them."""
        ...

    def advance(
        self, v: Array, charge: Array, drive: ArrayLike, dt: ArrayLike, adaptation: PyTree, /
    ) -> tuple[Array, PyTree]:
        """Return potential and adaptation after `dt` without a spike; the charge is q = τ s, (…, receptor, neuron)."""
        ...

    def after_spike(self, adaptation: PyTree, fired: Bool[Array, "..."], /) -> PyTree:
        """Return the adaptation after the spikes of those that fired."""
        ...
