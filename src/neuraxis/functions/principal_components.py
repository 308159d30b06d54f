"""Principal components, and the angles between subspaces.

All products are computed in full precision; by default, a GPU would round them to three digits.
"""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Array, ArrayLike, Float

from neuraxis import check
from neuraxis.errors import InputError
from neuraxis.functions.precision import single

_exact = jax.default_matmul_precision("float32")


class PrincipalComponents(NamedTuple):
    """Principal components, in order of decreasing variance."""

    mean: Float[Array, " feature"]
    directions: Float[Array, "component feature"]  # orthonormal; the entry of largest magnitude of each is positive
    variances: Float[Array, " component"]  # along the directions, with denominator N − 1
    total_variance: Float[Array, ""]  # summed over all features


@_exact
def principal_components(x: ArrayLike, count: int) -> PrincipalComponents:
    """Return the `count` principal components of examples x (N, feature) with the largest S in X − mean = U S Vᵀ.

    V and S are computed from R in X − mean = Q R, which has no more rows than features.

    Raises:
        InputError: for fewer than two examples, numbers that are not finite, or more components than examples or
            features.

    Source: H. Hotelling, Journal of Educational Psychology 24:417 (1933).
    """
    check.whole(count=count)
    examples = _matrix("x", x, "(N, feature)")
    if len(examples) < 2:
        raise InputError(f"x must contain at least two examples, but has shape {examples.shape}")
    if count > min(examples.shape):
        raise InputError(f"count must be at most {min(examples.shape)} for x of shape {examples.shape}, but is {count}")
    return _components(examples, int(count))


@partial(jax.jit, static_argnums=1)
def _components(examples: Array, count: int) -> PrincipalComponents:
    mean = jnp.mean(examples, axis=0)
    _, s, directions = jnp.linalg.svd(jnp.linalg.qr(examples - mean, mode="r"), full_matrices=False)
    variances = s**2 / (len(examples) - 1)
    directions = directions[:count]
    largest = jnp.argmax(jnp.abs(directions), axis=-1, keepdims=True)
    signs = jnp.where(jnp.take_along_axis(directions, largest, axis=-1) < 0, -1, 1)
    return PrincipalComponents(mean, signs * directions, variances[:count], jnp.sum(variances))


@_exact
def principal_angles(a: ArrayLike, b: ArrayLike) -> Float[Array, " angle"]:
    """Return the principal angles [rad] between the column spaces of a (n, p) and b (n, q), the largest first.

    With orthonormal bases Q_a and Q_b, the cosines of the angles are the singular values of Q_aᵀQ_b, and the sines
    those of Q_b − Q_a Q_aᵀQ_b, which stay accurate for small angles.

    Raises:
        InputError: for matrices with different numbers of rows, numbers that are not finite, or linearly dependent
            columns.

    Source: Å. Björck and G. H. Golub, Mathematics of Computation 27:579 (1973).
    """
    first, second = _matrix("a", a, "(n, p)"), _matrix("b", b, "(n, q)")
    if len(first) != len(second):
        raise InputError(f"a and b must have equally many rows, but have shapes {first.shape} and {second.shape}")
    narrow, wide = sorted((_basis("a", first), _basis("b", second)), key=lambda basis: basis.shape[1])
    return _angles(narrow, wide)


@jax.jit
def _angles(narrow: Array, wide: Array) -> Float[Array, " angle"]:
    products = wide.T @ narrow
    cosines = jnp.linalg.svd(products, compute_uv=False)
    sines = jnp.linalg.svd(narrow - wide @ products, compute_uv=False)[::-1]
    small = cosines**2 > 0.5
    angles = jnp.where(small, jnp.arcsin(jnp.clip(sines, 0, 1)), jnp.arccos(jnp.clip(cosines, 0, 1)))
    return angles[::-1]


def _matrix(name: str, x: ArrayLike, shape: str) -> Array:
    numbers = check.floats(name, x)
    check.finite(**{name: numbers})
    if numbers.ndim != 2 or 0 in numbers.shape:
        raise InputError(f"{name} must have shape {shape}, but has shape {numbers.shape}")
    return single(numbers)


def _basis(name: str, columns: Array) -> Array:
    q, r = jnp.linalg.qr(columns)
    if not isinstance(columns, Tracer):
        lengths = np.abs(np.diagonal(r))
        least = max(columns.shape) * np.finfo(lengths.dtype).eps * np.linalg.norm(columns, axis=0).max()
        if columns.shape[1] > len(columns) or np.any(lengths <= least):
            raise InputError(f"the columns of {name} must be linearly independent, but one is a combination of others")
    return q
