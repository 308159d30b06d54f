"""Gradients as values: of functions of pytrees, and gradients that can be differentiated again."""

from collections.abc import Callable
from typing import Any

import jax
from jax.typing import ArrayLike
from jaxtyping import PyTree

from neuraxis.autodiff.var import Var, module_of, send_back
from neuraxis.errors import InputError


def value_and_grad(f: Callable[..., Var]) -> Callable[..., tuple[Any, PyTree]]:
    """Turn a scalar function of `Var`s into one of arrays, which gives its value and gradient.

    It has the contract of `jax.value_and_grad`: the gradient is taken by the first argument, a pytree of arrays, and
    has its structure. Under `jax.jit` it costs what JAX's own costs.

    Raises:
        InputError: if the function does not give a scalar that depends on its first argument.
    """

    def evaluate(parameters: PyTree, *rest: Any, **named: Any) -> tuple[Any, PyTree]:
        variables = jax.tree.map(Var, parameters)
        y = f(variables, *rest, **named)
        if not isinstance(y, Var):
            raise InputError(f"the function must give a Var that depends on its first argument, but gave {y!r}")
        y.backward()
        return y.val, jax.tree.map(lambda v: _or_zeros(v.grad, v), variables)

    return evaluate


def gradient(y: Var, *xs: Var, seed: ArrayLike | None = None) -> tuple[Var, ...]:
    """Give ∂y/∂x for each x as a `Var`, to be calculated with and differentiated further.

    The graph of y is kept, and no `grad` is touched.

    Raises:
        InputError: as `Var.backward`.
    """
    found = {var: g for var, g in send_back(y, seed, free=False, as_vars=True) if var in xs}
    return tuple(found[x] if x in found else Var(_or_zeros(None, x)) for x in xs)


def _or_zeros(grad: Any, x: Var) -> Any:
    return module_of(x.val).zeros_like(x.val) if grad is None else grad
