"""The accuracy of a model under attack."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Bool, Float, PRNGKeyArray

from neuraxis import check
from neuraxis.errors import InputError
from neuraxis.robust.attack import Attack, Problem, checked, slope_of
from neuraxis.robust.attack_ensemble import AttackEnsemble, Known
from neuraxis.robust.blocks import attacked, broken, check_on_host, fold
from neuraxis.robust.losses import cross_entropy, margin
from neuraxis.robust.masking import Attempt, warnings
from neuraxis.values import compiled


@dataclass(frozen=True, eq=False)
class Outcome:
    """The result of one attack."""

    accuracy: float
    """Fraction of all examples that are classified correctly under attack."""
    success_rate: float
    """Fraction of the correctly classified examples that it broke."""
    images: Float[np.ndarray, "N ..."]
    """Images found by the attack; x where it was not tried."""
    broken: Bool[np.ndarray, " N"]
    """Whether it broke each example: misclassified when predicted again, and in ball and range."""
    norms: Float[np.ndarray, " N"]
    """Norm of the perturbation of each example; NaN where it did not succeed."""
    parts: dict[str, float] = field(default_factory=dict)
    """For an ensemble, the accuracy after each of its attacks."""

    @property
    def median_norm(self) -> float:
        """Median norm of the perturbations that succeeded; NaN if none did."""
        return float(np.median(self.norms[self.broken])) if self.broken.any() else float("nan")

    @property
    def mean_norm(self) -> float:
        """Mean norm of the perturbations that succeeded; NaN if none did."""
        return float(np.mean(self.norms[self.broken])) if self.broken.any() else float("nan")


@dataclass(frozen=True, eq=False)
class Robustness:
    """The result of `robust_accuracy`."""

    clean_accuracy: float
    attacks: dict[str, Outcome]
    accuracy: float
    """Fraction of the examples that withstand all attacks."""
    warnings: tuple[str, ...]
    """Signs of gradient masking, by which the accuracies would overestimate the robustness."""


def robust_accuracy(
    model: Any,
    attacks: Attack | Mapping[str, Attack],
    x: ArrayLike,
    labels: ArrayLike,
    *,
    key: PRNGKeyArray | None = None,
    batch_size: int = 250,
) -> Robustness:
    """Attack all examples that the model classifies correctly with each attack, and count those that withstand.

    An attack succeeds if the image that it returns is misclassified when predicted again, and lies in ball and range.
    Each attack is tried on all these examples; the attacks of an `AttackEnsemble` run one after the other, each on the
    examples that remain, and reuse the results of the same attacks listed before the ensemble.

    Args:
        model: any map to logits, (N, classes), used in inference mode.
        attacks: one attack, or several by name.
        x: inputs in the range, (N, …).
        labels: true classes, (N,).
        key: random key, for attacks that need one.
        batch_size: number of examples attacked at once, which bounds the memory.

    Raises:
        InputError: for an invalid attack, or a model, inputs or labels that the attacks reject.
    """
    check_on_host("robust_accuracy")
    check.whole(batch_size=batch_size)
    named = _by_name(attacks)
    threat = next(iter(named.values())).threat
    problem = checked(threat, model, x, labels, None)
    for attack in named.values():
        checked(attack.threat, model, x, labels, None)
    size = min(int(batch_size), len(problem.x))
    wrong = broken(threat, problem, np.asarray(problem.x), size)
    right, outcomes, attempts, known = np.flatnonzero(~wrong), {}, [], []
    for i, (name, attack) in enumerate(named.items()):
        outcomes[name], tried = _try(name, attack, problem, right, fold(key, i), size, known)
        known.append(Known(attack, outcomes[name].images, outcomes[name].broken))
        attempts += tried
    vanishing = _vanishing(problem, size) if any(attack.uses_gradient for attack in named.values()) else 0.0
    standing = ~wrong & ~np.any([outcome.broken for outcome in outcomes.values()], axis=0)
    return Robustness(
        len(right) / len(wrong), outcomes, float(np.mean(standing)), warnings(attempts, len(right), vanishing)
    )


def _by_name(attacks: Any) -> dict[str, Attack]:
    named = dict(attacks) if isinstance(attacks, Mapping) else {type(attacks).__name__: attacks}
    if not named:
        raise InputError("attacks must name at least one attack, but are empty")
    for name, attack in named.items():
        check.no_class(**{f"attacks[{name!r}]": attack})
        check.instance(Attack, **{f"attacks[{name!r}]": attack})
    return {str(name): attack for name, attack in named.items()}


def _try(
    name: str,
    attack: Attack,
    problem: Problem,
    right: np.ndarray,
    key: PRNGKeyArray | None,
    size: int,
    known: Sequence[Known],
) -> tuple[Outcome, list[Attempt]]:
    """Run one attack, and return its outcome and what it broke, for each part of an ensemble."""
    images, by, parts = np.array(problem.x), np.full(len(problem.x), -1), {name: attack}
    if isinstance(attack, AttackEnsemble):
        images, by = attack.run(problem, right, key=key, batch_size=size, known=known)
        parts = dict(zip(attack.names, attack.attacks, strict=True))
    else:
        images[right] = attacked(attack, problem, right, key=key, batch_size=size)
        by[right[broken(attack.threat, problem, images, size)[right]]] = 0
    fell = by >= 0
    left = [float((len(right) - np.sum(fell & (by <= i))) / len(by)) for i in range(len(parts))]
    outcome = Outcome(
        accuracy=left[-1],
        success_rate=float(np.sum(fell) / max(1, len(right))),
        images=images,
        broken=fell,
        norms=np.where(fell, _norms(attack.threat, images, problem.x), np.nan),
        parts=dict(zip(parts, left, strict=True)) if len(parts) > 1 else {},
    )
    return outcome, [Attempt(part, each.uses_gradient, by == i) for i, (part, each) in enumerate(parts.items())]


@compiled
def _norms(threat, images, x) -> Array:
    return threat.norm(images - x)


def _vanishing(problem: Problem, size: int) -> float:
    """Return the fraction of the examples at which the gradient of the cross-entropy is 0 up to rounding."""
    count = 0
    for first in range(0, len(problem.x), size):
        part = slice(first, first + size)
        count += int(_vanish(Problem(problem.model, problem.x[part], problem.labels[part], None)))
    return count / len(problem.x)


@compiled
def _vanish(problem: Problem) -> Array:
    slope, logits, _ = slope_of(cross_entropy, problem, problem.x)
    # Beyond such a margin the other classes have probability 0, and the gradient is only rounding noise.
    sure = margin(logits, problem.labels) < jnp.log(jnp.finfo(logits.dtype).smallest_subnormal)
    return jnp.sum(sure | jnp.all(slope.reshape(len(slope), -1) == 0, axis=-1))
