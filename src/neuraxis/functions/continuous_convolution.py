"""Convolution of functions of continuous time, by quadrature."""

from collections.abc import Callable

import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float

from neuraxis import check
from neuraxis.errors import InputError


def continuous_convolve(
    f: Callable[[Array], Array],
    g: Callable[[Array], Array],
    t: Float[ArrayLike, "..."],
    *,
    bounds: tuple[ArrayLike, ArrayLike],
    intervals: int = 1000,
) -> Float[Array, "..."]:
    """(f ∗ g)(t) = ∫ f(s) g(t − s) ds, by Simpson's rule.

    Args:
        f: function of s, of arrays.
        g: function of t − s, of arrays.
        t: where to evaluate, any shape.
        bounds: from where to where f(s) g(t − s) is not 0, or as good as; numbers, or arrays of the shape of t, such as
            (0, t) for functions that begin at 0. Where the product jumps inside, the rule is exact to first order only.
        intervals: even number of intervals between the bounds; the error falls with its fourth power.

    Raises:
        InputError: for a number of intervals that is odd or below 2.
    """
    check.whole(2, intervals=intervals)
    if intervals % 2:
        raise InputError(f"intervals must be even, but is {intervals}")
    t, low, high = (jnp.asarray(a, float)[..., None] for a in (t, *bounds))
    s = low + (high - low) * jnp.linspace(0.0, 1.0, intervals + 1)
    weights = jnp.full(intervals + 1, 2.0).at[1::2].set(4.0).at[jnp.array([0, -1])].set(1.0)
    return (f(s) * g(t - s)) @ weights * (high - low)[..., 0] / (3 * intervals)
