"""Decoders by regularised least squares."""

import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.core import Tracer
from jax.scipy.linalg import cho_solve
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from neuraxis import check
from neuraxis.errors import InputError
from neuraxis.functions.precision import single
from neuraxis.values import compiled

_BLOCKS = 4  # of the lower triangle of HᵀH


def solve_decoders(
    activities: Float[ArrayLike, "points neurons"], targets: Float[ArrayLike, "points out"], noise: ArrayLike = 0.1
) -> Float[Array, "neurons out"]:
    """Find the decoders d that map noisy activities H to targets X with the smallest squared error.

        d* = (HᵀH + σ² D I)⁻¹ HᵀX,    σ = noise · max |H|,

    for D points, one per row. They minimise the expected error E ‖(H + η) d − X‖², where the entries of η are
    independent with mean 0 and variance σ²; since E ηᵀη = σ² D I, it equals ‖H d − X‖² + σ² D ‖d‖².

    The activities may be those of an ensemble, or any other features, such as the hidden layer of a trained network.

    Args:
        activities: H, one row per point.
        targets: X, the values to decode at each point.
        noise: standard deviation of the noise, as a fraction of the largest activity.

    Raises:
        InputError: for activities or targets that are not finite or do not fit each other, a noise that is negative, or
            decoders that are not determined, which occurs only without noise.

    Source: Eliasmith & Anderson, Neural Engineering (2003), chapter 2; the noise is scaled as in Nengo's `LstsqL2`.
    """
    check.finite(activities=activities, targets=targets)
    H, X = check.floats("activities", activities), check.floats("targets", targets)
    for name, matrix, axis in (("activities", H, "neurons"), ("targets", X, "out")):
        if matrix.ndim != 2 or 0 in matrix.shape:
            raise InputError(f"{name} must have shape (points, {axis}), but has shape {matrix.shape}")
    check.same_length(activities=H, targets=X)
    check.not_negative(noise=noise)
    check.one_number(noise=noise)
    points, neurons = H.shape
    check.array_fits("activities", (neurons, neurons))
    decoders, pivot = _solve(single(H), single(X), noise)
    # A smaller pivot is only rounding error.
    if not isinstance(pivot, Tracer) and not pivot > 2 * np.sqrt(neurons) * jnp.finfo(pivot.dtype).eps:
        raise InputError(
            f"noise must be larger than {np.asarray(noise):g}: without it {pivot.dtype} does not determine the "
            f"decoders, since some of the {neurons} neurons are silent or linearly dependent, or the {points} points "
            f"are too few"
        )
    return decoders


@compiled
def _solve(H: Array, X: Array, noise: ArrayLike) -> tuple[Array, Array]:
    """Return the decoders, and the smallest pivot of the Cholesky decomposition over the largest."""
    ridge = len(H) * jnp.square(noise * jnp.max(jnp.abs(H)))
    # The decomposition reads the lower triangle only.
    factor = lax.linalg.cholesky(_lower(H, ridge), symmetrize_input=False)
    normal = lambda error, d: cho_solve((factor, True), _product(H.T, error) - ridge * d)
    decoders = normal(X, jnp.zeros((H.shape[1], X.shape[1]), H.dtype))
    # HᵀH has the squared condition number of H: solving again for the residual recovers the lost accuracy.
    decoders = decoders + normal(X - _product(H, decoders), decoders)
    pivots = jnp.square(jnp.diagonal(factor))
    return decoders, jnp.min(pivots) / jnp.max(pivots)


def _lower(H: Array, ridge: Array) -> Array:
    """Return HᵀH + ridge I without most of its upper triangle, which is redundant."""
    size, rows = H.shape[1], H.T.copy()  # in double precision a quarter faster than transposing block by block
    ends = [round(size * i / _BLOCKS) for i in range(1, _BLOCKS + 1)]
    blocks = [
        _product(rows[start:end], H[:, :end]) + ridge * jnp.eye(end - start, end, start, dtype=H.dtype)
        for start, end in zip([0, *ends], ends, strict=False)
    ]
    return jnp.concatenate([jnp.pad(block, ((0, 0), (0, size - block.shape[1]))) for block in blocks])


def _product(a: Array, b: Array) -> Array:
    return jnp.matmul(a, b, precision=lax.Precision.HIGHEST)
