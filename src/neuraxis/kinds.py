"""The three kinds of model, and the one way to learn.

Every model of neuraxis is a map, a dynamics or an energy, or several of them at once; whatever learns, learns by a
rule. They are protocols: a class belongs to a kind by having its methods, not by inheriting. All models are frozen
`equinox.Module`s, act on the last axes of their arguments and accept any number of axes before them.
"""

from typing import Any, Protocol, runtime_checkable

import equinox as eqx
import numpy as np
from jaxtyping import Array, ArrayLike, Float, Int, PRNGKeyArray


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
    """A system that moves in time. `neuraxis.engine.simulate` runs it, and `neuraxis.engine.unroll` as a map.

    It may have two more methods, which `simulate` then calls before its loop:

    - `project(inputs)` computes what depends on the inputs alone, such as their product with a matrix, for any number
      of leading axes: of all steps at once. `step` then receives what it gives in place of the input.
    - `prepare(dt)` gives the dynamics for steps of that length: it refuses a `dt` that it cannot take, and may return
      another dynamics, cheaper and equal for these values. Where a value is being traced, it has to do without. Parts
      of a dynamics are prepared too, unless it has a `prepare` of its own.

    A third, `unroll(x, state)`, takes sequences (…, time, in), and None or the initial state, to the outputs
    (…, time, out) and the last state, where there is a better way than step by step; `neuraxis.engine.unroll` leaves
    the work to it.

    Its `step` may have two more parameters, by name: `key`, for which `simulate(…, key=…)` gives each step a random key
    of its own, and `t`, the time at the start of the step [ms].
    """

    def init_state(self, input_shape: Any, /) -> Any:
        """Make the state at t = 0 for inputs of that shape; for a tree of arrays, a tree of shapes."""
        ...

    def step(self, state: Any, input: Any, /, dt: ArrayLike) -> tuple[Any, Any]:
        """Advance by `dt` [ms] under `input`; return the new state and the step's output.

        A dynamics in discrete time has a default for `dt`, and `simulate` uses it.
        """
        ...


@runtime_checkable
class Energy(Protocol):
    """A scalar function of a state, whose dynamics is descent. `neuraxis.engine.relax` lets it settle."""

    def energy(self, x: Any) -> Float[Array, "..."]:
        """Return the energy of `x`, one value per leading index."""
        ...


@runtime_checkable
class Rule(Protocol):
    """A way of learning. `neuraxis.engine.fit` applies it to one batch after the other.

    A rule is a pytree, such as an `equinox.Module`; numbers in its fields are values, like those of a model. What it
    remembers from step to step (velocities, chains, counts) is its state. For its loss on validation data it has a
    method `loss(model, *batch, key=key)` besides, which gives one value per example.
    """

    def init(self, model: Any, /) -> Any:
        """Make the state before the first step: a pytree of arrays."""
        ...

    def step(self, model: Any, state: Any, batch: tuple[Any, ...], /, *, key: PRNGKeyArray) -> tuple[Any, Any, Any]:
        """Learn from a batch: return the new model, the new state, and the losses.

        All arrays of the batch have the same number of examples, which is smaller in the last batch of an epoch where
        the batch size does not divide the data. The losses are one value per example, (batch,), or a dict of such
        arrays by name.
        """
        ...


@runtime_checkable
class Source(Protocol):
    """Data that are loaded as they are needed, such as files, or windows of a long text."""

    def __len__(self) -> int:
        """Return the number of examples."""
        ...

    def take(self, indices: Int[np.ndarray, " batch"], /) -> tuple[Any, ...]:
        """Load these examples: a tuple of arrays, each with one entry per example along its first axis."""
        ...
