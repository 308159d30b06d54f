"""Attacks by a single gradient step."""

from jaxtyping import ArrayLike, PRNGKeyArray

from neuraxis import check
from neuraxis.robust.attack import Best, Problem, Search, is_finite, rank_of, slope_of
from neuraxis.robust.losses import AttackLoss, cross_entropy
from neuraxis.robust.threat_models import ThreatModel


class GradientStep(Search):
    """x′ = x + k ∇_x E(x, label), or x′ = x − k ∇_x E(x, target) with targets, projected onto ball and range.

    Args:
        threat: norm, ε and range; with an infinite ε, only the range bounds the step.
        size: step size k, in units of x² per loss.
        loss: loss E, from `neuraxis.robust.losses`.

    Raises:
        InputError: for a size that is not positive.

    Source: Szegedy et al., International Conference on Learning Representations (2014), for the idea.
    """

    threat: ThreatModel
    size: ArrayLike
    loss: AttackLoss = cross_entropy

    def __check_init__(self):
        check.instance(ThreatModel, threat=self.threat)
        check.positive(size=self.size)
        check.one_number(size=self.size)
        check.functions(loss=self.loss)

    @property
    def needs_bound(self) -> bool:
        """Whether steps are measured in units of ε: they are not."""
        return False

    def search(self, problem: Problem, key: PRNGKeyArray | None) -> Best:
        """Take the step."""
        slope, logits, values = slope_of(self.loss, problem, problem.x)
        moved = self.threat.project(problem.x + self.size * slope, problem.x)
        return Best(moved, rank_of(logits, problem), values, is_finite(slope))


class FGSM(Search):
    """x′ = x + ε sign(∇_x E(x, label)), or x − ε sign(∇_x E(x, target)) with targets, clipped to the range.

    This is the form for ℓ∞. In general the step has norm ε and the direction of steepest ascent of E; for ℓ2 it is
    ε ∇E/‖∇E‖₂ (the fast gradient method).

    Args:
        threat: norm, ε and range.
        loss: loss E, from `neuraxis.robust.losses`.

    Source: Goodfellow, Shlens & Szegedy, International Conference on Learning Representations (2015).
    """

    threat: ThreatModel
    loss: AttackLoss = cross_entropy

    def __check_init__(self):
        check.instance(ThreatModel, threat=self.threat)
        check.functions(loss=self.loss)

    def search(self, problem: Problem, key: PRNGKeyArray | None) -> Best:
        """Take the step."""
        x, threat = problem.x, self.threat
        slope, logits, values = slope_of(self.loss, problem, x)
        step = threat.along(threat.epsilon, x) * threat.steepest(slope)
        return Best(threat.clip(x + step), rank_of(logits, problem), values, is_finite(slope))
