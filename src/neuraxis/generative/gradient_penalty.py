"""Logits of a discriminator, and their gradients with respect to its input."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from neuraxis.layers.apply import measure


def judge(
    discriminator: Callable[..., Any], x: Float[Array, "batch ..."], key: PRNGKeyArray | None = None
) -> tuple[Float[Array, " batch"], Any]:
    """Return the logits D(x), (batch,), and the discriminator with updated statistics."""
    logits, discriminator = measure(discriminator, x, key)
    return logits[:, 0], discriminator


def judge_with_slope(
    discriminator: Callable[..., Any], x: Float[Array, "batch ..."], key: PRNGKeyArray | None = None
) -> tuple[Float[Array, " batch"], Float[Array, " batch"], Any]:
    """Return the logits D(x), (batch,), the squared gradients ‖∂D/∂x‖², (batch,), and the discriminator as for `judge`.

    The gradient is that of the sum over the batch, so a discriminator that mixes examples, such as one with batch
    normalisation in training, has no gradient per example.
    """
    logits, back, discriminator = jax.vjp(lambda x: judge(discriminator, x, key), x, has_aux=True)
    (slope,) = back(jnp.ones_like(logits))
    return logits, jnp.sum(jnp.square(slope), axis=tuple(range(1, x.ndim))), discriminator
