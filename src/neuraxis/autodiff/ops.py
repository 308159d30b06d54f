"""The table of operations: each row defines a result and, for each argument, its gradient given that of the result.

Backward rules have the form `lambda g, y, *arguments: …` with g = ∂E/∂y. They ignore broadcasting (see `Op.backward`).
At kinks the gradient is that of JAX: relu′(0) = 0, |·|′(0) = 1, and equal arguments of a maximum share it. At 0, where
a root or a power has infinite slope, an incoming gradient of 0 stays 0, so that (√x)² has a gradient there.

All functions accept `Var`s, NumPy arrays, JAX arrays, Python numbers, lists, tables and tensors, and return a `Var` if
any argument is one; integers and booleans alone give floats.
"""

import builtins
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from jax.core import Tracer

from neuraxis import check
from neuraxis.autodiff.operators import FUNCTIONS, Axis
from neuraxis.autodiff.var import EveryArgument, Var, define, value_of, with_axes
from neuraxis.errors import InputError


def _instead(x: Any, bad: float, good: float) -> Any:
    """Return x with `bad` replaced by `good`."""
    if isinstance(x, int | float):
        return good if x == bad else x
    return where(value_of(x) == bad, good, x)


def _no_steeper(x: Any, g: Any) -> Any:
    """Return x with 1 wherever both x and g are 0, because g = 0 times the infinite slope would be NaN."""
    return where((value_of(x) == 0) & (value_of(g) == 0), 1.0, x)


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
    (  # the substitutes for p = 0 and x = 0 avoid 0 · ∞, and are multiplied by 0
        lambda g, y, x, p: g * p * _no_steeper(x, g) ** (_instead(p, 0.0, 1.0) - 1),
        lambda g, y, x, p: g * y * log(_instead(x, 0.0, 1.0)),
    ),
)
"""xᵖ."""

# --- elementwise functions ---


def _logistic(xp: Any, x: Any) -> Any:
    small = xp.exp(-xp.abs(x))  # cannot overflow
    return xp.where(x >= 0, xp.ones_like(small), small) / (1 + small)


exp = define("exp", lambda xp, x: xp.exp(x), (lambda g, y, x: g * y,))
"""eˣ."""

log = define("log", lambda xp, x: xp.log(x), (lambda g, y, x: g / x,))
"""ln x."""

sqrt = define("sqrt", lambda xp, x: xp.sqrt(x), (lambda g, y, x: 0.5 * g / _no_steeper(y, g),))
"""√x, whose slope at 0 is infinite; for the length of a vector, which may be 0, use `norm`."""

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
"""The elementwise maximum of a and b."""

minimum = define(
    "minimum",
    lambda xp, a, b: xp.minimum(a, b),
    (
        lambda g, y, a, b: where(a < b, g, where(a > b, 0.0, 0.5 * g)),
        lambda g, y, a, b: where(b < a, g, where(b > a, 0.0, 0.5 * g)),
    ),
)
"""The elementwise minimum of a and b."""


def clip(x: Any, low: Any = None, high: Any = None) -> Any:
    """Clip x to two bounds.

    Args:
        x: a `Var` or an array.
        low: lower bound; None for no bound.
        high: upper bound; None for no bound.
    """
    x = x if low is None else maximum(x, low)
    return x if high is None else minimum(x, high)


_where = define(
    "where",
    lambda xp, a, b, *, condition: xp.where(condition, a, b),
    (
        lambda g, y, a, b, *, condition: where(condition, g, 0.0),
        lambda g, y, a, b, *, condition: where(condition, 0.0, g),
    ),
)


def where(condition: Any, a: Any, b: Any) -> Any:
    """Choose between a and b elementwise.

    Args:
        condition: array of booleans, such as `x > 0`.
        a: values where the condition holds.
        b: values elsewhere.

    Raises:
        InputError: for a condition that is a `Var`.
    """
    if isinstance(condition, Var):
        raise InputError("the condition must be an array of booleans, such as x > 0, but is a Var")
    return _where(a, b, condition=condition)


_cast = define("cast", lambda xp, x, *, dtype: x.astype(dtype), (lambda g, y, x, *, dtype: g,))


def cast(x: Any, dtype: Any) -> Any:
    """Convert x to another floating-point dtype.

    Raises:
        InputError: for a dtype of integers, booleans or complex numbers, which have no gradient.
    """
    return _cast(x, dtype=dtype)


# --- shapes ---

broadcast = define("broadcast", lambda xp, x, *, shape: xp.broadcast_to(x, shape), (lambda g, y, x, *, shape: g,))
"""x broadcast to `shape=`."""

_reshape = define("reshape", lambda xp, x, *, shape: x.reshape(shape), (lambda g, y, x, *, shape: reshape(g, x.shape),))
_transpose = define(
    "transpose",
    lambda xp, x, *, axes: x.transpose(axes),
    (lambda g, y, x, *, axes: transpose(g, tuple(np.argsort(axes).tolist())),),
)


def reshape(x: Any, shape: tuple[int, ...]) -> Any:
    """Reshape x; one of the sizes may be −1."""
    return _reshape(with_axes("x", x), shape=shape)


def transpose(x: Any, axes: Sequence[int] | None = None) -> Any:
    """Permute the axes; by default, reverse them. Negative axes count from the end.

    Raises:
        InputError: for axes that x does not have, or that do not each occur once.
    """
    x = with_axes("x", x)
    return _transpose(x, axes=tuple(range(x.ndim))[::-1] if axes is None else _axes(axes, x.ndim))


def _swap_last(x: Any) -> Any:
    return transpose(x, (*range(x.ndim - 2), x.ndim - 1, x.ndim - 2))


def _check_key(xp: Any, shape: tuple[int, ...], key: tuple) -> None:
    """Reject indices out of range, which JAX would clamp or ignore."""
    if xp is not np and not any(isinstance(k, Tracer) for k in key):
        np.broadcast_to(np.int8(0), shape)[key]


def _index(xp: Any, x: Any, *, key: tuple) -> Any:
    _check_key(xp, x.shape, key)
    return x[key]


def _scatter(xp: Any, g: Any, *, key: tuple, shape: tuple[int, ...]) -> Any:
    _check_key(xp, shape, key)
    zeros = xp.zeros(shape, g.dtype)
    if xp is not np:
        return zeros.at[key].add(g)
    if all(isinstance(k, int | slice | type(None) | type(...)) for k in key):
        zeros[key] = g
    else:  # an array of indices may contain an index several times
        np.add.at(zeros, key, g)
    return zeros


index = define(
    "index",
    _index,
    (lambda g, y, x, *, key: scatter(g, key=key, shape=x.shape),),
)
"""x[key], with integers, slices, or arrays of integers or booleans (`key=`, a tuple)."""

scatter = define("scatter", _scatter, (lambda g, y, x, *, key, shape: index(g, key=key),))
"""Zeros of `shape=` with x added at `key=`: the transpose of `index`."""


def _part(i: int, g: Any, y: Any, *parts: Any, axis: int) -> Any:
    start = builtins.sum(p.shape[axis] for p in parts[:i])
    return g[(slice(None),) * axis + (slice(start, start + parts[i].shape[axis]),)]


def _parts(parts: Any) -> list[Any]:
    if not isinstance(parts, Sequence | np.ndarray) or not len(parts):
        raise InputError(f"parts must be a list of at least one array, but are {check.received(parts)}")
    return [with_axes("a part", p) for p in parts]


_concatenate = define("concatenate", lambda xp, *parts, axis: xp.concatenate(parts, axis), EveryArgument(_part))


def concatenate(parts: Sequence[Any], axis: int = 0) -> Any:
    """Concatenate along an existing axis.

    Raises:
        InputError: for an empty list, an axis that the parts do not have, or shapes that differ along other axes.
    """
    parts = _parts(parts)
    return _concatenate(*parts, axis=_axis(axis, parts[0].ndim))


def stack(parts: Sequence[Any], axis: int = 0) -> Any:
    """Stack along a new axis.

    Raises:
        InputError: for an empty list, an axis that the result does not have, or shapes that differ.
    """
    parts = _parts(parts)
    axis = _axis(axis, parts[0].ndim + 1)
    return concatenate([_insert(p, axis) for p in parts], axis)


# --- reductions ---


def _axes(axis: Axis, ndim: int) -> tuple[int, ...]:
    """Return the axes as non-negative integers; None stands for all axes."""
    axes = range(ndim) if axis is None else axis if isinstance(axis, Sequence) else (axis,)
    for i in axes:
        if isinstance(i, bool) or not isinstance(i, int | np.integer):
            raise InputError(f"an axis must be an integer, but is {check.received(i)}")
        if not -ndim <= i < ndim:
            raise InputError(f"there is no axis {i} in an array with {ndim} axes")
    return tuple(int(i) % ndim for i in axes)


def _axis(axis: Any, ndim: int) -> int:
    if isinstance(axis, Sequence) or axis is None:
        raise InputError(f"axis must be one integer, but is {check.received(axis)}")
    return _axes(axis, ndim)[0]


def _spread(g: Any, x: Any, axis: tuple[int, ...]) -> Any:
    """Restore the axes that were reduced, with size 1."""
    return reshape(g, tuple(1 if i in axis else n for i, n in enumerate(x.shape)))


def _total(x: Any, axis: tuple[int, ...], keepdims: bool) -> Any:
    """Sum, in single precision if x has half precision."""
    if x.dtype.itemsize > 2:
        return x.sum(axis=axis, keepdims=keepdims)
    return x.sum(axis=axis, keepdims=keepdims, dtype=np.float32).astype(x.dtype)


def _extreme_backward(g: Any, y: Any, x: Any, *, axis: tuple[int, ...], keepdims: bool) -> Any:
    extreme = x == _spread(y, x, axis)
    count = extreme.sum(axis=axis, keepdims=True, dtype=g.dtype)
    return where(extreme, _spread(g, x, axis) / count, 0.0)


def _largest(x: Any, axis: tuple[int, ...]) -> Any:
    return x.max(axis=axis, keepdims=True)


def _log_sum_exp(xp: Any, x: Any, *, axis: tuple[int, ...], keepdims: bool) -> Any:
    largest = _largest(x, axis)
    largest = xp.where(xp.isinf(largest), xp.zeros_like(largest), largest)  # ∞ − ∞ would be NaN
    y = xp.log(_total(xp.exp(x - largest), axis, True)) + largest
    return y if keepdims else y.squeeze(axis)


def _softmax(xp: Any, x: Any, *, axis: tuple[int, ...]) -> Any:
    y = xp.exp(x - _largest(x, axis))
    return y / _total(y, axis, True)


def _log_softmax(xp: Any, x: Any, *, axis: tuple[int, ...]) -> Any:
    x = x - _largest(x, axis)
    return x - xp.log(_total(xp.exp(x), axis, True))


def _mean_backward(g: Any, y: Any, x: Any, *, axis: tuple[int, ...], keepdims: bool) -> Any:
    return _spread(g, x, axis) / math.prod(x.shape[i] for i in axis)


def _norm(xp: Any, x: Any, *, axis: tuple[int, ...], keepdims: bool) -> Any:
    scale = xp.abs(x).max(axis=axis, keepdims=True, initial=0)  # squares could overflow or underflow
    unit = xp.where((scale == 0) | xp.isinf(scale), xp.ones_like(scale), scale)
    y = xp.sqrt(_total((x / unit) ** 2, axis, True)) * unit
    return y if keepdims else y.squeeze(axis)


def _norm_backward(g: Any, y: Any, x: Any, *, axis: tuple[int, ...], keepdims: bool) -> Any:
    y, g = _spread(y, x, axis), _spread(g, x, axis)
    return where(value_of(y) == 0, 0.0, g * (x / _instead(y, 0.0, 1.0)))


_sum = define(
    "sum",
    lambda xp, x, *, axis, keepdims: _total(x, axis, keepdims),
    (lambda g, y, x, *, axis, keepdims: _spread(g, x, axis),),
)
_mean = define("mean", lambda xp, x, *, axis, keepdims: x.mean(axis=axis, keepdims=keepdims), (_mean_backward,))
_max = define("max", lambda xp, x, *, axis, keepdims: x.max(axis=axis, keepdims=keepdims), (_extreme_backward,))
_min = define("min", lambda xp, x, *, axis, keepdims: x.min(axis=axis, keepdims=keepdims), (_extreme_backward,))
_norm_rule = define("norm", _norm, (_norm_backward,))
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
    """Sum over axes.

    Args:
        x: a `Var` or an array.
        axis: one axis, several, or all of them (None); negative ones count from the end.
        keepdims: whether to keep the axes with size 1.

    Raises:
        InputError: for axes that x does not have.
    """
    x = with_axes("x", x)
    return _sum(x, axis=_axes(axis, x.ndim), keepdims=keepdims)


def mean(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """Mean over axes, with the arguments of `sum`.

    Raises:
        InputError: for axes without entries, where the mean would be 0/0.
    """
    x = with_axes("x", x)
    axes = _axes(axis, x.ndim)
    if not math.prod(x.shape[i] for i in axes):
        raise InputError(f"there is no mean over axes {axes} of shape {x.shape}, which have no entries")
    return _mean(x, axis=axes, keepdims=keepdims)


def var(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """Variance over axes, the mean of (x − mean)², with the arguments of `mean`."""
    deviation = (x := with_axes("x", x)) - mean(x, axis, keepdims=True)
    return mean(deviation * deviation, axis, keepdims)


def norm(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """Euclidean norm √(Σ x²) over axes, with the arguments of `sum`; where it is 0, the gradient is taken to be 0."""
    x = with_axes("x", x)
    return _norm_rule(x, axis=_axes(axis, x.ndim), keepdims=keepdims)


def max(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """Maximum over axes, with the arguments of `sum`; equal entries share the gradient."""
    x = with_axes("x", x)
    return _max(x, axis=_axes(axis, x.ndim), keepdims=keepdims)


def min(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """Minimum over axes, with the arguments of `sum`; equal entries share the gradient."""
    x = with_axes("x", x)
    return _min(x, axis=_axes(axis, x.ndim), keepdims=keepdims)


def log_sum_exp(x: Any, axis: Axis = -1, keepdims: bool = False) -> Any:
    """Return ln Σ eˣ over axes, without overflow."""
    x = with_axes("x", x)
    return _log_sum_exp_rule(x, axis=_axes(axis, x.ndim), keepdims=keepdims)


def softmax(x: Any, axis: Axis = -1) -> Any:
    """Return eˣ / Σ eˣ over axes, without overflow."""
    x = with_axes("x", x)
    return _softmax_rule(x, axis=_axes(axis, x.ndim))


def log_softmax(x: Any, axis: Axis = -1) -> Any:
    """Return x − ln Σ eˣ over axes: the logarithm of `softmax`, accurate where that rounds to 0."""
    x = with_axes("x", x)
    return _log_softmax_rule(x, axis=_axes(axis, x.ndim))


# --- products ---


def _product(xp: Any, a: Any, b: Any) -> Any:
    if a.ndim > 2 and b.ndim == 2:  # one large product instead of many small ones
        return (a.reshape(-1, a.shape[-1]) @ b).reshape(*a.shape[:-1], b.shape[-1])
    return a @ b


def _matrices(g: Any, a: Any, b: Any) -> tuple[Any, Any, Any]:
    """Convert vectors to matrices of one row (a) or one column (b), and the gradient of the product accordingly."""
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
"""a @ b: matrices on the last two axes with any leading axes, and vectors, as in NumPy."""


FUNCTIONS.update(
    clip=clip,
    log_softmax=log_softmax,
    max=max,
    mean=mean,
    min=min,
    norm=norm,
    reshape=reshape,
    softmax=softmax,
    sum=sum,
    transpose=transpose,
    var=var,
)
