"""Linear recurrences h_t = a_t h_{t−1} + b_t over whole sequences, with derivatives written by hand.

The derivative of a linear recurrence is a linear recurrence: forwards dh_t = a_t dh_{t−1} + (h_{t−1} da_t + db_t), and
backwards, for an incoming gradient ∂E/∂h_t of each output,

    g_t = ∂E/∂h_t + a_{t+1} g_{t+1},   ∂E/∂b_t = g_t,   ∂E/∂a_t = g_t h_{t−1},   ∂E/∂h_0 = a_1 g_1.

Only a and h are stored for the gradient. Forward mode, reverse mode and higher derivatives all work.
"""

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, ArrayLike, Float, Num

from neuraxis import check
from neuraxis.errors import InputError


def linear_scan(
    a: Num[ArrayLike, "..."], b: Num[ArrayLike, "..."], h0: Num[ArrayLike, "..."] = 0.0
) -> Float[Array, "... time feature"]:
    """Return h_t = a_t h_{t−1} + b_t for t = 1 … T, independently for each feature.

    It runs step by step on a CPU (`linear_scan_sequential`), where this was never slower, and in O(log T) rounds
    elsewhere (`linear_scan_parallel`). Neither takes logarithms, so h may have any sign, and where |a| ≤ 1 nothing
    overflows, however long the sequence is. Half-precision inputs are computed in single precision.

    Args:
        a: factors, broadcastable to (…, time, feature): (feature,) or a number for factors that are constant in time.
        b: summands, broadcastable to (…, time, feature).
        h0: initial state h_0, broadcastable to (…, feature).

    Returns:
        States h_1 … h_T, (…, time, feature).

    Raises:
        InputError: for a b without a time axis, and for shapes that do not fit.
    """
    return (linear_scan_sequential if jax.default_backend() == "cpu" else linear_scan_parallel)(a, b, h0)


def linear_scan_sequential(
    a: Num[ArrayLike, "..."], b: Num[ArrayLike, "..."], h0: Num[ArrayLike, "..."] = 0.0
) -> Float[Array, "... time feature"]:
    """Compute `linear_scan` step by step on every device, with one product and one sum per feature and step."""
    return _run(partial(_scan, jnp.multiply), *_by_time(a, b, h0))


def linear_scan_parallel(
    a: Num[ArrayLike, "..."], b: Num[ArrayLike, "..."], h0: Num[ArrayLike, "..."] = 0.0
) -> Float[Array, "... time feature"]:
    """Compute `linear_scan` in O(log T) rounds on every device: two steps combine into one, with a₂a₁ and a₂b₁ + b₂.

    Factors with |a| > 1 are multiplied with each other even where h stays 0, and may then overflow.

    Source: Blelloch, Prefix sums and their applications, Carnegie Mellon University (1990), section 1.4.1.
    """
    return _run(_parallel, *_by_time(a, b, h0))


def matrix_scan(
    matrix: Num[ArrayLike, "..."], b: Num[ArrayLike, "..."], h0: Num[ArrayLike, "..."] = 0.0
) -> Float[Array, "... time feature"]:
    """Return h_t = h_{t−1} A + b_t for t = 1 … T, with one matrix A for all steps, as in the Legendre memory.

    Diagonalising A to use `linear_scan` is too inaccurate for that memory: in its eigenbasis, numbers cancel by a
    factor of 10⁶ in 12 dimensions and of 10¹² in 24. Therefore this runs step by step on every device; the gradient
    with respect to A is one product over all steps.

    Args:
        matrix: A, (feature, feature).
        b: summands, (…, time, feature).
        h0: initial state h_0, broadcastable to (…, feature).

    Returns:
        States h_1 … h_T, (…, time, feature).

    Raises:
        InputError: for a matrix that is not of shape (feature, feature), and as for `linear_scan`.
    """
    square = check.floats("matrix", matrix)
    sequence, first = _sequence(check.floats("b", b), h0)
    if square.shape != (size := (sequence.shape[-1],) * 2):
        where = f"where b has shape {sequence.shape}"
        raise InputError(f"matrix must have shape {size} {where}, but has shape {square.shape}")
    return _run(partial(_scan, _product), square[None], sequence, first)


def _by_time(a: ArrayLike, b: ArrayLike, h0: ArrayLike) -> tuple[Array, Array, Array]:
    """Return a with time first (of length 1 if a is constant), then b (…, time, feature) and h0 (…, feature)."""
    factors, added = check.floats("a", a), check.floats("b", b)
    try:
        shape = jnp.broadcast_shapes(factors.shape, added.shape)
    except ValueError:
        shapes = f"{factors.shape} and {added.shape}"
        raise InputError(f"a and b must broadcast with each other, but have shapes {shapes}") from None
    sequence, first = _sequence(jnp.broadcast_to(added, shape), h0)
    factors = jnp.expand_dims(factors, range(sequence.ndim - factors.ndim))
    return jnp.moveaxis(factors, -2, 0), sequence, first


def _sequence(b: Array, h0: ArrayLike) -> tuple[Array, Array]:
    first = check.floats("h0", h0)
    if b.ndim < 2:
        raise InputError(f"b must have shape (…, time, feature), but has shape {b.shape}")
    shape = (*b.shape[:-2], b.shape[-1])
    check.fits(shape, h0=first)
    return b, jnp.broadcast_to(first, shape)


@partial(jax.jit, static_argnums=0)
def _run(form: Callable[..., Array], a: Array, b: Array, h0: Array) -> Array:
    """Run one form of the scan, which takes the time axis first, in at least single precision."""
    kind = jnp.result_type(a, b, h0)
    wide = jnp.promote_types(kind, jnp.float32)
    h = form(a.astype(wide), jnp.moveaxis(b, -2, 0).astype(wide), h0.astype(wide))
    return jnp.moveaxis(h, 0, -2).astype(kind)


def _product(h: Array, matrix: Array) -> Array:
    return jnp.matmul(h, matrix, precision=lax.Precision.HIGHEST)  # errors of TF32 would add up over the steps


@partial(jax.custom_jvp, nondiff_argnums=(0,))
def _scan(times: Callable[[Array, Array], Array], a: Array, b: Array, h0: Array) -> Array:
    """Scan step by step; `times(h, a)` multiplies h by a, for one step or for several at once."""

    def step(h, now):
        a_now, b_now = now
        h = times(h, a[0] if a_now is None else a_now) + b_now
        return h, h

    return lax.scan(step, h0, (None if len(a) == 1 else a, b))[1]


@_scan.defjvp
def _(times, primals, tangents):
    return _tangent(partial(_scan, times), times, primals, tangents)


@jax.custom_jvp
def _parallel(a: Array, b: Array, h0: Array) -> Array:
    """Scan in O(log T) rounds."""

    def both(first, second):
        return second[0] * first[0], second[0] * first[1] + second[1]

    factors, h = lax.associative_scan(both, (jnp.broadcast_to(a, b.shape), b))
    return factors * h0 + h


@_parallel.defjvp
def _(primals, tangents):
    return _tangent(_parallel, jnp.multiply, primals, tangents)


def _tangent(form: Callable[..., Array], times: Callable[..., Array], primals: tuple, tangents: tuple) -> tuple:
    """Return h and dh, which follows the same recurrence; JAX transposes it to obtain the gradient."""
    (a, b, h0), (da, db, dh0) = primals, tangents
    h = form(a, b, h0)
    before = jnp.concatenate([h0[None], h[:-1]])[: len(h)]
    return h, form(a, times(before, da) + db, dh0)
