"""Variables that remember how they were made, and the backward pass over that memory.

Calculating with `Var`s builds an expression graph: every result holds the operation that made it (its creator), and an
operation holds its arguments. `y.backward()` walks the graph from the newest result to the oldest and multiplies
Jacobians from the left (reverse mode): with g = ∂E/∂y, an operation y = f(x₁, x₂, …) sends g ∂f/∂xᵢ to its i-th
argument, and what several operations send to one variable adds up.

Values are NumPy or JAX arrays. Under `jax.jit` the same code runs once, while JAX traces it, and nothing of the graph
is left in the compiled program.

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

# Types that are not JAX arrays, for a quick look: asking JAX takes ten times as long.
_PLAIN = frozenset({np.ndarray, np.float32, np.float64, np.bool_, float, int, bool, tuple, type(None)})
_FLOATS = frozenset({np.float32, np.float64, float})
_NUMBERS = _FLOATS | {int}


@dataclass(frozen=True, slots=True)
class Rule:
    """A kind of operation: how its result and its gradients are calculated, as one row of the table `RULES`.

    `rule(a, b, …)` with a `Var` among its arguments gives a `Var`; with arrays only it just calculates. Backward rules
    are written with the operators and rules of the table, so that they can be differentiated once more.
    """

    name: str
    forward: Callable[..., Any]
    """`forward(xp, *values, **settings)` gives the result; xp is `numpy` or `jax.numpy`."""
    backward: "Sequence[Callable[..., Any]] | EveryArgument"
    """`backward[i](g, y, *arguments, **settings)` gives ∂E/∂(argument i) from g = ∂E/∂y.

    It may be larger or smaller than the argument along broadcast axes: `Op.backward` sums or repeats it."""

    def __call__(self, *arguments: Any, **settings: Any) -> Any:
        """Apply the operation.

        Raises:
            InputError: for shapes or numbers that it cannot take.
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
            values = [_floats(f"an argument of {self.name}", v) for v in values]  # refuses complex numbers
            raise InputError(f"{self.name} must return floating-point numbers, but returned {check.received(value)}")
        if not depends:
            return value
        if not _recording.get():
            return Var._made(value, None)
        if lent:  # arrays that are the caller's, who may write into them before the backward pass
            values = [v if isinstance(a, Var) else kept(v) for v, a in zip(values, arguments, strict=True)]
            settings = {name: _kept(setting) for name, setting in settings.items()}
        return Var._made(value, Op(self, arguments, values, settings))

    def _calculate(self, values: Sequence[Any], settings: Mapping[str, Any]) -> Any:
        try:
            return self.forward(module_of(*values, *settings.values()), *values, **settings)
        except (AttributeError, IndexError, MemoryError, OverflowError, TypeError, ValueError) as error:
            raise InputError(f"{self.name} cannot take {_describe(values, settings)}: {error}") from error

    def __reduce__(self) -> Any:
        """Copies and pickles name a rule of the table, instead of holding its functions."""
        if RULES.get(self.name) is self:
            return _named, (self.name,)
        return Rule, (self.name, self.forward, self.backward)


def _named(name: str) -> Rule:
    return RULES[name]


def _constant(name: str, value: Any) -> Any:
    """Make an array of what is no `Var` and not quite simple: a list, a table, a tensor."""
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
    """One backward rule, `rule(i, g, y, *arguments, **settings)`, of an operation with any number of arguments i."""

    rule: Callable[..., Any]

    def __getitem__(self, i: int) -> Callable[..., Any]:
        return partial(self.rule, i)


def define(name: str, forward: Callable[..., Any], backward: Sequence[Callable[..., Any]] | EveryArgument) -> Rule:
    """Add a row to the table of rules.

    Args:
        name: of the operation, as the drawn graph shows it.
        forward: `forward(xp, *arguments, **settings)` calculates it with the module `xp`, NumPy or `jax.numpy`.
        backward: for each argument, `rule(g, y, *arguments, **settings)` gives its gradient from that of the result y.
    """
    RULES[name] = Rule(name, forward, backward)
    return RULES[name]


def module_of(*values: Any) -> ModuleType:
    """Return the module that calculates with these values: `jax.numpy` if one is a JAX array, else `numpy`."""
    for value in values:
        if type(value) not in _PLAIN and isinstance(value, jax.Array):
            return jnp
    return np


class Op:
    """One application of a rule: the inner node of the expression graph."""

    __slots__ = ("arguments", "rule", "settings", "values")

    def __init__(self, rule: Rule, arguments: Sequence[Any], values: Sequence[Any], settings: Mapping[str, Any]):
        self.rule = rule
        self.arguments = arguments  # as they were given: `Var`s, and constants
        self.values = values  # the same as arrays, which stay what they are whatever is updated before `backward`
        self.settings = settings  # what is not differentiated, such as an axis

    def backward(self, g: Any, y: Any, as_vars: bool) -> Iterator[tuple["Var", Any]]:
        """Send the gradient g of the result y back: each `Var` among the arguments with its share."""
        arguments = self.values
        if as_vars:
            arguments = [a if isinstance(a, Var) else v for a, v in zip(self.arguments, self.values, strict=True)]
        for i, argument in enumerate(self.arguments):
            if isinstance(argument, Var):
                share = self.rule.backward[i](g, y, *arguments, **self.settings)
                yield argument, _match(share, self.values[i].shape, self.values[i].dtype)

    def __reduce__(self) -> Any:
        """Of the mark `FREED` there is only one."""
        return "FREED" if self is FREED else (Op, (self.rule, self.arguments, self.values, self.settings))


class Var(Operators):
    """A variable: a value, the gradient that `backward` leaves in it, and the operation that made it.

    Operators (`+ - * / ** @`, indexing), methods and the functions of `neuraxis.autodiff.ops` give new `Var`s;
    comparisons, `==` among them, give arrays of booleans. `float(x)` and `x.item()` give the number of a `Var` with one
    entry, without its gradient. A `Var` is known to sets and dictionaries as the object that it is.

    Values and gradients are put in place as a whole: `w.val = w.val - step`, or `w.val -= step`. Into NumPy arrays that
    were handed to a `Var` or come from it, nothing is written that would reach it: it takes copies and shows read-only
    views.

    Attributes:
        creator: the `Op` that made it; None for one that was made by hand.
        name: what it is called in a drawing.

    Raises:
        InputError: for a value that is no array of real numbers.
    """

    __array_ufunc__ = None  # `array * var` is ours to answer
    __slots__ = ("__weakref__", "_grad", "_val", "creator", "name", "number")

    def __init__(self, val: Any, name: str = ""):
        self.val = val
        self._grad: Any = None
        self.creator: Op | None = None
        self.name = name
        self.number = next(_numbers)  # an argument is older than what is made of it

    @classmethod
    def _made(cls, val: Any, creator: Op | None) -> "Var":
        self = cls.__new__(cls)
        self._val, self._grad, self.creator, self.name, self.number = val, None, creator, "", next(_numbers)
        return self

    @property
    def val(self) -> Any:
        """The value, a NumPy or JAX array of floats (or a NumPy scalar, as NumPy's sums are).

        Python numbers and integers become floats of JAX's default size (float32, or float64 under `jax.enable_x64`).
        """
        return shown(self._val)

    @val.setter
    def val(self, val: Any) -> None:
        self._val = kept(_floats("the value of a Var", val))

    @property
    def grad(self) -> Any:
        """∂E/∂val in the shape of val, added up over calls of `backward`; None before."""
        return shown(self._grad)

    @grad.setter
    def grad(self, grad: Any) -> None:
        if grad is not None and not isinstance(grad, Var):
            grad = kept(_floats("the gradient of a Var", grad))
        if grad is not None and grad.shape != self.shape:
            raise InputError(f"the gradient of a Var of shape {self.shape} must have that shape, but has {grad.shape}")
        self._grad = grad

    def backward(self, seed: ArrayLike | None = None, *, keep_graph: bool = False) -> None:
        """Add ∂E/∂v to `v.grad` for every `Var` v that this one, E, was calculated from, and for E itself.

        Args:
            seed: the gradient to begin with, in the shape of `val`; 1 for a scalar.
            keep_graph: keep the graph for another call. Otherwise it is freed while the gradients go through it.

        Raises:
            InputError: for a missing seed where `val` is not a scalar, a seed of another shape, a `Var` without a
                creator, or a graph that was freed.
        """
        for var, g in send_back(self, seed, free=not keep_graph):
            var._grad = g if var._grad is None else var._grad + g

    def zero_grad(self) -> None:
        """Forget the gradient."""
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
        """Number format of the value."""
        return self._val.dtype

    def item(self) -> float:
        """Return the number of a `Var` with one entry, without its gradient.

        Raises:
            InputError: for one with more entries, or none.
        """
        if self.size != 1:
            raise InputError(f"only a Var with one entry is a number, but this one has shape {self.shape}")
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
            "a Var is no array, which would know nothing of its gradient; "
            "take x.val for its value, or the functions of neuraxis.autodiff.ops to go on with the gradient"
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
            return NotImplemented  # a Var is not equal to None, or to a word
        other = other._val if isinstance(other, Var) else _floats("what a Var is compared with", other)
        try:
            return operation(self._val, other)
        except (TypeError, ValueError) as error:
            raise InputError(f"shapes {self.shape} and {other.shape} cannot be compared: {error}") from error

    def __deepcopy__(self, memo: dict[int, Any]) -> "Var":
        """Copy all that this was made from, oldest first, without recursion; values are never written into."""
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
        self.number = next(_numbers)  # its arguments were made before, and what comes now is newer


def with_axes(name: str, x: Any) -> Any:
    """Return what has axes: a `Var` or an array, made of a list, a number, a table or a tensor."""
    return x if isinstance(x, Var | np.ndarray) else _array(name, x)


def value_of(x: Any) -> Any:
    """Return the value of a `Var`, and anything else as it is."""
    return x._val if isinstance(x, Var) else x


@contextmanager
def no_grad() -> Iterator[None]:
    """Calculate without recording, inside a `with` block or in a decorated function: results have no creator."""
    token = _recording.set(False)
    try:
        yield
    finally:
        _recording.reset(token)


# Stands in the place of a creator that a backward pass has freed.
FREED = Op(Rule("freed", lambda xp: None, ()), (), (), {})


def ancestors(y: Var) -> list[Var]:
    """All `Var`s that y was made from and y itself, oldest first.

    Raises:
        InputError: if a part of the graph was freed.
    """
    found = _reached(y)
    if any(var.creator is FREED for var in found):
        raise InputError("this graph was freed by an earlier backward(); recompute, or pass keep_graph=True there")
    return found


def _reached(y: Var) -> list[Var]:
    """Walk from y to what it was made from; every argument is older than its result, so this order is topological.

    No recursion: a graph may be as deep as memory allows.
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
    """Yield every `Var` that y was made from, newest first, with its gradient, in which all branches are added up.

    Args:
        y: where to begin.
        seed: gradient of y; None for 1.
        free: take the graph apart on the way.
        as_vars: calculate the gradients with `Var`s, so that they are recorded and can be differentiated.
    """
    if y.creator is None:
        raise InputError("nothing to differentiate: this Var was made by hand, or inside no_grad()")
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
    """Bring a gradient to the shape of what it belongs to: broadcasting forward is summing backward, and vice versa."""
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
    """Make an array of floats, of JAX's default size where the numbers have none of their own."""
    array = _array(name, value)
    typed = isinstance(value, np.generic) or not isinstance(value, float | int | list | tuple)
    return array if typed and _is_floating(array) else array.astype(jnp.result_type(float))


def _text(value: Any) -> str:
    """Say what a value is: a scalar by its number, an array by its shape."""
    if np.shape(value) or isinstance(value, Tracer):
        return f"of shape {np.shape(value)}"
    return f"{float(value):.4g}"


def _describe(values: Iterable[Any], settings: Mapping[str, Any]) -> str:
    shapes = ", ".join(str(np.shape(v)) for v in values)
    named = "".join(f", {name} {setting}" for name, setting in settings.items())
    return f"arguments of shape {shapes}{named}"
