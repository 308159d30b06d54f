"""Spike codes: images as spikes over time, with one train per pixel."""

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Array, ArrayLike, Float, PRNGKeyArray, Shaped

from neuraxis import check
from neuraxis.errors import InputError


def rate_code(images: Shaped[ArrayLike, "..."], steps: int, *, key: PRNGKeyArray | None) -> Float[Array, "time ..."]:
    """Let every pixel fire in every step with a probability equal to its brightness, P(s = 1) = x.

    Args:
        images: brightness, from 0 to 1.
        steps: number of time steps.
        key: random key of the spikes.

    Raises:
        InputError: for a brightness outside [0, 1], steps below 1, or a missing key. In compiled code, which cannot
            inspect values, integers are refused and a brightness outside [0, 1] gives NaN.

    Source: Heeger, Poisson model of spike generation (2000).
    """
    images = _checked(images, steps)
    if key is None:
        raise InputError("rate coding draws its spikes at random and needs a key=, but received None")
    check.key(key)
    return _or_nan(jax.random.bernoulli(key, images, (steps, *images.shape)), images)


def latency_code(
    images: Shaped[ArrayLike, "..."], steps: int, *, key: PRNGKeyArray | None = None
) -> Float[Array, "time ..."]:
    """Let every pixel fire once, brighter pixels earlier: in step (1 − x)(T − 1), rounded, counted from 0.

    White pixels fire in the first step, and pixels that are exactly black do not fire.

    Args:
        images: brightness x, from 0 to 1.
        steps: number of time steps T.
        key: unused; part of the signature of every coding.

    Raises:
        InputError: for a brightness outside [0, 1], or steps below 1. In compiled code, which cannot inspect values,
            integers are refused and a brightness outside [0, 1] gives NaN.

    Source: Thorpe, Delorme & Van Rullen, Neural Networks 14:715 (2001).
    """
    images = _checked(images, steps)
    when = jnp.round((1 - images) * (steps - 1))
    clock = jnp.arange(steps, dtype=images.dtype).reshape(steps, *(1 for _ in images.shape))
    return _or_nan((clock == when) & (images > 0), images)


def _checked(given: ArrayLike, steps: int) -> Array:
    check.whole(steps=steps)
    images = check.array("images", given)
    check.array_fits("steps", (steps, *images.shape))
    whole = not jnp.issubdtype(images.dtype, jnp.floating) and images.dtype != bool
    if isinstance(images, Tracer):
        if whole:
            raise InputError(f"images must be floats in compiled code, scaled to [0, 1], but have dtype {images.dtype}")
    elif images.dtype != bool:
        check.finite(images=images)
        if np.any(np.asarray(images) < 0) or np.any(np.asarray(images) > 1):
            raise InputError(
                f"the brightness of images must lie in [0, 1], but ranges from {np.min(images)} to {np.max(images)}; "
                "divide bytes by 255"
            )
    return check.floats("images", images)


def _or_nan(spikes: Array, images: Array) -> Array:
    """Replace spikes by NaN where the brightness is out of range, which compiled code cannot refuse."""
    return jnp.where((images >= 0) & (images <= 1), spikes.astype(images.dtype), jnp.nan)
