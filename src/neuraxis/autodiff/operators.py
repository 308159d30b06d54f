"""Operators and methods of variables, each of which calls a rule or a function of the table."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

Axis = int | Sequence[int] | None

RULES: dict[str, Any] = {}
"""All rules by name, added by the modules that define them, such as `neuraxis.autodiff.ops`."""

FUNCTIONS: dict[str, Callable[..., Any]] = {}
"""The functions of `neuraxis.autodiff.ops` that are also methods of variables."""


class Operators:
    """Operators and methods of `Var`, as those of NumPy arrays."""

    __slots__ = ()

    @property
    def T(self) -> Any:  # noqa: N802 (as in NumPy)
        """The transpose, with the axes in reverse order."""
        return FUNCTIONS["transpose"](self)

    def __add__(self, other: Any) -> Any:
        return RULES["add"](self, other)

    def __radd__(self, other: Any) -> Any:
        return RULES["add"](other, self)

    def __sub__(self, other: Any) -> Any:
        return RULES["subtract"](self, other)

    def __rsub__(self, other: Any) -> Any:
        return RULES["subtract"](other, self)

    def __mul__(self, other: Any) -> Any:
        return RULES["multiply"](self, other)

    def __rmul__(self, other: Any) -> Any:
        return RULES["multiply"](other, self)

    def __truediv__(self, other: Any) -> Any:
        return RULES["divide"](self, other)

    def __rtruediv__(self, other: Any) -> Any:
        return RULES["divide"](other, self)

    def __pow__(self, other: Any) -> Any:
        return RULES["power"](self, other)

    def __rpow__(self, other: Any) -> Any:
        return RULES["power"](other, self)

    def __matmul__(self, other: Any) -> Any:
        return RULES["matmul"](self, other)

    def __rmatmul__(self, other: Any) -> Any:
        return RULES["matmul"](other, self)

    def __neg__(self) -> Any:
        return RULES["negate"](self)

    def __pos__(self) -> Any:
        return self

    def __abs__(self) -> Any:
        return RULES["abs"](self)

    def __getitem__(self, key: Any) -> Any:
        key = key if isinstance(key, tuple) else (key,)
        return RULES["index"](self, key=tuple(np.asarray(k) if isinstance(k, list) else k for k in key))

    def __iter__(self) -> Iterator[Any]:
        return (self[i] for i in range(len(self)))

    def __len__(self) -> int:
        raise NotImplementedError

    def sum(self, axis: Axis = None, keepdims: bool = False) -> Any:
        """Sum over axes, as `ops.sum`."""
        return FUNCTIONS["sum"](self, axis, keepdims)

    def mean(self, axis: Axis = None, keepdims: bool = False) -> Any:
        """Mean over axes, as `ops.mean`."""
        return FUNCTIONS["mean"](self, axis, keepdims)

    def var(self, axis: Axis = None, keepdims: bool = False) -> Any:
        """Variance over axes, as `ops.var`."""
        return FUNCTIONS["var"](self, axis, keepdims)

    def norm(self, axis: Axis = None, keepdims: bool = False) -> Any:
        """Euclidean norm over axes, as `ops.norm`."""
        return FUNCTIONS["norm"](self, axis, keepdims)

    def max(self, axis: Axis = None, keepdims: bool = False) -> Any:
        """Maximum over axes, as `ops.max`."""
        return FUNCTIONS["max"](self, axis, keepdims)

    def min(self, axis: Axis = None, keepdims: bool = False) -> Any:
        """Minimum over axes, as `ops.min`."""
        return FUNCTIONS["min"](self, axis, keepdims)

    def clip(self, low: Any = None, high: Any = None) -> Any:
        """Clip every entry to two bounds, as `ops.clip`."""
        return FUNCTIONS["clip"](self, low, high)

    def reshape(self, *shape: Any) -> Any:
        """Reshape, with the shape given as a tuple or as numbers."""
        return FUNCTIONS["reshape"](self, shape[0] if len(shape) == 1 else shape)

    def transpose(self, *axes: Any) -> Any:
        """Permute the axes, with their order given as a tuple or as numbers; by default, reverse them."""
        return FUNCTIONS["transpose"](self, axes[0] if len(axes) == 1 else axes or None)

    def exp(self) -> Any:
        """Return eˣ."""
        return RULES["exp"](self)

    def log(self) -> Any:
        """Return ln x."""
        return RULES["log"](self)

    def sqrt(self) -> Any:
        """Return √x."""
        return RULES["sqrt"](self)

    def sin(self) -> Any:
        """Return sin x."""
        return RULES["sin"](self)

    def cos(self) -> Any:
        """Return cos x."""
        return RULES["cos"](self)

    def tanh(self) -> Any:
        """Return tanh x."""
        return RULES["tanh"](self)

    def logistic(self) -> Any:
        """Return 1/(1 + e⁻ˣ)."""
        return RULES["logistic"](self)

    def relu(self) -> Any:
        """Return max(x, 0)."""
        return RULES["relu"](self)

    def abs(self) -> Any:
        """Return |x|."""
        return RULES["abs"](self)

    def softmax(self, axis: Axis = -1) -> Any:
        """Return eˣ / Σ eˣ over axes, as `ops.softmax`."""
        return FUNCTIONS["softmax"](self, axis)

    def log_softmax(self, axis: Axis = -1) -> Any:
        """Return x − ln Σ eˣ over axes, as `ops.log_softmax`."""
        return FUNCTIONS["log_softmax"](self, axis)
