"""The residual connection."""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float, Num, PRNGKeyArray

from neuraxis import check
from neuraxis.errors import InputError
from neuraxis.layers.apply import apply, measure


class Residual(eqx.Module):
    """y = x + f(x): f learns the change of x, and the skip connection passes the gradient on unchanged.

    ∂y/∂x = I + ∂f/∂x, so the gradient keeps its size through many blocks as long as ∂f/∂x is small compared to I.

    Args:
        inner: f, a map or function whose output has the shape of its input.

    Raises:
        InputError: if `inner` cannot be called, or its output has another shape than x.

    Source: He et al., Computer Vision and Pattern Recognition (2016).
    """

    inner: Callable[..., Any]

    def __check_init__(self):
        check.functions(inner=self.inner)

    def __call__(self, x: Num[ArrayLike, "..."], *, key: PRNGKeyArray | None = None) -> Float[Array, "..."]:
        """Map x to x + f(x)."""
        numbers = check.floats("x", x)
        return self._added(numbers, apply(self.inner, numbers, key))

    def measure(
        self, x: Num[ArrayLike, "..."], *, key: PRNGKeyArray | None = None
    ) -> tuple[Float[Array, "..."], "Residual"]:
        """Return x + f(x), and the block with the statistics inside it updated."""
        numbers = check.floats("x", x)
        change, inner = measure(self.inner, numbers, key)
        return self._added(numbers, change), Residual(inner)

    def _added(self, x: ArrayLike, change: ArrayLike) -> Float[Array, "..."]:
        if jnp.shape(change) != jnp.shape(x):
            raise InputError(
                f"the map inside a residual block must keep the shape of its input, {jnp.shape(x)}, but returned "
                f"{jnp.shape(change)}"
            )
        return jnp.asarray(x) + change
