"""The table of operations: each row gives a result and, per argument, how its gradient comes from that of the result.

Rules read `lambda g, y, *arguments: …` with g = ∂E/∂y. They do not care about broadcasting (see `Op.backward`). At
kinks the gradient is the one of JAX: relu′(0) = 0, |·|′(0) = 1, and equal arguments of a maximum share.

All functions take `Var`s, NumPy arrays, JAX arrays and Python numbers, and give a `Var` if a `Var` is among them.
"""

import builtins
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from neuraxis.autodiff.var import EveryArgument, define, value_of
from neuraxis.errors import InputError

Axis = int | Sequence[int] | None


def _instead(x: Any, bad: float, good: float) -> Any:
    """Give x with `good` wherever it is `bad`."""
    if isinstance(x, int | float):
        return good if x == bad else x
    return where(value_of(x) == bad, good, x)


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
    (  # what stands in for p = 0 and x = 0 has the factor 0, and keeps 0 · ∞ out
        lambda g, y, x, p: g * p * x ** (_instead(p, 0.0, 1.0) - 1),
        lambda g, y, x, p: g * y * log(_instead(x, 0.0, 1.0)),
    ),
)
"""xᵖ."""

# --- functions of each entry ---


def _logistic(xp: Any, x: Any) -> Any:
    small = xp.exp(-xp.abs(x))  # cannot overflow
    return xp.where(x >= 0, xp.ones_like(small), small) / (1 + small)


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

logistic = define("logistic", _logistic, (lambda g, y, x: g * y * (1 - y),))
"""1/(1 + e⁻ˣ)."""

relu = define("relu", lambda xp, x: xp.maximum(x, 0), (lambda g, y, x: g * (x > 0),))
"""max(x, 0)."""

abs = define("abs", lambda xp, x: xp.abs(x), (lambda g, y, x: where(x >= 0, g, -g),))
"""|x|."""

maximum = define(
    "maximum",
    lambda xp, a, b: xp.maximum(a, b),
    (
        lambda g, y, a, b: where(a > b, g, where(a < b, 0.0, 0.5 * g)),
        lambda g, y, a, b: where(b > a, g, where(b < a, 0.0, 0.5 * g)),
    ),
)
"""The larger of a and b, entry by entry."""

_where = define(
    "where",
    lambda xp, a, b, *, condition: xp.where(condition, a, b),
    (
        lambda g, y, a, b, *, condition: where(condition, g, 0.0),
        lambda g, y, a, b, *, condition: where(condition, 0.0, g),
    ),
)


def where(condition: Any, a: Any, b: Any) -> Any:
    """Give a where the condition (an array of booleans, such as `x > 0`) holds and b elsewhere."""
    return _where(a, b, condition=condition)


cast = define("cast", lambda xp, x, *, dtype: x.astype(dtype), (lambda g, y, x, *, dtype: g,))
"""x in another number format (`dtype=`)."""

# --- shapes ---

broadcast = define("broadcast", lambda xp, x, *, shape: xp.broadcast_to(x, shape), (lambda g, y, x, *, shape: g,))
"""x repeated to `shape=`."""

_reshape = define("reshape", lambda xp, x, *, shape: x.reshape(shape), (lambda g, y, x, *, shape: reshape(g, x.shape),))
_transpose = define(
    "transpose",
    lambda xp, x, *, axes: x.transpose(axes),
    (lambda g, y, x, *, axes: transpose(g, tuple(np.argsort(axes).tolist())),),
)


def reshape(x: Any, shape: tuple[int, ...]) -> Any:
    """Lay the same numbers out in another shape, in which one size may be −1."""
    return _reshape(x, shape=shape)


def transpose(x: Any, axes: Sequence[int] | None = None) -> Any:
    """Put the axes into another order; into the reverse one where none is given."""
    return _transpose(x, axes=tuple(range(x.ndim))[::-1] if axes is None else tuple(axes))


def _swap_last(x: Any) -> Any:
    return transpose(x, (*range(x.ndim - 2), x.ndim - 1, x.ndim - 2))


def _scatter(xp: Any, g: Any, *, key: tuple, shape: tuple[int, ...]) -> Any:
    zeros = xp.zeros(shape, g.dtype)
    if xp is not np:
        return zeros.at[key].add(g)
    if all(isinstance(k, int | slice | type(None) | type(...)) for k in key):
        zeros[key] = g
    else:  # an array of indices may name an entry several times
        np.add.at(zeros, key, g)
    return zeros


index = define(
    "index",
    lambda xp, x, *, key: xp.asarray(x)[key],
    (lambda g, y, x, *, key: scatter(g, key=key, shape=x.shape),),
)
"""x[key], by numbers, slices or arrays of integers or booleans (`key=`, a tuple)."""

scatter = define("scatter", _scatter, (lambda g, y, x, *, key, shape: index(g, key=key),))
"""Zeros of `shape=` with x added at `key=`: the transpose of `index`."""


def _part(i: int, g: Any, y: Any, *parts: Any, axis: int) -> Any:
    start = builtins.sum(p.shape[axis] for p in parts[:i])
    return g[(slice(None),) * axis + (slice(start, start + parts[i].shape[axis]),)]


_concatenate = define("concatenate", lambda xp, *parts, axis: xp.concatenate(parts, axis), EveryArgument(_part))


def concatenate(parts: Sequence[Any], axis: int = 0) -> Any:
    """Join along an axis that exists.

    Raises:
        InputError: for no parts, an axis that they do not have, or shapes that differ elsewhere.
    """
    if not len(parts):
        raise InputError("concatenate needs at least one part, but got none")
    return _concatenate(*parts, axis=_axes(axis, np.ndim(value_of(parts[0])))[0])


def stack(parts: Sequence[Any], axis: int = 0) -> Any:
    """Join along a new axis.

    Raises:
        InputError: for no parts, an axis that the result does not have, or shapes that differ.
    """
    axis = _axes(axis, len(np.shape(value_of(parts[0]))) + 1)[0] if len(parts) else axis
    return concatenate([reshape(p, (*p.shape[:axis], 1, *p.shape[axis:])) for p in parts], axis)


# --- reductions ---


def _axes(axis: Axis, ndim: int) -> tuple[int, ...]:
    """Give the axes as numbers from 0 on; None stands for all."""
    axes = range(ndim) if axis is None else (axis,) if isinstance(axis, int) else axis
    for i in axes:
        if not -ndim <= i < ndim:
            raise InputError(f"there is no axis {i} in an array with {ndim} axes")
    return tuple(i % ndim for i in axes)


def _spread(g: Any, x: Any, axis: tuple[int, ...]) -> Any:
    """Give the axes that were reduced back, with size 1."""
    return reshape(g, tuple(1 if i in axis else n for i, n in enumerate(x.shape)))


def _max_backward(g: Any, y: Any, x: Any, *, axis: tuple[int, ...], keepdims: bool) -> Any:
    largest = x >= _spread(y, x, axis)
    count = largest.sum(axis=axis, keepdims=True, dtype=g.dtype)
    return where(largest, _spread(g, x, axis) / count, 0.0)


def _log_sum_exp(xp: Any, x: Any, *, axis: tuple[int, ...], keepdims: bool) -> Any:
    largest = x.max(axis=axis, keepdims=True)
    y = xp.log(xp.exp(x - largest).sum(axis=axis, keepdims=True)) + largest
    return y if keepdims else y.squeeze(axis)


def _softmax(xp: Any, x: Any, *, axis: tuple[int, ...]) -> Any:
    y = xp.exp(x - x.max(axis=axis, keepdims=True))
    return y / y.sum(axis=axis, keepdims=True)


def _log_softmax(xp: Any, x: Any, *, axis: tuple[int, ...]) -> Any:
    x = x - x.max(axis=axis, keepdims=True)
    return x - xp.log(xp.exp(x).sum(axis=axis, keepdims=True))


_sum = define(
    "sum",
    lambda xp, x, *, axis, keepdims: x.sum(axis=axis, keepdims=keepdims),
    (lambda g, y, x, *, axis, keepdims: _spread(g, x, axis),),
)
_max = define("max", lambda xp, x, *, axis, keepdims: x.max(axis=axis, keepdims=keepdims), (_max_backward,))
_log_sum_exp_rule = define(
    "log_sum_exp",
    _log_sum_exp,
    (lambda g, y, x, *, axis, keepdims: _spread(g, x, axis) * softmax(x, axis),),
)
_softmax_rule = define("softmax", _softmax, (lambda g, y, x, *, axis: y * (g - sum(g * y, axis=axis, keepdims=True)),))
_log_softmax_rule = define(
    "log_softmax", _log_softmax, (lambda g, y, x, *, axis: g - exp(y) * sum(g, axis=axis, keepdims=True),)
)


def sum(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """Sum over an axis, several, or all of them (None); `keepdims` leaves them with size 1."""
    return _sum(x, axis=_axes(axis, x.ndim), keepdims=keepdims)


def mean(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """Mean over axes, as `sum`."""
    axes = _axes(axis, x.ndim)
    return _sum(x, axis=axes, keepdims=keepdims) / math.prod(x.shape[i] for i in axes)


def max(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """Largest entry over axes, as `sum`; equal ones share the gradient."""
    return _max(x, axis=_axes(axis, x.ndim), keepdims=keepdims)


def log_sum_exp(x: Any, axis: Axis = -1, keepdims: bool = False) -> Any:
    """Give ln Σ eˣ over axes, without overflow."""
    return _log_sum_exp_rule(x, axis=_axes(axis, x.ndim), keepdims=keepdims)


def softmax(x: Any, axis: Axis = -1) -> Any:
    """Give eˣ / Σ eˣ over axes, without overflow."""
    return _softmax_rule(x, axis=_axes(axis, x.ndim))


def log_softmax(x: Any, axis: Axis = -1) -> Any:
    """Give x − ln Σ eˣ over axes: the logarithm of `softmax`, exact where that rounds to 0."""
    return _log_softmax_rule(x, axis=_axes(axis, x.ndim))


# --- products ---


def _product(xp: Any, a: Any, b: Any) -> Any:
    if a.ndim > 2 and b.ndim == 2:  # one large product instead of many small ones
        return (a.reshape(-1, a.shape[-1]) @ b).reshape(*a.shape[:-1], b.shape[-1])
    return a @ b


def _matrices(g: Any, a: Any, b: Any) -> tuple[Any, Any, Any]:
    """Make vectors matrices of one row (a) or one column (b), and the gradient of the product fit."""
    if a.ndim == 1:
        a, g = reshape(a, (1, *a.shape)), _insert(g, g.ndim if b.ndim == 1 else g.ndim - 1)
    if b.ndim == 1:
        b, g = reshape(b, (*b.shape, 1)), _insert(g, g.ndim)
    return g, a, b


def _insert(g: Any, axis: int) -> Any:
    return reshape(g, (*g.shape[:axis], 1, *g.shape[axis:]))


def _matmul_first(g: Any, y: Any, a: Any, b: Any) -> Any:
    g, _, b = _matrices(g, a, b)
    share = g @ (b.T if b.ndim == 2 else _swap_last(b))
    return reshape(share, (*share.shape[:-2], share.shape[-1])) if a.ndim == 1 else share


def _matmul_second(g: Any, y: Any, a: Any, b: Any) -> Any:
    g, a, matrix = _matrices(g, a, b)
    if matrix.ndim == 2 < a.ndim:
        a, g = reshape(a, (-1, a.shape[-1])), reshape(g, (-1, g.shape[-1]))
    share = (a.T if a.ndim == 2 else _swap_last(a)) @ g
    return reshape(share, share.shape[:-1]) if b.ndim == 1 else share


matmul = define("matmul", _product, (_matmul_first, _matmul_second))
"""a @ b: matrices on the last two axes, any axes before them, and vectors, as NumPy has it."""
