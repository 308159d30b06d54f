"""Comparison of the gradients of the tape with finite differences."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from jax.typing import ArrayLike

from neuraxis import check
from neuraxis.autodiff.var import Var
from neuraxis.errors import InputError


class Deviation(NamedTuple):
    """The largest deviation of the tape from finite differences."""

    relative: float  # |tape − difference| / (1 + |difference|)
    argument: int
    entry: tuple[int, ...]
    tape: float
    difference: float


def check_gradients(f: Callable[..., Any], *arguments: ArrayLike, step: float = 1e-6) -> Deviation:
    """Compare ∂F/∂x for F = Σ r f, with fixed random weights r of the outputs, with central differences, entrywise.

    The error of (F(x + step) − F(x − step)) / (2 step) is about step² |F‴|/6 + 1e-16 |F|/step. NumPy computes in
    float64 whatever the dtype of the arguments. Near a kink (of relu, abs, max) the differences are meaningless.

    Args:
        f: function of one `Var` for each argument that returns a `Var` of any shape.
        arguments: point at which to compare.
        step: step of the differences.

    Returns:
        The largest deviation, and where it occurs; for correct rules it is about 1e-8.

    Raises:
        InputError: for arguments that are not finite, a step that is not positive, or a function that does not return a
            `Var`.
    """
    check.functions(f=f)
    check.positive(step=step)
    check.one_number(step=step)
    points = [np.array(check.array(f"argument {i}", a), np.float64) for i, a in enumerate(arguments)]
    check.finite(**{f"argument {i}": p for i, p in enumerate(points)})
    variables = [Var(p) for p in points]
    y = f(*variables)
    if not isinstance(y, Var):
        raise InputError(f"f must return a Var, but returned {check.received(y)}")
    r = np.random.default_rng(0).normal(size=y.shape)
    y.backward(r)

    def at(point: np.ndarray, index: tuple[int, ...], value: float) -> float:
        before, point[index] = point[index], value
        total = np.sum(r * f(*(Var(p) for p in points)).val)
        point[index] = before
        return float(total)

    worst = Deviation(0.0, 0, (), 0.0, 0.0)
    for i, (variable, point) in enumerate(zip(variables, points, strict=True)):
        gradients = np.zeros(point.shape) if variable.grad is None else variable.grad
        for index in np.ndindex(point.shape):
            here = float(point[index])
            difference = (at(point, index, here + step) - at(point, index, here - step)) / (2 * step)
            relative = abs(gradients[index] - difference) / (1 + abs(difference))
            if not relative <= worst.relative:  # NaN counts as worst
                worst = Deviation(float(relative), i, index, float(gradients[index]), difference)
    return worst
