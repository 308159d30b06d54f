"""Projected gradient descent on −E with respect to the input, which ascends E."""

from collections.abc import Callable
from typing import Any

import jax
from jax import lax
from jaxtyping import Array, ArrayLike, Float, PRNGKeyArray

from neuraxis import check
from neuraxis.errors import InputError
from neuraxis.robust.attack import Best, Problem, Search, is_finite, logits_of, slope_of
from neuraxis.robust.losses import AttackLoss, cross_entropy, loss_of
from neuraxis.robust.threat_models import ThreatModel


class PGD(Search):
    """x ← Π(x + α ε d(∇_x E)), with d the steepest direction in the norm: sign for ℓ∞, ∇E/‖∇E‖₂ for ℓ2.

    Π projects onto ball and range. Each restart begins at a random point of the ball, or at x. Of all points visited,
    the one with the largest loss is returned, but a misclassified one (as the target, with targets) if there is any.

    Args:
        threat: norm, ε and range.
        steps: number of gradient steps in a restart.
        step_size: step size α, in units of ε; Madry et al. use about 2.5/steps.
        random_start: whether to begin at a random point.
        restarts: number of starts.
        loss: loss E to increase, from `neuraxis.robust.losses`; it also receives the targets, if there are any.

    Raises:
        InputError: for sizes that are not positive, or restarts without a random start.

    Source: Madry et al., International Conference on Learning Representations (2018).
    """

    threat: ThreatModel
    steps: int = 10
    step_size: ArrayLike = 0.25
    """Step size α, as a fraction of ε."""
    random_start: bool = True
    restarts: int = 1
    loss: AttackLoss = cross_entropy

    def __check_init__(self):
        check.instance(ThreatModel, threat=self.threat)
        check.whole(steps=self.steps, restarts=self.restarts)
        check.positive(step_size=self.step_size)
        check.one_number(step_size=self.step_size)
        check.boolean(random_start=self.random_start)
        check.functions(loss=self.loss)
        if self.restarts > 1 and not self.random_start:
            raise InputError(f"restarts must be 1 without a random start, but is {self.restarts}")

    @property
    def draws(self) -> bool:
        """Whether a key is needed: for a random start."""
        return self.random_start

    def search(self, problem: Problem, key: PRNGKeyArray | None) -> Best:
        """Ascend from every start, and keep the best point."""
        begin = Best.none(problem)
        if not self.random_start:
            return self._climb(problem, problem.x, begin)
        assert key is not None
        keys = jax.random.split(key, self.restarts)
        climb = lambda best, key: (self._climb(problem, self.threat.random_start(problem.x, key), best), None)
        return lax.scan(climb, begin, keys)[0]

    def _climb(self, problem: Problem, start: Float[Array, "N ..."], best: Best) -> Best:
        def slope_at(x, best):
            slope, logits, values = slope_of(self.loss, problem, x)
            best = best.or_else(problem, x, logits, values)
            return slope, best._replace(finite=best.finite & is_finite(slope))

        x, best = ascend(slope_at, self.threat, problem.x, start, best, steps=self.steps, step_size=self.step_size)
        logits = logits_of(problem.model, x)
        return best.or_else(problem, x, logits, loss_of(self.loss, logits, problem.labels, problem.targets))


def ascend(
    slope_at: Callable[[Array, Any], tuple[Array, Any]],
    threat: ThreatModel,
    x: Float[Array, "N ..."],
    start: Float[Array, "N ..."],
    carry: Any,
    *,
    steps: int,
    step_size: ArrayLike,
) -> tuple[Float[Array, "N ..."], Any]:
    """Ascend from `start` by steps x′ ← Π(x′ + α ε d(∇E)), within the ball around x and the range.

    `slope_at(x′, carry)` returns ∇E at x′, and the carry for the next step.
    """
    size = step_size * threat.along(threat.epsilon, x)

    def step(_, at):
        slope, carry = slope_at(*at)
        return threat.project(at[0] + size * threat.steepest(slope), x), carry

    return lax.fori_loop(0, steps, step, (start, carry))
