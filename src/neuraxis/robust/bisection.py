"""The smallest ε at which an attack succeeds."""

from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float, PRNGKeyArray

from neuraxis import check
from neuraxis.robust.around import AroundAttack
from neuraxis.robust.attack import Attack, along, checked
from neuraxis.robust.blocks import broken, check_on_host, fold
from neuraxis.robust.threat_models import with_epsilon


class Bisection(AroundAttack):
    """Search [0, ε] by bisection for the smallest perturbation with which an attack succeeds, for each example.

    The attack is tried in the middle of the interval. Where it succeeds, the norm of its perturbation is the new upper
    end; elsewhere, the middle is the new lower end. The result is the last input with which the attack succeeded, or x
    if it never did.

    Args:
        attack: any attack; the ε of its threat model is the initial upper end.
        halvings: number of halvings, after one trial at ε.

    Raises:
        InputError: for fewer than one halving or an infinite ε; when called, as for the attack, and under `jit`.
    """

    halvings: int = 8

    def __check_init__(self):
        check.instance(Attack, attack=self.attack)
        check.whole(halvings=self.halvings)
        self.attack.threat.check_bounded()

    def __call__(
        self,
        model: Any,
        x: ArrayLike,
        labels: ArrayLike,
        *,
        targets: ArrayLike | None = None,
        key: PRNGKeyArray | None = None,
    ) -> Float[Array, "N ..."]:
        """Return an adversarial input for each example of x, (N, …), with labels and targets (N,)."""
        check_on_host("Bisection")
        problem = checked(self.threat, model, x, labels, targets)
        best, count = np.array(problem.x), len(problem.x)
        low = np.zeros(count, best.dtype)
        high = np.array(np.broadcast_to(np.asarray(self.threat.epsilon, best.dtype), low.shape))
        high = np.where(broken(self.threat, problem, best, count), 0, high)  # where x itself is misclassified
        middle = high
        for i in range(self.halvings + 1):
            attack = with_epsilon(self.attack, jnp.asarray(middle))
            found = np.asarray(attack(model, problem.x, labels, targets=targets, key=fold(key, i)))
            fell = broken(attack.threat, problem, found, count)
            norms = np.asarray(self.threat.norm(jnp.asarray(found) - problem.x))
            best = np.where(along(fell, best), found, best)
            high = np.where(fell, np.minimum(norms, high), high)
            low = np.where(fell, low, np.minimum(middle, high))
            middle = (low + high) / 2
        return jnp.asarray(best)
