"""Several attacks in sequence, each on the examples that remain."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Bool, Float, Int, PRNGKeyArray

from neuraxis import check
from neuraxis.errors import InputError
from neuraxis.robust.apgd import APGD
from neuraxis.robust.attack import Attack, Problem, checked
from neuraxis.robust.blocks import attacked, broken, check_on_host, fold
from neuraxis.robust.fab import FAB
from neuraxis.robust.losses import dlr, margin
from neuraxis.robust.multi_targeted import MultiTargeted
from neuraxis.robust.square import Square
from neuraxis.robust.threat_models import ThreatModel


class Fallen(NamedTuple):
    """The result of an ensemble."""

    images: Float[np.ndarray, "N ..."]  # unchanged where all attacks failed
    by: Int[np.ndarray, " N"]  # index of the attack that succeeded, or −1


class Known(NamedTuple):
    """The earlier result of an attack on all examples."""

    attack: Attack
    images: Float[np.ndarray, "N ..."]
    broken: Bool[np.ndarray, " N"]


class AttackEnsemble(eqx.Module):
    """Several attacks in sequence, each only on the examples that withstood those before.

    Args:
        attacks: attacks by name, all with the same norm, ε and range.

    Raises:
        InputError: for no attack, or attacks with different threat models; when called, as for the attacks, and under
            `jit`.
    """

    names: tuple[str, ...]
    attacks: tuple[Attack, ...]

    def __init__(self, attacks: Mapping[str, Attack]):
        if not isinstance(attacks, Mapping) or not attacks:
            raise InputError(f"attacks must be one or more attacks by name, but are {check.received(attacks)}")
        for name, attack in attacks.items():
            check.instance(Attack, **{f"attacks[{name!r}]": attack})
        self.names, self.attacks = tuple(map(str, attacks)), tuple(attacks.values())
        first, *others = (attack.threat for attack in self.attacks)
        for name, threat in zip(self.names[1:], others, strict=True):
            if not eqx.tree_equal(first, threat, typematch=True):
                raise InputError(
                    f"all attacks must have the same threat model, but that of {self.names[0]} is "
                    f"{check.received(first)} and that of {name} is {check.received(threat)}"
                )

    @property
    def threat(self) -> ThreatModel:
        """The threat model of all attacks."""
        return self.attacks[0].threat

    @property
    def uses_gradient(self) -> bool:
        """Whether any of the attacks needs the gradient of the model."""
        return any(attack.uses_gradient for attack in self.attacks)

    def __call__(
        self,
        model: Any,
        x: ArrayLike,
        labels: ArrayLike,
        *,
        targets: ArrayLike | None = None,
        key: PRNGKeyArray | None = None,
    ) -> Float[Array, "N ..."]:
        """Return an adversarial input for each example of x, (N, …), with labels (N,)."""
        check_on_host("AttackEnsemble")
        if targets is not None:
            raise InputError("an ensemble takes no targets; pass them to one of its attacks")
        problem = checked(self.threat, model, x, labels, None)
        return jnp.asarray(self.run(problem, np.arange(len(problem.x)), key=key, batch_size=len(problem.x)).images)

    def run(
        self,
        problem: Problem,
        chosen: Int[np.ndarray, " some"],
        *,
        key: PRNGKeyArray | None,
        batch_size: int,
        known: Sequence[Known] = (),
    ) -> Fallen:
        """Attack the chosen examples, `batch_size` at a time, and record which attack broke each.

        Known results of the same attacks are reused.
        """
        images, by = np.array(problem.x), np.full(len(problem.x), -1)
        standing = chosen
        for i, attack in enumerate(self.attacks):
            before = next((each for each in known if each.attack is attack), None)
            tried = images.copy() if before is None else before.images
            if before is None:
                tried[standing] = attacked(attack, problem, standing, key=fold(key, i), batch_size=batch_size)
            success = broken(self.threat, problem, tried, batch_size) if before is None else before.broken
            fell = standing[success[standing]]
            images[fell], by[fell] = tried[fell], i
            standing = np.setdiff1d(standing, fell)
        return Fallen(images, by)


def auto_attack(threat: ThreatModel, *, classes: int = 10, steps: int = 100, queries: int = 5000) -> AttackEnsemble:
    """Return the standard AutoAttack: APGD on the cross-entropy, targeted APGD on DLR, targeted FAB, and Square.

    Args:
        threat: norm, ε and range; `LInf` or `L2`.
        classes: number of classes of the model; up to nine others are targets. With three or fewer classes, the margin
            replaces DLR.
        steps: number of steps of APGD and FAB.
        queries: number of queries of Square.

    Raises:
        InputError: for fewer than two classes, or no steps or queries.

    Source: Croce & Hein, International Conference on Machine Learning (2020), section 6.
    """
    check.whole(2, classes=classes)
    targets = min(9, classes - 1)
    return AttackEnsemble(
        {
            "APGD-CE": APGD(threat, steps),
            "APGD-T": MultiTargeted(APGD(threat, steps, loss=dlr if classes > 3 else margin), targets),
            "FAB-T": MultiTargeted(FAB(threat, steps), targets),
            "Square": Square(threat, queries),
        }
    )
