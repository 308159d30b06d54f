"""The smallest step across a decision boundary, by linear approximation."""

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, ArrayLike, Bool, PRNGKeyArray

from neuraxis import check
from neuraxis.robust.attack import Best, Problem, Search, along, is_finite, logits_of, rank_of
from neuraxis.robust.boundaries import differences, nearest, rivals
from neuraxis.robust.threat_models import ThreatModel


class DeepFool(Search):
    """x ← Π(x₀ + (1 + overshoot) r), r ← r + |f_k| d(∇f_k)/‖∇f_k‖_*, until x is misclassified.

    f_k = z_k − z_label for the class k whose linearised boundary is nearest, with the smallest |f_k|/‖∇f_k‖_*, in the
    dual norm (ℓ2 for ℓ2, ℓ1 for ℓ∞); d is the direction of steepest ascent, Π the projection onto the range. ε is not
    used. With targets, k is the target, but any class other than the label counts as success.

    Args:
        threat: norm and range.
        steps: largest number of steps.
        candidates: number of most likely classes to consider, including the label; with targets, only these are.
        overshoot: relative overshoot beyond the boundary.

    Raises:
        InputError: for fewer than one step or two candidates, or a negative overshoot.

    Source: Moosavi-Dezfooli, Fawzi & Frossard, Conference on Computer Vision and Pattern Recognition (2016).
    """

    threat: ThreatModel
    steps: int = 50
    candidates: int = 10
    overshoot: ArrayLike = 0.02

    def __check_init__(self):
        check.instance(ThreatModel, threat=self.threat)
        check.whole(steps=self.steps)
        check.whole(2, candidates=self.candidates)
        check.not_negative(overshoot=self.overshoot)
        check.one_number(overshoot=self.overshoot)

    @property
    def needs_bound(self) -> bool:
        """Whether steps are measured in units of ε: they are not."""
        return False

    def search(self, problem: Problem, key: PRNGKeyArray | None) -> Best:
        """Step until all examples are misclassified."""
        threat, start = self.threat, problem.x
        others = rivals(problem, self.candidates)

        def advance(carry: tuple[Array, Array, Array, Bool[Array, " N"], Bool[Array, " N"]]):
            number, x, r, fallen, finite = carry
            f, slopes = differences(problem, x, others)
            gap, slope = nearest(threat, f, slopes)
            finite &= fallen | is_finite(slope)
            far = (jnp.abs(gap) + 1e-4) / (threat.dual_norm(slope) + 1e-8)  # enlarged, so that no step is 0
            r = jnp.where(along(fallen, r), r, r + along(far, r) * threat.steepest(slope))
            x = jnp.where(along(fallen, x), x, threat.clip(start + (1 + self.overshoot) * r))
            fallen = rank_of(logits_of(problem.model, x), problem) > 0
            return number + 1, x, r, fallen, finite

        fallen = rank_of(logits_of(problem.model, start), problem) > 0
        begin = jnp.zeros((), jnp.int32), start, jnp.zeros_like(start), fallen, jnp.ones_like(fallen)
        goes_on = lambda carry: (carry[0] < self.steps) & ~jnp.all(carry[3])
        _, x, _, fallen, finite = lax.while_loop(goes_on, advance, begin)
        return Best(x, fallen.astype(jnp.int32), fallen.astype(x.dtype), finite)
