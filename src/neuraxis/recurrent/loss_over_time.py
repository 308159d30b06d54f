"""A loss that is summed over the steps of a sequence."""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float, PRNGKeyArray, PyTree

from neuraxis import check
from neuraxis.engine import unroll
from neuraxis.errors import InputError


class LossOverTime(eqx.Module):
    """E = Σ_i α_i L(y_i, t_i), with the outputs y of a dynamics for a sequence x: a loss for `descent`.

    Args:
        loss: loss L, a function `loss(y, t)` of outputs (…, time, out) with one value per step, (…, time), such as
            those of `neuraxis.functions`.
        weights: weights α of the steps, (time,), or (batch, time) for weights per example. By default 1/time each, so
            that E is the mean.

    Raises:
        InputError: for a loss that is not a function or does not return one value per step, or weights of another
            shape.
    """

    loss: Callable[[Any, Any], Any] = eqx.field(static=True)
    weights: Float[ArrayLike, "..."] | None = None

    def __check_init__(self):
        check.functions(loss=self.loss)
        if self.weights is not None:
            check.finite(weights=self.weights)

    def __call__(
        self, model: PyTree, x: ArrayLike, t: ArrayLike, *, key: PRNGKeyArray | None = None
    ) -> Float[Array, "..."]:
        """Return E of each sequence."""
        return self.from_state(model, x, t, None, key=key)[0]

    def from_state(
        self, model: PyTree, x: ArrayLike, t: ArrayLike, state: PyTree, *, key: PRNGKeyArray | None = None
    ) -> tuple[Float[Array, "..."], PyTree]:
        """Return E, and the state after the last step, starting from `state`."""
        y, last = unroll(model, x, state, key=key)
        return self.total(y, t), last

    def total(self, y: ArrayLike, t: ArrayLike) -> Float[Array, "..."]:
        """Return E for outputs y."""
        each, shape = self.loss(y, t), jnp.shape(y)[:-1]
        if jnp.shape(each) != shape:
            raise InputError(
                f"loss must return one value per step, shape {shape}, but returned shape {jnp.shape(each)}"
            )
        return jnp.sum(self.alpha(shape) * each, axis=-1)

    def alpha(self, shape: tuple[int, ...]) -> Float[Array, "..."]:
        """Return α for losses of that shape, (…, time)."""
        if self.weights is None:
            return jnp.asarray(1.0 / max(1, shape[-1]))
        alpha = check.floats("weights", self.weights)
        if alpha.shape[-1:] != shape[-1:] or alpha.ndim > len(shape):
            raise InputError(f"weights must have shape ({shape[-1]},) or {shape}, but have shape {alpha.shape}")
        return alpha
