"""Gradients as return values: of functions of pytrees, and gradients that can be differentiated again."""

from collections.abc import Callable
from typing import Any

import jax
from jax.typing import ArrayLike
from jaxtyping import PyTree

from neuraxis import check
from neuraxis.autodiff.var import Var, module_of, send_back, value_of
from neuraxis.errors import InputError


def value_and_grad(f: Callable[..., Var]) -> Callable[..., tuple[Any, PyTree]]:
    """Convert a scalar function of `Var`s to a function of arrays that returns its value and gradient.

    As for `jax.value_and_grad`, the gradient is taken with respect to the first argument, a pytree of arrays, and has
    its structure. Under `jax.jit` its cost is that of JAX's own.

    Raises:
        InputError: if f is not a function, its first argument contains no arrays, or it does not return a scalar that
            depends on it.
    """
    check.functions(f=f)

    def evaluate(parameters: PyTree, *rest: Any, **named: Any) -> tuple[Any, PyTree]:
        variables = jax.tree.map(Var, parameters)
        if not jax.tree.leaves(variables):
            raise InputError(
                f"the first argument must contain an array to differentiate with respect to, but is {parameters!r}"
            )
        y = f(variables, *rest, **named)
        if not isinstance(y, Var):
            raise InputError(
                f"f must return a Var that depends on its first argument, but returned {check.received(y)}"
            )
        y.backward()
        return y.val, jax.tree.map(lambda v: _or_zeros(v.grad, v), variables)

    return evaluate


def gradient(y: Var, *xs: Var, seed: ArrayLike | None = None) -> tuple[Var, ...]:
    """Return ∂y/∂x for each x as a `Var`, which can be used in further computations and differentiated again.

    The graph of y is kept, and no `grad` is changed.

    Raises:
        InputError: as `Var.backward`.
    """
    for name, var in [("y", y), *((f"x{i}", x) for i, x in enumerate(xs))]:
        if not isinstance(var, Var):
            raise InputError(f"{name} must be a Var, but is {check.received(var)}")
    wanted = set(xs)  # by identity
    found = {var: g for var, g in send_back(y, seed, free=False, as_vars=True) if var in wanted}
    return tuple(found[x] if x in found else Var(_or_zeros(None, x)) for x in xs)


def _or_zeros(grad: Any, x: Var) -> Any:
    return module_of(value_of(x)).zeros_like(value_of(x)) if grad is None else grad
