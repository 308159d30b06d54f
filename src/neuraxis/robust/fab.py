"""The fast adaptive boundary attack: steps along the decision boundary, towards the input."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, ArrayLike, Bool, Float, PRNGKeyArray

from neuraxis import check
from neuraxis.robust.attack import Best, Problem, Search, along, is_finite, logits_of, rank_of
from neuraxis.robust.boundaries import differences, nearest, rivals
from neuraxis.robust.threat_models import ThreatModel


class FAB(Search):
    """x ← Π((1 − α)(x + η δ) + α (x₀ + η δ₀)), and back towards x₀ where misclassified, x ← x₀ + β (x − x₀).

    δ and δ₀ are the smallest steps within the range from x and from the input x₀ to the nearest boundary, linearised at
    x, and α = min(‖δ‖/(‖δ‖ + ‖δ₀‖), α_max); Π is the projection onto the range. The result is the misclassified point
    nearest to x₀, or x₀ if none was found. ε is not a bound; restarts begin at random points within half the distance
    of the nearest point so far, and within ε/2. With targets, the boundary between label and target is followed, but
    any class other than the label counts as success.

    Args:
        threat: norm and range, and ε for restarts.
        steps: number of steps in each restart.
        restarts: number of starts, the first at x₀.
        candidates: number of most likely classes to consider, including the label; with targets, only these are.
        eta: overshoot η.
        alpha_max: largest weight α of the input.
        beta: fraction β of the distance from x₀ that is kept in a step back.

    Raises:
        InputError: for fewer than one step or restart or two candidates, an η that is not positive, or an α_max or β
            outside (0, 1).

    Source: Croce & Hein, International Conference on Machine Learning (2020), Minimally distorted adversarial examples.
    """

    threat: ThreatModel
    steps: int = 100
    restarts: int = 1
    candidates: int = 10
    eta: ArrayLike = 1.05
    alpha_max: ArrayLike = 0.1
    beta: ArrayLike = 0.9

    def __check_init__(self):
        check.instance(ThreatModel, threat=self.threat)
        check.whole(steps=self.steps, restarts=self.restarts)
        check.whole(2, candidates=self.candidates)
        check.one_number(eta=self.eta, alpha_max=self.alpha_max, beta=self.beta)
        check.positive(eta=self.eta, alpha_max=self.alpha_max, beta=self.beta)
        check.fraction(alpha_max=self.alpha_max, beta=self.beta)

    @property
    def needs_bound(self) -> bool:
        """Whether steps are measured in units of ε: they are not."""
        return False

    @property
    def draws(self) -> bool:
        """Whether a key is needed: for all starts but the first."""
        return self.restarts > 1

    def search(self, problem: Problem, key: PRNGKeyArray | None) -> Best:
        """Search from every start, and keep the nearest point."""
        x, others = problem.x, rivals(problem, self.candidates)
        fallen = rank_of(logits_of(problem.model, x), problem) > 0
        far = jnp.where(fallen, 0, jnp.inf).astype(x.dtype)  # 0 where x itself is misclassified
        nothing = _Walk(x, x, far, jnp.ones(len(x), bool))
        walk = lambda walk: lax.fori_loop(0, self.steps, lambda _, at: self._step(problem, others, at), walk)
        found = walk(nothing)
        if self.restarts > 1:
            assert key is not None
            again = lambda found, key: (walk(found._replace(x=self._restart(problem.x, found, key))), None)
            found, _ = lax.scan(again, found, jax.random.split(key, self.restarts - 1))
        success = jnp.isfinite(found.distance)
        return Best(found.nearest, success.astype(jnp.int32), -found.distance, found.finite)

    def _restart(self, x: Array, found: "_Walk", key: PRNGKeyArray) -> Array:
        radius = jnp.minimum(found.distance, jnp.asarray(self.threat.epsilon, x.dtype)) / 2
        radius = jnp.where(jnp.isfinite(radius), radius, 0)
        return self.threat.clip(x + along(radius, x) * self.threat.draw(x.shape, x.dtype, key))

    def _step(self, problem: Problem, others: Array, at: "_Walk") -> "_Walk":
        threat, x, origin = self.threat, at.x, problem.x
        f, slopes = differences(problem, x, others)
        value, slope = nearest(threat, f, slopes)
        behind = jnp.sum((slope * (origin - x)).reshape(len(x), -1), axis=-1)
        delta = _to_boundary(threat, x, slope, -value)
        from_origin = _to_boundary(threat, origin, slope, -value - behind)
        near, far = (jnp.maximum(threat.norm(d), 1e-8) for d in (delta, from_origin))
        alpha = along(jnp.minimum(near / (near + far), self.alpha_max), x)
        moved = threat.clip((1 - alpha) * (x + self.eta * delta) + alpha * (origin + self.eta * from_origin))
        fallen = rank_of(logits_of(problem.model, moved), problem) > 0
        distance = threat.norm(moved - origin)
        nearer = fallen & (distance < at.distance)
        return _Walk(
            jnp.where(along(fallen, x), origin + self.beta * (moved - origin), moved),
            jnp.where(along(nearer, x), moved, at.nearest),
            jnp.where(nearer, distance, at.distance),
            at.finite & is_finite(slope),
        )


class _Walk(NamedTuple):
    """The state of a search."""

    x: Float[Array, "N ..."]
    nearest: Float[Array, "N ..."]  # misclassified point
    distance: Float[Array, " N"]  # of this point from the input; infinite while there is none
    finite: Bool[Array, " N"]


def _to_boundary(threat: ThreatModel, x: Array, slope: Array, gap: Array) -> Array:
    """Return the smallest δ in the range with ⟨slope, δ⟩ = gap, on either side."""
    side = jnp.where(gap < 0, -1, 1).astype(x.dtype)
    return threat.to_plane(x, slope * along(side, x), jnp.abs(gap))
