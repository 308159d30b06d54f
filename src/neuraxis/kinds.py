"""The three kinds of model. Every model of neuraxis is a map, a dynamics or an energy, or several of them at once.

They are protocols: a class belongs to a kind by having its methods, not by inheriting. All models are frozen
`equinox.Module`s, act on the last axes of their arguments and accept any number of axes before them.
"""

from typing import Any, Protocol, runtime_checkable

import equinox as eqx
from jaxtyping import Array, Float, PRNGKeyArray


@runtime_checkable
class Map(Protocol):
    """A function with parameters, `y = model(x)`. `neuraxis.engine.fit` trains it."""

    def __call__(self, x: Any, *, key: PRNGKeyArray | None = None) -> Any:
        """Map `x` to `y`; a map with noise in it draws that from the key."""
        ...


@runtime_checkable
class MeasuringMap(Map, Protocol):
    """A map that measures its data while it is trained, as batch normalisation does."""

    def measure(self, x: Any, *, key: PRNGKeyArray | None = None) -> tuple[Any, "MeasuringMap"]:
        """Map `x` to `y` as in training; return `y` and the model with its statistics brought up to date."""
        ...


class Statistics(eqx.Module):
    """A part of a model whose arrays are measured and not trained: `fit` carries them along without a gradient."""


@runtime_checkable
class Dynamics(Protocol):
    """A system that moves in time. `neuraxis.engine.simulate` runs it."""

    def init_state(self, input_shape: tuple[int, ...]) -> Any:
        """Make the state at t = 0 for inputs of that shape."""
        ...

    def step(self, state: Any, input: Any, /, dt: float) -> tuple[Any, Any]:
        """Advance by `dt` [ms] under `input`; return the new state and the step's output."""
        ...


@runtime_checkable
class Energy(Protocol):
    """A scalar function of a state, whose dynamics is descent. `neuraxis.engine.relax` lets it settle."""

    def energy(self, x: Any) -> Float[Array, "..."]:
        """Give the energy of `x`, one value per leading index."""
        ...
