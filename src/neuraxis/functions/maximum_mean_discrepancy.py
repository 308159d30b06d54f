"""Maximum mean discrepancy: the distance between the means of two samples in the feature space of a kernel."""

from collections.abc import Sequence

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, ArrayLike, Float

from neuraxis import check
from neuraxis.errors import InputError


def maximum_mean_discrepancy(
    x: Float[ArrayLike, "n d"], y: Float[ArrayLike, "m d"], bandwidths: ArrayLike | Sequence[float]
) -> Float[Array, ""]:
    """MMD = √(mean k(x, x′) + mean k(y, y′) − 2 mean k(x, y)), with means over all pairs, including x′ = x and y′ = y.

    k(x, y) is the mean of exp(−‖x − y‖²/(2h²)) over the bandwidths h. The MMD is 0 only for equal samples. For two
    samples of n points from one distribution it is about √(2 (1 − k̄)/n), where k̄ is the mean of k over pairs of
    different points, which is the value to compare others with.

    Args:
        x: points, (n, d).
        y: points, (m, d).
        bandwidths: bandwidth h, one or several: the distances at which differences matter.

    Raises:
        InputError: for samples that are empty, not finite or of different d, or bandwidths that are not positive.

    Source: Gretton, Borgwardt, Rasch, Schölkopf and Smola, Journal of Machine Learning Research 13:723 (2012),
    equation 5.
    """
    check.positive(bandwidths=bandwidths)
    check.finite(x=x, y=y)
    first, second = check.floats("x", x), check.floats("y", y)
    if first.ndim != 2 or second.ndim != 2 or 0 in first.shape + second.shape or first.shape[1] != second.shape[1]:
        raise InputError(
            f"x and y must have shapes (n, d) and (m, d), with points in both, but have shapes {first.shape} and "
            f"{second.shape}"
        )
    centre = jnp.mean(jnp.concatenate([first, second]), axis=0)  # far from the origin, squares would cancel
    a, b = first - centre, second - centre
    scales = 1 / (2 * jnp.atleast_1d(jnp.asarray(bandwidths, a.dtype)) ** 2)
    squared = _mean(a, a, scales) + _mean(b, b, scales) - 2 * _mean(a, b, scales)
    return jnp.sqrt(jnp.maximum(squared, 0))


def _mean(x: Array, y: Array, scales: Array) -> Array:
    """Return the mean of the kernel over all pairs."""
    products = jnp.matmul(x, y.T, precision=lax.Precision.HIGHEST)
    distances = jnp.maximum(jnp.sum(x * x, -1)[:, None] + jnp.sum(y * y, -1) - 2 * products, 0)
    return jnp.mean(jnp.stack([jnp.mean(jnp.exp(-scale * distances)) for scale in scales]))
