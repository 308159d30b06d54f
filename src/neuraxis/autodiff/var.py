"""Variables that record how they were computed, and the backward pass over this record.

Computing with `Var`s builds an expression graph: every result refers to the operation that created it (its creator),
and an operation refers to its arguments. `y.backward()` traverses the graph from the newest result to the oldest and
multiplies Jacobians from the left (reverse mode): with g = ∂E/∂y, an operation y = f(x₁, x₂, …) passes g ∂f/∂xᵢ to its
i-th argument, and a variable's gradients from several operations are added.

Values are NumPy or JAX arrays. Under `jax.jit` the same code runs once, while JAX traces it, and the compiled program
does not contain the graph.

Sources: Linnainmaa, BIT 16:146 (1976); Griewank & Walther, Evaluating Derivatives, 2nd ed. (2008).
"""

import itertools
import operator
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from copy import deepcopy
from dataclasses import dataclass
from functools import partial
from operator import attrgetter
from types import ModuleType
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jax.typing import ArrayLike

from neuraxis import check
from neuraxis.autodiff.operators import RULES, Operators
from neuraxis.autodiff.read_only import kept, shown
from neuraxis.errors import InputError

_recording = ContextVar("recording", default=True)
_numbers = itertools.count()

# Types that are not JAX arrays, looked up before isinstance, which takes ten times as long.
_PLAIN = frozenset({np.ndarray, np.float32, np.float64, np.bool_, float, int, bool, tuple, type(None)})
_FLOATS = frozenset({np.float32, np.float64, float})
_NUMBERS = _FLOATS | {int}


@dataclass(frozen=True, slots=True)
class Rule:
    """A kind of operation: how to compute its result and its gradients, as one row of the table `RULES`.

    `rule(a, b, …)` returns a `Var` if any argument is one, and otherwise an array. Backward rules are written with the
    operators and rules of the table, so that they can be differentiated again.
    """

    name: str
    forward: Callable[..., Any]
    """`forward(xp, *values, **settings)` returns the result; xp is `numpy` or `jax.numpy`."""
    backward: "Sequence[Callable[..., Any]] | EveryArgument"
    """`backward[i](g, y, *arguments, **settings)` returns ∂E/∂(argument i), given g = ∂E/∂y.

    Its shape may differ from the argument's along broadcast axes, which `Op.backward` sums or repeats."""

    def __call__(self, *arguments: Any, **settings: Any) -> Any:
        """Apply the operation.

        Raises:
            InputError: for shapes or numbers that it does not accept.
        """
        values, depends, lent = [], False, bool(settings)
        for argument in arguments:
            if isinstance(argument, Var):
                depends, argument = True, argument._val
            elif type(argument) is np.ndarray:
                lent = True
            elif type(argument) not in _NUMBERS:
                argument = _constant(self.name, argument)
            values.append(argument)
        if not depends and not any(_is_floating(v) for v in values):  # small integers would wrap around
            values = [_floats(f"an argument of {self.name}", v) for v in values]
        value = self._calculate(values, settings)
        if not _is_floating(value):
            values = [_floats(f"an argument of {self.name}", v) for v in values]  # rejects complex numbers
            raise InputError(f"{self.name} must return floating-point numbers, but returned {check.received(value)}")
        if not depends:
            return value
        if not _recording.get():
            return Var._made(value, None)
        if lent:  # the caller may write into these arrays before the backward pass
            values = [v if isinstance(a, Var) else kept(v) for v, a in zip(values, arguments, strict=True)]
            settings = {name: _kept(setting) for name, setting in settings.items()}
        return Var._made(value, Op(self, arguments, values, settings))

    def _calculate(self, values: Sequence[Any], settings: Mapping[str, Any]) -> Any:
        try:
            return self.forward(module_of(*values, *settings.values()), *values, **settings)
        except (AttributeError, IndexError, MemoryError, OverflowError, TypeError, ValueError) as error:
            raise InputError(f"{self.name} cannot take {_describe(values, settings)}: {error}") from error

    def __reduce__(self) -> Any:
        """Copy and pickle rules of the table by name, not with their functions."""
        if RULES.get(self.name) is self:
            return _named, (self.name,)
        return Rule, (self.name, self.forward, self.backward)


def _named(name: str) -> Rule:
    return RULES[name]


def _constant(name: str, value: Any) -> Any:
    """Convert a constant, such as a list, a table or a tensor, to an array; NumPy scalars and booleans stay."""
    return value if isinstance(value, bool | np.generic) else check.array(f"an argument of {name}", value)


def _is_floating(value: Any) -> bool:
    if type(value) in _FLOATS:
        return True
    dtype = getattr(value, "dtype", None)
    return dtype is not None and (dtype.kind == "f" or jnp.issubdtype(dtype, jnp.floating))


def _kept(setting: Any) -> Any:
    return tuple(map(kept, setting)) if isinstance(setting, tuple) else kept(setting)


@dataclass(frozen=True, slots=True)
class EveryArgument:
    """One backward rule, `rule(i, g, y, *arguments, **settings)`, for each i of any number of arguments."""

    rule: Callable[..., Any]

    def __getitem__(self, i: int) -> Callable[..., Any]:
        return partial(self.rule, i)


def define(name: str, forward: Callable[..., Any], backward: Sequence[Callable[..., Any]] | EveryArgument) -> Rule:
    """Add a row to the table of rules.

    Args:
        name: name of the operation, as shown in drawings.
        forward: `forward(xp, *arguments, **settings)` computes the result with the module xp, NumPy or `jax.numpy`.
        backward: for each argument, `rule(g, y, *arguments, **settings)` returns its gradient, given the gradient g of
            the result y.
    """
    RULES[name] = Rule(name, forward, backward)
    return RULES[name]


def module_of(*values: Any) -> ModuleType:
    """Return the module that computes with these values: `jax.numpy` if one is a JAX array, else `numpy`."""
    for value in values:
        if type(value) not in _PLAIN and isinstance(value, jax.Array):
            return jnp
    return np


class Op:
    """One application of a rule: an inner node of the expression graph."""

    __slots__ = ("arguments", "rule", "settings", "values")

    def __init__(self, rule: Rule, arguments: Sequence[Any], values: Sequence[Any], settings: Mapping[str, Any]):
        self.rule = rule
        self.arguments = arguments  # as given: `Var`s and constants
        self.values = values  # their values at that time, whatever is updated before `backward`
        self.settings = settings  # arguments that are not differentiated, such as an axis

    def backward(self, g: Any, y: Any, as_vars: bool) -> Iterator[tuple["Var", Any]]:
        """Yield each `Var` among the arguments with its gradient, given the gradient g of the result y."""
        arguments = self.values
        if as_vars:
            arguments = [a if isinstance(a, Var) else v for a, v in zip(self.arguments, self.values, strict=True)]
        for i, argument in enumerate(self.arguments):
            if isinstance(argument, Var):
                share = self.rule.backward[i](g, y, *arguments, **self.settings)
                yield argument, _match(share, self.values[i].shape, self.values[i].dtype)

    def __reduce__(self) -> Any:
        """Keep the marker `FREED` unique."""
        return "FREED" if self is FREED else (Op, (self.rule, self.arguments, self.values, self.settings))


class Var(Operators):
    """A variable: a value, the gradient that `backward` stores in it, and the operation that created it.

    Operators (`+ - * / ** @`, indexing), methods and the functions of `neuraxis.autodiff.ops` return new `Var`s;
    comparisons, including `==`, return arrays of booleans. `float(x)` and `x.item()` return the value of a `Var` with
    one entry, without its gradient. `Var`s are hashed by identity.

    Values and gradients are replaced as a whole: `w.val = w.val - step`, or `w.val -= step`. A `Var` copies the NumPy
    arrays that it receives and returns read-only views, so writing into an array cannot change it.

    Attributes:
        creator: the `Op` that created it; None if it was created directly.
        name: name shown in drawings.

    Raises:
        InputError: for a value that is not an array of real numbers.
    """

    __array_ufunc__ = None  # makes `array * var` call the operators of `Var`
    __slots__ = ("__weakref__", "_grad", "_val", "creator", "name", "number")

    def __init__(self, val: Any, name: str = ""):
        self.val = val
        self._grad: Any = None
        self.creator: Op | None = None
        self.name = name
        self.number = next(_numbers)  # smaller for arguments than for their results

    @classmethod
    def _made(cls, val: Any, creator: Op | None) -> "Var":
        self = cls.__new__(cls)
        self._val, self._grad, self.creator, self.name, self.number = val, None, creator, "", next(_numbers)
        return self

    @property
    def val(self) -> Any:
        """The value, a NumPy or JAX array of floats (or a NumPy scalar, such as NumPy's sums).

        Python numbers and integers become floats of JAX's default dtype (float32, or float64 under `jax.enable_x64`).
        """
        return shown(self._val)

    @val.setter
    def val(self, val: Any) -> None:
        self._val = kept(_floats("the value of a Var", val))

    @property
    def grad(self) -> Any:
        """∂E/∂val in the shape of val, accumulated over calls of `backward`; None before the first."""
        return shown(self._grad)

    @grad.setter
    def grad(self, grad: Any) -> None:
        if grad is not None and not isinstance(grad, Var):
            grad = kept(_floats("the gradient of a Var", grad))
        if grad is not None and grad.shape != self.shape:
            raise InputError(f"the gradient of a Var of shape {self.shape} must have that shape, but has {grad.shape}")
        self._grad = grad

    def backward(self, seed: ArrayLike | None = None, *, keep_graph: bool = False) -> None:
        """Add ∂E/∂v to `v.grad` for every `Var` v that this one, E, was computed from, and for E itself.

        Args:
            seed: gradient of E to start from, in the shape of `val`; 1 by default for a scalar.
            keep_graph: whether to keep the graph for another call; otherwise it is freed during the backward pass.

        Raises:
            InputError: for a missing seed where `val` is not a scalar, a seed of another shape, a `Var` without a
                creator, or a graph that was freed.
        """
        for var, g in send_back(self, seed, free=not keep_graph):
            var._grad = g if var._grad is None else var._grad + g

    def zero_grad(self) -> None:
        """Reset the gradient to None."""
        self.grad = None

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the value."""
        return self._val.shape

    @property
    def ndim(self) -> int:
        """Number of axes of the value."""
        return self._val.ndim

    @property
    def size(self) -> int:
        """Number of entries of the value."""
        return self._val.size

    @property
    def dtype(self) -> np.dtype:
        """Dtype of the value."""
        return self._val.dtype

    def item(self) -> float:
        """Return the value of a `Var` with one entry as a number, without its gradient.

        Raises:
            InputError: for a `Var` with several entries, or none.
        """
        if self.size != 1:
            raise InputError(f"only a Var with one entry converts to a number, but this one has shape {self.shape}")
        return float(self._val.reshape(()))

    def __float__(self) -> float:
        return self.item()

    def __bool__(self) -> bool:
        return bool(self.item())

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("a Var of shape () has no length")
        return self.shape[0]

    def __array__(self, *_: Any, **__: Any) -> Any:
        raise InputError(
            "a Var does not convert to an array, which would lose its gradient; "
            "use x.val for its value, or the functions of neuraxis.autodiff.ops to keep the gradient"
        )

    def __repr__(self) -> str:
        made = f", made by {self.creator.rule.name}" if self.creator else ""
        return f"<Var {self.name}{' ' * bool(self.name)}{_text(self._val)}{made}>"

    def __eq__(self, other: Any) -> Any:
        return self._compare(operator.eq, other)

    def __ne__(self, other: Any) -> Any:
        return self._compare(operator.ne, other)

    def __lt__(self, other: Any) -> Any:
        return self._compare(operator.lt, other)

    def __le__(self, other: Any) -> Any:
        return self._compare(operator.le, other)

    def __gt__(self, other: Any) -> Any:
        return self._compare(operator.gt, other)

    def __ge__(self, other: Any) -> Any:
        return self._compare(operator.ge, other)

    __hash__ = object.__hash__

    def _compare(self, operation: Callable[[Any, Any], Any], other: Any) -> Any:
        if not (isinstance(other, Var | float | int | list | tuple) or hasattr(other, "__array__")):
            return NotImplemented  # so that a Var is not equal to None or to a string
        other = other._val if isinstance(other, Var) else _floats("the value that a Var is compared with", other)
        try:
            return operation(self._val, other)
        except (TypeError, ValueError) as error:
            raise InputError(f"shapes {self.shape} and {other.shape} cannot be compared: {error}") from error

    def __deepcopy__(self, memo: dict[int, Any]) -> "Var":
        """Copy everything that this was computed from, oldest first, without recursion; values are immutable."""
        for var in _reached(self):
            if id(var) not in memo:
                creator = var.creator
                if creator is not None and creator is not FREED:
                    arguments = [memo[id(a)] if isinstance(a, Var) else a for a in creator.arguments]
                    creator = Op(creator.rule, arguments, creator.values, creator.settings)
                memo[id(var)] = copied = Var._made(var._val, creator)
                copied._grad, copied.name = deepcopy(var._grad, memo), var.name
        return memo[id(self)]

    def __getstate__(self) -> tuple[Any, ...]:
        return self._val, self._grad, self.creator, self.name

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self._val, self._grad, self.creator, self.name = state
        self.number = next(_numbers)  # its arguments were restored before it


def with_axes(name: str, x: Any) -> Any:
    """Return a `Var` or an array as it is, and convert numbers, lists, tables and tensors to arrays."""
    return x if isinstance(x, Var | np.ndarray) else _array(name, x)


def value_of(x: Any) -> Any:
    """Return the value of a `Var`, and anything else as it is."""
    return x._val if isinstance(x, Var) else x


@contextmanager
def no_grad() -> Iterator[None]:
    """Compute without recording, inside a `with` block or in a decorated function: results have no creator."""
    token = _recording.set(False)
    try:
        yield
    finally:
        _recording.reset(token)


# Replaces a creator that a backward pass has freed.
FREED = Op(Rule("freed", lambda xp: None, ()), (), (), {})


def ancestors(y: Var) -> list[Var]:
    """Return all `Var`s that y was computed from, and y itself, oldest first.

    Raises:
        InputError: if a part of the graph was freed.
    """
    found = _reached(y)
    if any(var.creator is FREED for var in found):
        raise InputError("this graph was freed by an earlier backward(); recompute, or pass keep_graph=True there")
    return found


def _reached(y: Var) -> list[Var]:
    """Return y and all `Var`s that it was computed from, oldest first: every argument is older than its result.

    This does not recurse, because a graph may be as deep as memory allows.
    """
    found, open = {y}, [y]
    while open:
        creator = open.pop().creator
        for argument in creator.arguments if creator else ():
            if isinstance(argument, Var) and argument not in found:
                found.add(argument)
                open.append(argument)
    return sorted(found, key=attrgetter("number"))


def send_back(y: Var, seed: ArrayLike | None, *, free: bool, as_vars: bool = False) -> Iterator[tuple[Var, Any]]:
    """Yield every `Var` that y was computed from, newest first, with its gradient, summed over all branches.

    Args:
        y: result to start from.
        seed: gradient of y; None for 1.
        free: whether to free the graph during the pass.
        as_vars: whether to compute gradients with `Var`s, so that they are recorded and can be differentiated.
    """
    if y.creator is None:
        raise InputError("nothing to differentiate: this Var was created directly, or inside no_grad()")
    g = _seed(y, seed)
    waiting, total = ancestors(y), {y: Var(g) if as_vars else g}
    while waiting:
        var = waiting.pop()
        g = total.pop(var)
        if (op := var.creator) is not None:
            for argument, share in op.backward(g, var if as_vars else var._val, as_vars):
                total[argument] = total[argument] + share if argument in total else share
            if free:
                var.creator = FREED
        yield var, g


def _seed(y: Var, seed: ArrayLike | None) -> Any:
    xp = module_of(y._val)
    if seed is None:
        if y.shape:
            raise InputError(
                f"backward() from a Var of shape {y.shape} needs a seed gradient of that shape; "
                "only a scalar has the seed 1"
            )
        return xp.ones_like(y._val)
    g = kept(_floats("the seed gradient", seed))
    if g.shape != y.shape:
        raise InputError(f"the seed gradient must have the shape {y.shape} of the value, but has {g.shape}")
    return module_of(y._val, g).asarray(g, y.dtype)


def _match(g: Any, shape: tuple[int, ...], dtype: np.dtype) -> Any:
    """Sum or broadcast a gradient to the shape of its argument: the transpose of broadcasting is summing."""
    if g.shape != shape:
        lead = g.ndim - len(shape)
        if lead:
            g = RULES["sum"](g, axis=tuple(range(lead)), keepdims=False)
        if repeated := tuple(i for i, n in enumerate(shape) if n == 1 != g.shape[i]):
            g = RULES["sum"](g, axis=repeated, keepdims=True)
        if g.shape != shape:
            g = RULES["broadcast"](g, shape=shape)
    return g if g.dtype == dtype else RULES["cast"](g, dtype=dtype)


def _array(name: str, value: Any) -> Any:
    return check.array(name, np.asarray(value) if isinstance(value, np.generic | float | int) else value)


def _floats(name: str, value: Any) -> Any:
    """Convert to an array of floats, of JAX's default dtype unless the value has a floating-point dtype."""
    array = _array(name, value)
    typed = isinstance(value, np.generic) or not isinstance(value, float | int | list | tuple)
    return array if typed and _is_floating(array) else array.astype(jnp.result_type(float))


def _text(value: Any) -> str:
    """Describe a value: a scalar by its number, an array by its shape."""
    if np.shape(value) or isinstance(value, Tracer):
        return f"of shape {np.shape(value)}"
    return f"{float(value):.4g}"


def _describe(values: Iterable[Any], settings: Mapping[str, Any]) -> str:
    shapes = ", ".join(str(np.shape(v)) for v in values)
    named = "".join(f", {name} {setting}" for name, setting in settings.items())
    return f"arguments of shape {shapes}{named}"
