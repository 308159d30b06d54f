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
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
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

from neuraxis.errors import InputError

_recording = ContextVar("recording", default=True)
_numbers = itertools.count()

# Types that are not JAX arrays, for a quick look: asking JAX takes ten times as long.
_PLAIN = frozenset({np.ndarray, np.float32, np.float64, np.bool_, float, int, bool, tuple, type(None)})


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
        values, depends = [], False
        for argument in arguments:
            if isinstance(argument, Var):
                depends, argument = True, argument.val
            values.append(argument)
        try:
            value = self.forward(module_of(*values, *settings.values()), *values, **settings)
        except (AttributeError, TypeError, ValueError) as error:
            raise InputError(f"{self.name} cannot take {_describe(values, settings)}: {error}") from error
        if not depends:
            return value
        return Var._made(value, Op(self, arguments, values, settings) if _recording.get() else None)


@dataclass(frozen=True, slots=True)
class EveryArgument:
    """One backward rule, `rule(i, g, y, *arguments, **settings)`, of an operation with any number of arguments i."""

    rule: Callable[..., Any]

    def __getitem__(self, i: int) -> Callable[..., Any]:
        return partial(self.rule, i)


RULES: dict[str, Rule] = {}
"""All rules by name; `neuraxis.autodiff.ops` and `neuraxis.autodiff.convolution` fill it."""


def define(name: str, forward: Callable[..., Any], backward: Sequence[Callable[..., Any]] | EveryArgument) -> Rule:
    """Add a row to the table of rules."""
    RULES[name] = Rule(name, forward, backward)
    return RULES[name]


def module_of(*values: Any) -> ModuleType:
    """Give the module that calculates with these values: `jax.numpy` if one is a JAX array, else `numpy`."""
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
        self.values = values  # the same as arrays; a parameter that is updated before `backward` does no harm
        self.settings = settings  # what is not differentiated, such as an axis

    def backward(self, g: Any, y: Any, arguments: Sequence[Any]) -> Iterator[tuple["Var", Any]]:
        """Send the gradient g of the result y back: each `Var` among the arguments with its share."""
        for i, argument in enumerate(self.arguments):
            if isinstance(argument, Var):
                share = self.rule.backward[i](g, y, *arguments, **self.settings)
                yield argument, _match(share, argument.val.shape, argument.val.dtype)


class Var:
    """A variable: a value, the gradient that `backward` leaves in it, and the operation that made it.

    Operators (`+ - * / ** @`, indexing) and the functions of `neuraxis.autodiff.ops` give new `Var`s; comparisons give
    arrays of booleans. Gradients may share memory with each other, so replace them instead of writing into them.

    Attributes:
        val: the value, a NumPy or JAX array of floats (or a NumPy scalar, as NumPy's sums are). Python numbers and
            integers become floats of JAX's default size (float32, or float64 under `jax.enable_x64`).
        grad: ∂E/∂val in the shape of val, added up over calls of `backward`; None before.
        creator: the `Op` that made it; None for one that was made by hand.
        name: what it is called in a drawing.

    Raises:
        InputError: for a value that is no array of real numbers.
    """

    __array_ufunc__ = None  # `array * var` is ours to answer
    __slots__ = ("__weakref__", "creator", "grad", "name", "number", "val")

    def __init__(self, val: Any, name: str = ""):
        self.val = _floats(val)
        self.grad: Any = None
        self.creator: Op | None = None
        self.name = name
        self.number = next(_numbers)  # an argument is older than what is made of it

    @classmethod
    def _made(cls, val: Any, creator: Op | None) -> "Var":
        self = cls.__new__(cls)
        self.val, self.grad, self.creator, self.name, self.number = val, None, creator, "", next(_numbers)
        return self

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
            var.grad = g if var.grad is None else var.grad + g

    def zero_grad(self) -> None:
        """Forget the gradient."""
        self.grad = None

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the value."""
        return self.val.shape

    @property
    def ndim(self) -> int:
        """Number of axes of the value."""
        return self.val.ndim

    @property
    def dtype(self) -> np.dtype:
        """Number format of the value."""
        return self.val.dtype

    @property
    def T(self) -> Any:  # noqa: N802 (as NumPy has it)
        """With its axes in reverse order."""
        return RULES["transpose"](self, axes=tuple(range(self.ndim))[::-1])

    def __repr__(self) -> str:
        made = f", made by {self.creator.rule.name}" if self.creator else ""
        return f"<Var {self.name}{' ' * bool(self.name)}{_text(self.val)}{made}>"

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

    def __getitem__(self, key: Any) -> Any:
        return RULES["index"](self, key=key if isinstance(key, tuple) else (key,))

    def __len__(self) -> int:
        return len(self.val)

    def __iter__(self) -> Iterator[Any]:
        return (self[i] for i in range(len(self)))

    def __lt__(self, other: Any) -> Any:
        return self.val < value_of(other)

    def __le__(self, other: Any) -> Any:
        return self.val <= value_of(other)

    def __gt__(self, other: Any) -> Any:
        return self.val > value_of(other)

    def __ge__(self, other: Any) -> Any:
        return self.val >= value_of(other)


def value_of(x: Any) -> Any:
    """Give the value of a `Var`, and anything else as it is."""
    return x.val if isinstance(x, Var) else x


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

    Every argument is older than what is made of it, so this is a topological order. No recursion: a graph may be as
    deep as memory allows.

    Raises:
        InputError: if a part of the graph was freed.
    """
    found, open = {y}, [y]
    while open:
        creator = open.pop().creator
        if creator is None:
            continue
        if creator is FREED:
            raise InputError(
                "this graph was freed by an earlier backward(); calculate anew, or pass keep_graph=True there"
            )
        for argument in creator.arguments:
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
            shares = op.backward(g, var, op.arguments) if as_vars else op.backward(g, var.val, op.values)
            for argument, share in shares:
                total[argument] = total[argument] + share if argument in total else share
            if free:
                var.creator = FREED
        yield var, g


def _seed(y: Var, seed: ArrayLike | None) -> Any:
    xp = module_of(y.val)
    if seed is None:
        if y.shape:
            raise InputError(
                f"backward() from a Var of shape {y.shape} needs a seed gradient of that shape; "
                "only a scalar has the seed 1"
            )
        return xp.ones_like(y.val)
    if np.shape(seed) != y.shape:
        raise InputError(f"the seed gradient must have the shape {y.shape} of the value, but has {np.shape(seed)}")
    return module_of(y.val, seed).asarray(seed, y.dtype)


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


def _floats(val: Any) -> Any:
    try:
        array = val if isinstance(val, np.ndarray | jax.Array) else np.asarray(val)
    except ValueError as error:
        raise InputError(f"a Var needs an array of real numbers, but {val!r} is none: {error}") from error
    if jnp.issubdtype(array.dtype, jnp.floating) and isinstance(val, np.ndarray | np.generic | jax.Array):
        return array
    if not (jnp.issubdtype(array.dtype, jnp.floating) or array.dtype.kind in "iub"):
        raise InputError(f"a Var needs an array of real numbers, but {val!r} is of type {type(val).__name__}")
    return array.astype(jnp.result_type(float))


def _text(value: Any) -> str:
    """Say what a value is: a scalar by its number, an array by its shape."""
    if np.shape(value) or isinstance(value, Tracer):
        return f"of shape {np.shape(value)}"
    return f"{float(value):.4g}"


def _describe(values: Iterable[Any], settings: Mapping[str, Any]) -> str:
    shapes = ", ".join(str(np.shape(v)) for v in values)
    named = "".join(f", {name} {setting}" for name, setting in settings.items())
    return f"arguments of shape {shapes}{named}"
