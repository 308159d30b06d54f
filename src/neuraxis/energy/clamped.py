"""A predictive-coding network with clamped nodes: its energy as a function of the free ones, in two coordinates."""

from collections.abc import Sequence
from typing import Any

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Bool, Float

from neuraxis import check
from neuraxis.energy.predictive_coding import Layers, PredictiveCoding, as_end
from neuraxis.errors import InputError

Free = tuple[Array | None, ...]


class Clamped(eqx.Module):
    """A network with some nodes clamped: F as a function of the others, for `neuraxis.engine.relax`.

    The free nodes can be described by their values x, or by their errors ε, from which the values follow in one sweep
    from the top down, x^i = μ^i + ν^i ε^i. Both energies are the same F, with the same minima:

    - `energy(x)` is local: a step of gradient descent updates each layer from its two neighbours. A change at one end
      takes one step per layer to reach the other end, and is attenuated on the way.
    - `error_energy(errors)` is not local, but a single step propagates a change at the bottom to all layers.

    The states of both are tuples with one entry per layer, from the bottom to the top, which is None if no node of the
    layer is free. In a state of errors, the entry of the top holds its values, since it has no error, and that of the
    bottom is None, since its free nodes equal their prediction. For example,
    `relax(clamped.energy, clamped.values_at_first(), step_size=0.1)` settles the values, and
    `relax(clamped.error_energy, clamped.errors_at_first(), step_size=0.1)` the errors.

    Args:
        network: the network.
        bottom: values x¹ (…, n_1), or None if it is free.
        top: values x^L (…, n_L), or None if it is free.
        known: boolean mask that broadcasts to the bottom, to clamp only a part of its nodes.

    Raises:
        InputError: for ends that do not have the shapes of the network, are not finite or differ in their leading axes,
            a network that is not a `PredictiveCoding`, or a `known` that does not fit.

    Source of the errors as coordinates: C. Goemaere, G. Oliviers, R. Bogacz, T. Demeester, Error Optimization:
    Overcoming Exponential Signal Decay in Deep Predictive Coding Networks, arXiv:2505.20137 (2025).
    """

    network: PredictiveCoding
    bottom: Float[Array, "... bottom"] | None
    top: Float[Array, "... top"] | None
    known: Bool[Array, "..."] | None

    def __init__(
        self,
        network: PredictiveCoding,
        bottom: ArrayLike | None = None,
        top: ArrayLike | None = None,
        known: ArrayLike | None = None,
    ):
        check.instance(PredictiveCoding, network=network)
        given = {"bottom": (bottom, network.sizes[0]), "top": (top, network.sizes[-1])}
        ends = {name: None if x is None else as_end(name, x, size, network.dtype) for name, (x, size) in given.items()}
        check.finite(**{name: x for name, x in ends.items() if x is not None})
        leads = {name: x.shape[:-1] for name, x in ends.items() if x is not None}
        if len(set(leads.values())) > 1:
            raise InputError(f"both ends must agree in all axes but the last, but those of the {_listed(leads)}")
        self.network, self.bottom, self.top = network, ends["bottom"], ends["top"]
        self.known = None if known is None else self._mask(known)

    def _mask(self, known: ArrayLike) -> Bool[Array, "..."]:
        if self.bottom is None:
            raise InputError("known selects the nodes of the bottom to clamp, so bottom must be given, but is None")
        mask = check.array("known", known)
        if mask.dtype != bool:
            raise InputError(f"known must be True where the bottom is clamped, but has dtype {mask.dtype}")
        check.fits(self.bottom.shape, known=mask)
        return jnp.asarray(mask)

    @property
    def lead(self) -> tuple[int, ...]:
        """Leading axes of the ends."""
        given = self.bottom if self.top is None else self.top
        return () if given is None else given.shape[:-1]

    def values_at_first(self) -> Free:
        """Return the free values of a sweep from the top, in which only a clamped bottom has an error."""
        first, *rest = self.network.sweep(self._top(None))
        free = self.bottom is None or self.known is not None
        return (first if free else None, *rest[:-1], rest[-1] if self.top is None else None)

    def errors_at_first(self) -> Free:
        """Return the same state as errors, which are 0, and the values of the top."""
        zeros = [jnp.zeros((*self.lead, size), self.network.dtype) for size in self.network.sizes[1:-1]]
        return (None, *zeros, self._top(None) if self.top is None else None)

    def values(self, x: Sequence[Array | None]) -> Layers:
        """Return the values of all layers, given the free ones."""
        return (self._bottom(x[0]), *_present(x[1:-1]), self._top(x[-1]))

    def values_of_errors(self, errors: Sequence[Array | None]) -> Layers:
        """Return the values of all layers, given the free errors."""
        predicted, *rest = self.network.sweep(self._top(errors[-1]), errors[:-1])
        return (self._bottom(predicted), *rest)

    def energy(self, x: Sequence[Array | None]) -> Float[Array, "..."]:
        """Return F as a function of the free values."""
        return self.network.energy(self.values(x))

    def error_energy(self, errors: Sequence[Array | None]) -> Float[Array, "..."]:
        """Return F as a function of the free errors."""
        predicted = self.network.sweep(self._top(errors[-1]), errors[:-1])[0]
        surprise = (self._bottom(predicted) - predicted) / self.network.variances[0]
        return self.network.energy_of_errors((surprise, *errors[1:-1]))

    def _bottom(self, free: Array | None) -> Array:
        if self.bottom is None:
            return _there(free)
        return self.bottom if self.known is None else jnp.where(self.known, self.bottom, _there(free))

    def _top(self, free: Array | None) -> Array:
        if self.top is not None:
            return self.top
        return self.network.undecided(self.lead) if free is None else free


def _present(layers: Sequence[Array | None]) -> list[Array]:
    return [_there(x) for x in layers]


def _there(x: Array | None) -> Array:
    if x is None:
        raise InputError(
            "a state must contain the values or errors of all layers that are free, but one of them is None"
        )
    return x


def _listed(leads: dict[str, tuple[Any, ...]]) -> str:
    return " and of the ".join(f"{name} are {lead}" for name, lead in leads.items())
