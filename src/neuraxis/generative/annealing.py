"""A loss with a parameter that is scheduled during training, such as the β of a variational autoencoder."""

from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Int, PRNGKeyArray, PyTree

from neuraxis import check
from neuraxis.engine import descent
from neuraxis.engine.optimizers import rate_at
from neuraxis.kinds import Rule

Loss = Callable[..., Any]
_END = np.iinfo(np.int32).max  # step count at which any schedule has reached its final value


def annealed(
    loss_at: Callable[[Any], Loss], schedule: Callable[[Any], Any], optimizer: optax.GradientTransformation
) -> "Annealed":
    """Minimise `loss_at(schedule(step))`, where `step` is the number of steps taken so far.

    `annealed(lambda beta: NegativeELBO(beta), optax.linear_schedule(0.0, 1.0, 2000), optax.adam(1e-3))` warms β up from
    0 to 1 over 2000 steps. The validation loss has the final value of the schedule.

    Args:
        loss_at: function from the parameter to the loss, such as `lambda beta: Binarised(NegativeELBO(beta))`.
        schedule: function from the step count to the parameter, such as those of optax.
        optimizer: optimiser, as for `descent`.

    Raises:
        InputError: for a `loss_at` or schedule that is not a function, or an optimiser of the wrong type.

    Source: Bowman et al., Generating sentences from a continuous space, CoNLL (2016), for β.
    """
    check.functions(loss_at=loss_at, schedule=schedule)
    check.takes("loss_at", loss_at, "number")
    check.takes("schedule", schedule, "count")
    descent(loss_at, optimizer)  # checks the optimiser
    return Annealed(loss_at, schedule, optimizer)


class AnnealedState(NamedTuple):
    """State of the optimiser, and the number of steps taken."""

    optimizer: PyTree
    steps: Int[Array, ""]


class Annealed(eqx.Module):
    """The rule returned by `annealed`."""

    loss_at: Callable[[Any], Loss]
    schedule: Callable[[Any], Any]
    optimizer: optax.GradientTransformation

    def loss(self, model: Any, *batch: Any, key: PRNGKeyArray | None = None) -> Any:
        """Return the loss at the final value of the schedule."""
        return self._loss_after(_END)(model, *batch, key=key)

    def init(self, model: PyTree) -> AnnealedState:
        """Return the initial state of the optimiser."""
        return AnnealedState(self._rule_after(0).init(model), jnp.zeros((), jnp.int32))

    def step(
        self, model: PyTree, state: AnnealedState, batch: tuple[Any, ...], *, key: PRNGKeyArray
    ) -> tuple[PyTree, AnnealedState, Array]:
        """Take one step of the optimiser on the current loss."""
        rule = self._rule_after(state.steps)
        model, inner, losses = rule.step(model, state.optimizer, batch, key=key)
        return model, AnnealedState(inner, jnp.asarray(optax.safe_increment(state.steps))), losses

    def _rule_after(self, steps: Any) -> Rule:
        return descent(lambda model, *batch, key: self._loss_after(steps)(model, *batch, key=key), self.optimizer)

    def _loss_after(self, steps: Any) -> Loss:
        loss = self.loss_at(rate_at(self.schedule, steps))
        check.functions(**{"the loss returned by loss_at": loss})
        return loss
