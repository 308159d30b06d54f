"""Projected gradient ascent with an adaptive step size."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray

from neuraxis import check
from neuraxis.robust.attack import Best, Problem, Search, along, is_finite, slope_of
from neuraxis.robust.losses import AttackLoss, cross_entropy
from neuraxis.robust.threat_models import ThreatModel

_FIRST, _SHRINK, _SHORTEST = 0.22, 0.03, 0.06  # lengths of the windows, as fractions of all steps
_RISING = 0.75  # ρ: the step size is halved unless the loss rose in a larger fraction of a window's steps
_FORWARD = 0.75  # weight of the new step; the rest is momentum, in the direction of the previous one


class APGD(Search):
    """Auto-PGD: z = Π(x + η d(∇_x E)), x ← Π(x + ¾ (z − x) + ¼ (x − x_before)), with η = 2ε at first.

    At the end of windows of steps, which become shorter, η is halved for an example whose loss rose in at most ¾ of the
    window's steps, or whose best loss has not risen since the last window although η was not halved then; the search
    continues from its best point. d, Π and the returned point are as in `PGD`.

    Args:
        threat: norm, ε and range.
        steps: number of gradient steps in a restart.
        restarts: number of starts, each at a random point.
        loss: loss E to increase, such as `cross_entropy` or `dlr`; it also receives the targets, if there are any.

    Raises:
        InputError: for fewer than one step or restart.

    Source: Croce & Hein, International Conference on Machine Learning (2020), algorithm 1.
    """

    threat: ThreatModel
    steps: int = 100
    restarts: int = 1
    loss: AttackLoss = cross_entropy

    def __check_init__(self):
        check.instance(ThreatModel, threat=self.threat)
        check.whole(steps=self.steps, restarts=self.restarts)
        check.functions(loss=self.loss)

    @property
    def draws(self) -> bool:
        """Whether a key is needed: for the start."""
        return True

    def search(self, problem: Problem, key: PRNGKeyArray | None) -> Best:
        """Ascend from every start, and keep the best point."""
        climb = lambda best, key: (self._climb(problem, key, best), None)
        assert key is not None
        return lax.scan(climb, Best.none(problem), jax.random.split(key, self.restarts))[0]

    def _climb(self, problem: Problem, key: PRNGKeyArray, best: Best) -> Best:
        start = self.threat.random_start(problem.x, key)
        of_each = lambda number: jnp.full(len(start), number, start.dtype)
        size = 2 * jnp.broadcast_to(jnp.asarray(self.threat.epsilon, start.dtype), len(start))
        yes = jnp.ones(len(start), bool)
        nothing = of_each(-jnp.inf)
        begin = _Climb(start, start, size, start, start, nothing, of_each(jnp.inf), of_each(0), nothing, yes, yes, best)
        advance = lambda climb, window: (self._advance(problem, climb, window), None)
        # Evaluating the start inside the loop as well halves the compilation time.
        ends = np.concatenate([[0], windows(self.steps)])
        return lax.scan(advance, begin, jnp.asarray(ends, jnp.int32))[0].found

    def _advance(self, problem: Problem, at: "_Climb", window: Int[Array, ""]) -> "_Climb":
        """Evaluate the point, and take the next step; `window` is the length of the window that ends here, or 0."""
        threat = self.threat
        slope, logits, loss = slope_of(self.loss, problem, at.x)
        found = at.found.or_else(problem, at.x, logits, loss)
        at = at._replace(found=found._replace(finite=found.finite & is_finite(slope)))
        at = at.look(slope, loss)
        at, slope = lax.cond(window > 0, lambda: at.end_window(window, slope), lambda: (at, slope))
        x = at.x
        z = threat.project(x + along(at.size, x) * threat.steepest(slope), problem.x)
        moved = threat.project(x + _FORWARD * (z - x) + (1 - _FORWARD) * (x - at.before), problem.x)
        # The first step has no momentum, and is taken in full.
        moved = jnp.where(along(at.is_first, x), z, moved)
        return at._replace(x=moved, before=x, is_first=jnp.zeros_like(at.is_first))


class _Climb(NamedTuple):
    """The state of an ascent."""

    x: Float[Array, "N ..."]
    before: Float[Array, "N ..."]
    size: Float[Array, " N"]  # η
    best_x: Float[Array, "N ..."]  # of the largest loss, from which it continues when η is halved
    best_slope: Float[Array, "N ..."]
    best_loss: Float[Array, " N"]
    loss: Float[Array, " N"]  # of the previous point
    rises: Float[Array, " N"]  # steps of this window in which the loss rose
    loss_at_window: Float[Array, " N"]  # best loss at the start of this window
    was_halved: Bool[Array, " N"]  # whether η was halved at the start of this window
    is_first: Bool[Array, " N"]  # no step has been taken
    found: Best

    def look(self, slope: Float[Array, "N ..."], loss: Float[Array, " N"]) -> "_Climb":
        """Record slope and loss at x."""
        higher = loss > self.best_loss
        best = lambda new, old: jnp.where(along(higher, new), new, old)
        return self._replace(
            best_x=best(self.x, self.best_x),
            best_slope=best(slope, self.best_slope),
            best_loss=jnp.where(higher, loss, self.best_loss),
            rises=self.rises + (loss > self.loss),
            loss=loss,
        )

    def end_window(
        self, window: Int[Array, ""], slope: Float[Array, "N ..."]
    ) -> tuple["_Climb", Float[Array, "N ..."]]:
        """Halve η where a window of that length brought little progress, and return to the best point there."""
        stuck = ~self.was_halved & (self.loss_at_window >= self.best_loss)
        halve = (self.rises <= _RISING * window) | stuck
        back = lambda best, now: jnp.where(along(halve, now), best, now)
        ended = self._replace(
            x=back(self.best_x, self.x),
            size=jnp.where(halve, self.size / 2, self.size),
            rises=jnp.zeros_like(self.rises),
            loss_at_window=self.best_loss,
            was_halved=halve,
        )
        return ended, back(self.best_slope, slope)


def windows(steps: int) -> Int[np.ndarray, " steps"]:
    """Return for each step the length of the window that ends with it, or 0 if none does.

    The first window has 22 % of all steps, and each later one is shorter by 3 % of them, down to 6 %.
    """
    length, shrink, shortest = (max(1, int(share * steps)) for share in (_FIRST, _SHRINK, _SHORTEST))
    ends, end = np.zeros(steps, np.int32), length
    while end <= steps:
        ends[end - 1] = length
        length = max(length - shrink, shortest)
        end += length
    return ends
