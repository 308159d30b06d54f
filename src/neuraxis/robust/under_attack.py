"""What a measure becomes under attack."""

from collections.abc import Callable
from typing import Any

import equinox as eqx
from jaxtyping import PRNGKeyArray

from neuraxis import check
from neuraxis.kinds import Map
from neuraxis.robust.attack import Search


class UnderAttack(eqx.Module):
    """max_{x′∈B(x, ε)} E(f(x′), t), as far as an attack climbs: a loss or another measure at what it makes of x.

    `UnderAttack(classification.loss, attack)` is the robust loss over the ball, `UnderAttack(classification.correct,
    attack)` the robust accuracy. Each gives one value per example, so `evaluate` takes them, and `fit` as metrics.

    Args:
        measure: `measure(model, x, labels, key=key)` gives one value per example.
        attack: one that can be compiled, such as `PGD(threat, steps=40)`.

    Raises:
        InputError: for a measure that is no function, or an attack that is none.
    """

    measure: Callable[..., Any]
    attack: Search

    def __check_init__(self):
        check.functions(measure=self.measure)
        check.instance(Search, attack=self.attack)

    def __call__(self, model: Map, x: Any, labels: Any, *, key: PRNGKeyArray | None = None) -> Any:
        """Attack x, and measure."""
        return self.measure(model, self.attack(model, x, labels, key=key), labels, key=key)
