"""A targeted attack, repeated for each likely class."""

from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float, PRNGKeyArray

from neuraxis import check
from neuraxis.errors import InputError
from neuraxis.robust.around import AroundAttack
from neuraxis.robust.attack import Attack, along, checked
from neuraxis.robust.blocks import attacked, broken, check_on_host, fold
from neuraxis.robust.boundaries import rivals
from neuraxis.values import compiled


class MultiTargeted(AroundAttack):
    """Run a targeted attack for each of the most likely wrong classes, in this order, on the examples that remain.

    The result is the first input that is misclassified, as any class, or the original one if none is found.

    Args:
        attack: attack that takes targets, such as `APGD(threat, loss=dlr)` or `FAB(threat)`.
        classes: number of targets.

    Raises:
        InputError: for fewer than one target; when called, as for the attack, and under `jit`.

    Source: Gowal et al., arXiv:1910.09338 (2019).
    """

    classes: int = 9

    def __check_init__(self):
        check.instance(Attack, attack=self.attack)
        check.whole(classes=self.classes)

    def __call__(
        self,
        model: Any,
        x: ArrayLike,
        labels: ArrayLike,
        *,
        targets: ArrayLike | None = None,
        key: PRNGKeyArray | None = None,
    ) -> Float[Array, "N ..."]:
        """Return an adversarial input for each example of x, (N, …), with labels (N,); targets must be None."""
        check_on_host("MultiTargeted")
        if targets is not None:
            raise InputError("MultiTargeted chooses its targets itself; pass yours to the attack inside it")
        problem = checked(self.threat, model, x, labels, None)
        others = np.asarray(_rivals(problem, self.classes + 1))
        images, count = np.array(problem.x), len(problem.x)
        standing = np.flatnonzero(~broken(self.threat, problem, images, count))
        for i, target in enumerate(others.T):
            if not len(standing):
                break
            found = attacked(
                self.attack, problem, standing, key=fold(key, i), batch_size=count, targets=jnp.asarray(target)
            )
            tried = images.copy()
            tried[standing] = found
            fell = broken(self.threat, problem, tried, count)
            images = np.where(along(fell, images), tried, images)
            standing = np.flatnonzero(~fell)
        return jnp.asarray(images)


_rivals = compiled(rivals)
