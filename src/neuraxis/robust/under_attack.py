"""Losses and other measures under attack."""

from collections.abc import Callable
from typing import Any

import equinox as eqx
from jaxtyping import PRNGKeyArray

from neuraxis import check
from neuraxis.kinds import Map
from neuraxis.robust.attack import Search


class UnderAttack(eqx.Module):
    """max_{x′∈B(x, ε)} E(f(x′), t), as found by an attack: a loss or another measure at the adversarial examples.

    `UnderAttack(classification.loss, attack)` is the robust loss over the ball, `UnderAttack(classification.correct,
    attack)` the robust accuracy. Each returns one value per example, for use in `evaluate`, and as a metric in `fit`.

    Args:
        measure: function `measure(model, x, labels, key=key)` that returns one value per example.
        attack: attack that can be compiled, such as `PGD(threat, steps=40)`.

    Raises:
        InputError: for a measure that is not a function, or an invalid attack.
    """

    measure: Callable[..., Any]
    attack: Search

    def __check_init__(self):
        check.functions(measure=self.measure)
        check.instance(Search, attack=self.attack)

    def __call__(self, model: Map, x: Any, labels: Any, *, key: PRNGKeyArray | None = None) -> Any:
        """Attack x, and evaluate the measure."""
        return self.measure(model, self.attack(model, x, labels, key=key), labels, key=key)
