"""Convolution of functions of continuous time, by quadrature."""

from collections.abc import Callable

import jax.numpy as jnp
from jax import lax
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
    """Return (f ∗ g)(t) = ∫ f(s) g(t − s) ds, by Simpson's rule.

    Args:
        f: function that maps an array of s to values of the same shape.
        g: function that maps an array of t − s to values of the same shape.
        t: points at which to evaluate, any shape.
        bounds: integration limits (lower, upper), outside of which f(s) g(t − s) is negligible: numbers, or arrays of
            the shape of t, such as (0, t) for functions that vanish below 0. If the product has a jump in between, the
            rule is only of first order.
        intervals: even number of intervals between the bounds; the error falls with its fourth power.

    Raises:
        InputError: for a number of intervals that is odd or below 2, bounds that are not finite or do not fit t, or
            functions whose product does not have the shape of s.
    """
    check.functions(f=f, g=g)
    check.whole(2, intervals=intervals)
    if intervals % 2:
        raise InputError(f"intervals must be even, but is {intervals}")
    if not isinstance(bounds, list | tuple) or len(bounds) != 2:
        raise InputError(f"bounds must be a pair (lower, upper), but is {check.received(bounds)}")
    given: dict[str, Array] = {"t": check.floats("t", t)}
    for name, bound in zip(("the lower bound", "the upper bound"), bounds, strict=True):
        given[name] = check.floats(name, bound)
    check.finite(**given)
    shape = given["t"].shape
    for name, array in given.items():
        if array.shape not in ((), shape):
            raise InputError(f"{name} must be a number or have the shape of t, {shape}, but has shape {array.shape}")
    check.array_fits("intervals", (*shape, intervals + 1))
    time, low, high = (jnp.broadcast_to(a, shape)[..., None] for a in given.values())
    s = low + (high - low) * jnp.linspace(0.0, 1.0, intervals + 1, dtype=time.dtype)
    values: Array = check.floats("f(s) g(t − s)", f(s) * g(time - s))
    if values.shape != s.shape:
        raise InputError(f"f(s) g(t − s) must have the shape of s, {s.shape}, but has shape {values.shape}")
    weights = jnp.full(intervals + 1, 2.0).at[1::2].set(4.0).at[jnp.array([0, -1])].set(1.0)
    # In full precision, which is not the default on GPUs.
    total = jnp.matmul(values, weights.astype(values.dtype), precision=lax.Precision.HIGHEST)
    return total * (high - low)[..., 0] / (3 * intervals)
