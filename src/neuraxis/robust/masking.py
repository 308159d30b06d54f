"""Signs that the gradients of a model do not lead to the adversarial inputs that it has."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool

_MISSED = 0.01  # share of the images that attacks by gradients may miss by chance
_VANISHING = 0.1  # share of the images without a gradient that a well-trained net may have


class Attempt(NamedTuple):
    """Which examples an attack broke."""

    name: str
    uses_gradient: bool
    broken: Bool[np.ndarray, " N"]


def warnings(attempts: Sequence[Attempt], right: int, vanishing: float) -> tuple[str, ...]:
    """Say in words where an attack without gradients breaks what attacks by gradients do not.

    It knows less than they do. So where it finds more than one in a hundred, they were misled: the model is not robust,
    only its gradients are of no use.

    Args:
        attempts: what each attack broke.
        right: number of examples that are classified correctly.
        vanishing: share of the examples at which the gradient of the cross-entropy is 0, but for rounding.

    Source: Athalye, Carlini & Wagner, International Conference on Machine Learning (2018), section 3.1.
    """
    by_gradient = [attempt for attempt in attempts if attempt.uses_gradient]
    found = []
    if by_gradient:
        failed = ~np.any([attempt.broken for attempt in by_gradient], axis=0)
        for attempt in attempts:
            more = int(np.sum(attempt.broken & failed))
            if not attempt.uses_gradient and more > _MISSED * right:
                others = ", ".join(each.name for each in by_gradient)
                found.append(
                    f"gradient masking: {attempt.name}, which uses no gradient, breaks {more} of {right} images on "
                    f"which the attacks by gradients fail ({others}); the accuracy under these flatters the model"
                )
    if vanishing > _VANISHING:
        found.append(
            f"gradient masking: the gradient of the cross-entropy is 0 or rounding at {100 * vanishing:.0f} % of the "
            "images, where an attack on that loss finds no way; take dlr or margin"
        )
    return tuple(found)
