"""The table of operations: each row gives a result and, per argument, how its gradient comes from that of the result.

Rules read `lambda g, y, *arguments: …` with g = ∂E/∂y. They do not care about broadcasting (see `Op.backward`). At
kinks the gradient is the one of JAX: relu′(0) = 0, |·|′(0) = 0, and equal arguments of a maximum share.

All functions take `Var`s, NumPy arrays, JAX arrays and Python numbers, and give a `Var` if a `Var` is among them.
"""

import math
from collections.abc import Sequence
from functools import partial
from typing import Any

import jax
import numpy as np

from neuraxis.autodiff.var import Rule, Var, define, value_of
from neuraxis.errors import InputError

Axis = int | tuple[int, ...] | None

# --- arithmetic ---

add = define("add", lambda xp, a, b: a + b, (lambda g, y, a, b: g, lambda g, y, a, b: g))
"""a + b."""

subtract = define("subtract", lambda xp, a, b: a - b, (lambda g, y, a, b: g, lambda g, y, a, b: -g))
"""a − b."""

multiply = define("multiply", lambda xp, a, b: a * b, (lambda g, y, a, b: g * b, lambda g, y, a, b: g * a))
"""a · b."""

divide = define("divide", lambda xp, a, b: a / b, (lambda g, y, a, b: g / b, lambda g, y, a, b: -g * y / b))
"""a / b."""

negate = define("negate", lambda xp, x: -x, (lambda g, y, x: -g,))
"""−x."""

power = define(
    "power",
    lambda xp, x, p: x**p,
    (
        # The safe values keep 0 · ∞ out where the factor beside them is 0.
        lambda g, y, x, p: g * p * x ** where(_equals(p, 0.0), 1.0, p - 1),
        lambda g, y, x, p: g * y * log(where(_equals(x, 0.0), 1.0, x)),
    ),
)
"""xᵖ."""

# --- functions of one argument ---

exp = define("exp", lambda xp, x: xp.exp(x), (lambda g, y, x: g * y,))
"""eˣ."""

log = define("log", lambda xp, x: xp.log(x), (lambda g, y, x: g / x,))
"""ln x."""

sqrt = define("sqrt", lambda xp, x: xp.sqrt(x), (lambda g, y, x: 0.5 * g / y,))
"""√x."""

sin = define("sin", lambda xp, x: xp.sin(x), (lambda g, y, x: g * cos(x),))
"""sin x."""

cos = define("cos", lambda xp, x: xp.cos(x), (lambda g, y, x: -g * sin(x),))
"""cos x."""

tanh = define("tanh", lambda xp, x: xp.tanh(x), (lambda g, y, x: g * (1 - y * y),))
"""tanh x."""


def _logistic(xp, x):
    small = xp.exp(-abs(x))  # never overflows
    return xp.where(x >= 0, 1.0, small) / (1 + small)


logistic = define("logistic", _logistic, (lambda g, y, x: g * y * (1 - y),))
"""1/(1 + e⁻ˣ)."""

relu = define("relu", lambda xp, x: xp.maximum(x, 0), (lambda g, y, x: g * (x > 0),))
"""max(x, 0)."""

abs_ = abs
abs = define("abs", lambda xp, x: xp.abs(x), (lambda g, y, x: where(x > 0, g, where(x < 0, -g, 0.0)),))
"""|x|."""

cast = define("cast", lambda xp, x, *, dtype: x.astype(dtype), (lambda g, y, x, *, dtype: g,))
"""x in another number format (`dtype=`)."""
