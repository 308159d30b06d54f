"""Losses for the tape: means over the examples of a data set, as a scalar `Var`."""

import math
from typing import Any

from neuraxis.autodiff import ops
from neuraxis.autodiff.var import with_axes
from neuraxis.errors import InputError


def squared_error(y: Any, t: Any) -> Any:
    """Mean over the examples of ½‖y − t‖², for outputs y and targets t, each (…, k).

    Raises:
        InputError: if the shapes differ, or there are no examples.
    """
    y, t, examples = _matching(y, t)
    difference = y - t
    return ops.sum(difference * difference) * (0.5 / examples)


def cross_entropy(z: Any, t: Any) -> Any:
    """Mean over the examples of −Σ_k t_k ln softmax(z)_k, for logits z and targets t, each (…, k).

    Raises:
        InputError: if the shapes differ, or there are no examples.
    """
    z, t, examples = _matching(z, t)
    return ops.sum(ops.log_softmax(z) * t) * (-1 / examples)


def _matching(y: Any, t: Any) -> tuple[Any, Any, int]:
    """Return outputs and targets as arrays of one shape, and the number of examples."""
    y, t = with_axes("outputs", y), with_axes("targets", t)
    if y.shape != t.shape:
        raise InputError(f"outputs and targets must have the same shape, but have {y.shape} and {t.shape}")
    if y.size == 0:
        raise InputError(f"the mean loss needs at least one example, but outputs and targets have shape {y.shape}")
    return y, t, math.prod(y.shape[:-1])
