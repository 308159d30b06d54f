"""A loss one of whose numbers changes while it is minimised, such as the β of a variational autoencoder."""

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
_END = np.iinfo(np.int32).max  # steps after which a schedule has come to its end


def annealed(
    loss_at: Callable[[Any], Loss], schedule: Callable[[Any], Any], optimizer: optax.GradientTransformation
) -> "Annealed":
    """Minimise `loss_at(schedule(steps taken so far))`: the rule of a warm-up.

    `annealed(lambda beta: NegativeELBO(beta), optax.linear_schedule(0.0, 1.0, 2000), optax.adam(1e-3))` lets β rise
    from 0 to 1 over 2000 steps. Validation data are measured by the loss at which the schedule ends.

    Args:
        loss_at: gives the loss for a number, as `lambda beta: Binarised(NegativeELBO(beta))` does.
        schedule: gives the number for a count of steps, as those of optax do.
        optimizer: as for `descent`.

    Raises:
        InputError: for a `loss_at` or schedule that is no function, and an optimiser that is none.

    Source: Bowman et al., Generating sentences from a continuous space, CoNLL (2016), for β.
    """
    check.functions(loss_at=loss_at, schedule=schedule)
    check.takes("loss_at", loss_at, "number")
    check.takes("schedule", schedule, "count")
    descent(loss_at, optimizer)  # which refuses an optimiser that is none
    return Annealed(loss_at, schedule, optimizer)


class AnnealedState(NamedTuple):
    """That of the optimiser, and for how long it has learnt."""

    optimizer: PyTree
    steps: Int[Array, ""]


class Annealed(eqx.Module):
    """What `annealed` makes."""

    loss_at: Callable[[Any], Loss]
    schedule: Callable[[Any], Any]
    optimizer: optax.GradientTransformation

    def loss(self, model: Any, *batch: Any, key: PRNGKeyArray | None = None) -> Any:
        """Return the loss at which the schedule ends."""
        return self._loss_after(_END)(model, *batch, key=key)

    def init(self, model: PyTree) -> AnnealedState:
        """Return the state of the optimiser before the first step."""
        return AnnealedState(self._rule_after(0).init(model), jnp.zeros((), jnp.int32))

    def step(
        self, model: PyTree, state: AnnealedState, batch: tuple[Any, ...], *, key: PRNGKeyArray
    ) -> tuple[PyTree, AnnealedState, Array]:
        """Take one step of the optimiser on the loss of this step."""
        rule = self._rule_after(state.steps)
        model, inner, losses = rule.step(model, state.optimizer, batch, key=key)
        return model, AnnealedState(inner, jnp.asarray(optax.safe_increment(state.steps))), losses

    def _rule_after(self, steps: Any) -> Rule:
        return descent(lambda model, *batch, key: self._loss_after(steps)(model, *batch, key=key), self.optimizer)

    def _loss_after(self, steps: Any) -> Loss:
        loss = self.loss_at(rate_at(self.schedule, steps))
        check.functions(**{"what loss_at gives": loss})
        return loss
