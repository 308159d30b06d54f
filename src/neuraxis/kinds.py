"""The three kinds of model, and the learning rule.

Every model of neuraxis is a map, a dynamics or an energy, or several of these at once; whatever is trained is trained
by a rule. These are protocols: a class belongs to a kind by having its methods, not by inheritance. All models are
frozen `equinox.Module`s, act on the last axes of their arguments and accept any number of leading axes.
"""

from typing import Any, Protocol, runtime_checkable

import equinox as eqx
import numpy as np
from jaxtyping import Array, ArrayLike, Float, Int, PRNGKeyArray


@runtime_checkable
class Map(Protocol):
    """A function with parameters, `y = model(x)`. `neuraxis.engine.fit` trains it."""

    def __call__(self, x: Any, *, key: PRNGKeyArray | None = None) -> Any:
        """Map `x` to `y`; a stochastic map draws its noise from the key."""
        ...


@runtime_checkable
class MeasuringMap(Map, Protocol):
    """A map that measures statistics of its data during training, as batch normalisation does."""

    def measure(self, x: Any, *, key: PRNGKeyArray | None = None) -> tuple[Any, "MeasuringMap"]:
        """Map `x` to `y` as in training; return `y` and the model with updated statistics."""
        ...


class Statistics(eqx.Module):
    """A part of a model whose arrays are measured and not trained: `fit` takes no gradient with respect to them."""


@runtime_checkable
class Dynamics(Protocol):
    """A system that evolves in time, run by `neuraxis.engine.simulate`, or as a map by `neuraxis.engine.unroll`.

    It may have two more methods, which `simulate` then calls before its loop:

    - `project(inputs)` computes what depends on the inputs alone, such as their product with a weight matrix, for any
      number of leading axes and thus for all steps at once. `step` then receives the result in place of the input.
    - `prepare(dt)` returns the dynamics for steps of that length: it refuses a `dt` that is not allowed, and may return
      another dynamics that is cheaper and equivalent for these values. It must also work while values are being traced
      and thus unknown. The parts of a dynamics are prepared too, unless it has its own `prepare`.

    A third, `unroll(x, state)`, maps sequences (…, time, in) and the initial state (or None) to the outputs
    (…, time, out) and the final state, if there is a better way than step by step; `neuraxis.engine.unroll` then
    delegates to it.

    `step` may have two more keyword parameters: `key`, a different random key for each step, derived from that of
    `simulate(…, key=…)`, and `t`, the time at the start of the step [ms].
    """

    def init_state(self, input_shape: Any, /) -> Any:
        """Return the state at t = 0 for inputs of that shape; for a tree of arrays, a tree of shapes."""
        ...

    def step(self, state: Any, input: Any, /, dt: ArrayLike) -> tuple[Any, Any]:
        """Advance by `dt` [ms] under `input`; return the new state and the output of the step.

        A dynamics in discrete time has a default for `dt`, which `simulate` uses.
        """
        ...


@runtime_checkable
class Energy(Protocol):
    """A scalar function of a state, whose dynamics is gradient descent. `neuraxis.engine.relax` runs it to rest."""

    def energy(self, x: Any) -> Float[Array, "..."]:
        """Return the energy of `x`, one value per leading index."""
        ...


@runtime_checkable
class Rule(Protocol):
    """A learning rule. `neuraxis.engine.fit` applies it to one batch after another.

    A rule is a pytree, such as an `equinox.Module`; numbers in its fields are values, like those of a model. What
    persists from step to step (velocities, Markov chains, counts) is its state. To be evaluated on validation data, a
    rule also needs a method `loss(model, *batch, key=key)`, which returns one value per example.
    """

    def init(self, model: Any, /) -> Any:
        """Return the state before the first step: a pytree of arrays."""
        ...

    def step(self, model: Any, state: Any, batch: tuple[Any, ...], /, *, key: PRNGKeyArray) -> tuple[Any, Any, Any]:
        """Update the model on a batch; return the new model, the new state, and the losses.

        All arrays of the batch have the same number of examples, which is smaller in the last batch of an epoch if the
        batch size does not divide the number of examples. The losses are an array with one value per example, (batch,),
        or a dict of such arrays by name.
        """
        ...


@runtime_checkable
class Source(Protocol):
    """Data that are loaded on demand, such as files, or windows of a long text."""

    def __len__(self) -> int:
        """Return the number of examples."""
        ...

    def take(self, indices: Int[np.ndarray, " batch"], /) -> tuple[Any, ...]:
        """Load the examples with these indices: a tuple of arrays, each with the examples along its first axis."""
        ...
