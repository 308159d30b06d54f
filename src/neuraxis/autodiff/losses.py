"""Losses of a data set for the tape: means over the examples, as one `Var`."""

import math
from typing import Any

from neuraxis.autodiff import ops
from neuraxis.errors import InputError


def squared_error(y: Any, t: Any) -> Any:
    """Mean over the examples of ½‖y − t‖², for outputs y and targets t, (…, k) each.

    Raises:
        InputError: if the shapes differ.
    """
    difference = _same(y, t) - t
    return ops.sum(difference * difference) * (0.5 / _examples(y))


def cross_entropy(z: Any, t: Any) -> Any:
    """Mean over the examples of −Σ_k t_k ln softmax(z)_k, for logits z and targets t, (…, k) each.

    Raises:
        InputError: if the shapes differ.
    """
    return ops.sum(ops.log_softmax(_same(z, t)) * t) * (-1 / _examples(z))


def _same(y: Any, t: Any) -> Any:
    if y.shape != t.shape:
        raise InputError(f"outputs and targets must have one shape, but have {y.shape} and {t.shape}")
    return y


def _examples(y: Any) -> int:
    return math.prod(y.shape[:-1])
