"""Recurrent layers on each other, for experiments on sequences."""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
from jaxtyping import Array, Float, PRNGKeyArray

from neuraxis.kinds import Map
from neuraxis.layers import Linear, Residual, RMSNorm, Sequential

Cell = Callable[..., Map]  # a class of maps over sequences, such as MinGRU: in_size, hidden_size, key


class LastSteps(eqx.Module):
    """Keep the last steps of sequences."""

    count: int = eqx.field(static=True)

    def __call__(
        self, x: Float[Array, "... time feature"], *, key: PRNGKeyArray | None = None
    ) -> Float[Array, "... count feature"]:
        """Map (…, time, feature) to (…, count, feature)."""
        return x[..., -self.count :, :]


def stack(
    cell: Cell, first: Any, *, width: int, layers: int, out_size: int, count: int, key: PRNGKeyArray
) -> Sequential:
    """Make first → (x ← x + cell(norm(x)) W + b), as many times as there are layers → norm → linear, at the last steps.

    Args:
        cell: the recurrent layer.
        first: from the inputs to (…, time, width).
        width: features between and inside of the layers.
        layers: number of recurrent layers.
        out_size: logits.
        count: how many of the last steps are read.
        key: seed of the weights.
    """
    *keys, last = jax.random.split(key, 2 * layers + 1)
    blocks = [
        Residual(Sequential([RMSNorm(width), cell(width, width, key=a), Linear(width, width, key=b)]))
        for a, b in zip(keys[::2], keys[1::2], strict=True)
    ]
    return Sequential([first, *blocks, LastSteps(count), RMSNorm(width), Linear(width, out_size, key=last)])
