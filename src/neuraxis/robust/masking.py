"""Signs of gradient masking: the gradients of a model do not lead to its adversarial examples."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool

_MISSED = 0.01  # fraction of the images that gradient-based attacks may miss by chance
_VANISHING = 0.1  # fraction of the images at which the gradient of a well-trained network may vanish


class Attempt(NamedTuple):
    """The examples that an attack broke."""

    name: str
    uses_gradient: bool
    broken: Bool[np.ndarray, " N"]


def warnings(attempts: Sequence[Attempt], right: int, vanishing: float) -> tuple[str, ...]:
    """Return a warning for each sign that gradient-based attacks were misled.

    A gradient-free attack has less information than they have. If it breaks more than one in a hundred of the examples
    in addition, the model is not robust, but its gradients are useless. The other sign is vanishing gradients.

    Args:
        attempts: examples that each attack broke.
        right: number of examples that are classified correctly.
        vanishing: fraction of the examples at which the gradient of the cross-entropy is 0 up to rounding.

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
                    f"gradient masking: of {right} correctly classified images, {more} withstand the gradient-based "
                    f"attacks ({others}) but not {attempt.name}, which uses no gradient; the accuracy under "
                    "gradient-based attacks overestimates the robustness"
                )
    if vanishing > _VANISHING:
        found.append(
            f"gradient masking: the gradient of the cross-entropy is 0 up to rounding at {100 * vanishing:.0f} % of "
            "the images, where attacks on this loss fail; use dlr or margin instead"
        )
    return tuple(found)
