"""How large the gradient is that reaches back to each step of a sequence."""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float

from neuraxis.engine import Chain, unroll
from neuraxis.kinds import Dynamics


class _Nudged(eqx.Module):
    """A cell to whose state something is added before every step."""

    cell: Any

    def init_state(self, input_shape: tuple[int, ...]) -> Array:
        return jnp.zeros((*input_shape[:-1], self.cell.hidden_size))

    def project(self, inputs: Array) -> tuple[Array, Array]:
        x, nudge = jnp.split(inputs, [inputs.shape[-1] - self.cell.hidden_size], axis=-1)
        return self.cell.project(x), nudge

    def step(self, state: Array, input: tuple[Array, Array], dt: ArrayLike = 1.0) -> tuple[Array, Array]:
        projected, nudge = input
        return self.cell.step(state + nudge, projected, dt)


def gradient_norms(
    model: Chain, loss: Callable[[Dynamics, Any, Any], Array], x: Float[np.ndarray, "batch time in"], t: Any
) -> Float[np.ndarray, " time"]:
    """Return ‖∇_{h_i} E‖ for i = 0, …, time − 1, the state before each step: the mean over sequences.

    Args:
        model: a recurrent cell, and maps.
        loss: E of every sequence.
        x: sequences.
        t: targets.
    """
    cell, *rest = model.parts
    nudged = Chain(_Nudged(cell), *rest)

    @jax.jit
    def norms(x):
        nothing = jnp.zeros((*x.shape[:-1], cell.hidden_size))
        total = lambda nudge: jnp.sum(loss(nudged, jnp.concatenate([x, nudge], axis=-1), t))
        return jnp.mean(jnp.linalg.norm(jax.grad(total)(nothing), axis=-1), axis=0)

    return np.asarray(norms(jnp.asarray(x)))


def last_output(model: Dynamics, x: Any) -> Array:
    """Return the output after the last step of every sequence."""
    return unroll(model, x)[0][..., -1, :]
