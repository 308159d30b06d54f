"""Attention: every query takes the mean of values, weighted by how well their keys match it."""

import math
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax.custom_derivatives import SymbolicZero
from jaxtyping import Array, ArrayLike, Bool, Float

from neuraxis import check
from neuraxis.errors import InputError
from neuraxis.functions.precision import single


def attention(
    q: Float[ArrayLike, "... n d"],
    k: Float[ArrayLike, "... m d"],
    v: Float[ArrayLike, "... m e"],
    mask: Bool[ArrayLike, "..."] | None = None,
) -> Float[Array, "... n e"]:
    """H = A V, with the weights A = softmax(Q Kᵀ/√d) of `attention_weights`.

    Args:
        q: queries.
        k: keys.
        v: values, one for each key.
        mask: which key each query may see, of a shape that broadcasts to (…, n, m); all, without one. A query that may
            see none has the output 0.

    Raises:
        InputError: as for `attention_weights`, or values that are not one for each key.

    Source: Vaswani et al., Advances in Neural Information Processing Systems (2017), equation 1.
    """
    weights = attention_weights(q, k, mask)
    values = check.floats("v", v)
    if values.ndim < 2 or values.shape[-2] != weights.shape[-1]:
        raise InputError(
            f"v must contain one row for each of the {weights.shape[-1]} keys, but has shape {values.shape}"
        )
    try:
        return jnp.matmul(weights, values).astype(jnp.result_type(weights, values))
    except (TypeError, ValueError):
        shapes = f"q {np.shape(q)}, k {np.shape(k)}, v {values.shape}"
        raise InputError(f"the leading axes of q, k and v must broadcast, but have shapes {shapes}") from None


def attention_weights(
    q: Float[ArrayLike, "... n d"], k: Float[ArrayLike, "... m d"], mask: Bool[ArrayLike, "..."] | None = None
) -> Float[Array, "... n m"]:
    """A = softmax(Q Kᵀ/√d) over the keys that each query may see; 0 at the others, and everywhere if it sees none.

    Args:
        q: queries.
        k: keys.
        mask: which key each query may see, of a shape that broadcasts to (…, n, m); all, without one.

    Raises:
        InputError: for queries and keys that do not have equally many features, leading axes that do not broadcast, or
            a mask that does not consist of truth values or does not fit.

    Source: Vaswani et al., Advances in Neural Information Processing Systems (2017), equation 1.
    """
    queries, keys = check.floats("q", q), check.floats("k", k)
    same = queries.ndim > 1 < keys.ndim and queries.shape[-1] == keys.shape[-1] > 0
    if not same:
        shapes = f"{queries.shape} and {keys.shape}"
        raise InputError(f"q and k must have shapes (…, n, d) and (…, m, d) with d ≥ 1, but have {shapes}")
    try:
        scores = single(jnp.matmul(queries / math.sqrt(queries.shape[-1]), jnp.swapaxes(keys, -1, -2)))
    except (TypeError, ValueError):
        shapes = f"{queries.shape} and {keys.shape}"
        raise InputError(f"the leading axes of q and k must broadcast, but have shapes {shapes}") from None
    return masked_softmax(scores, mask).astype(jnp.result_type(queries, keys))


def causal_mask(queries: int, keys: int | None = None) -> Bool[np.ndarray, "n m"]:
    """Let every query see the keys up to its own place, and none after it: True for j ≤ i + m − n.

    Args:
        queries: n.
        keys: m, at least n: the queries stand at the last n places; n by default.

    Raises:
        InputError: for numbers that are negative, or fewer keys than queries.
    """
    keys = queries if keys is None else keys
    check.whole(0, queries=queries, keys=keys)
    if keys < queries:
        raise InputError(f"keys must be at least as many as the {queries} queries, but are {keys}")
    return np.tri(queries, keys, keys - queries, dtype=bool)


def masked_softmax(z: Float[ArrayLike, "... k"], mask: Bool[ArrayLike, "..."] | None = None) -> Float[Array, "... k"]:
    """e^(z_i)/Σ_j e^(z_j) over the places of the last axis where the mask is True, and 0 at the others.

    Where it is True nowhere all is 0, and so is the gradient.

    Raises:
        InputError: for a mask that does not consist of truth values, or does not broadcast to the shape of z.
    """
    scores = check.floats("z", z)
    if mask is None:
        return jax.nn.softmax(scores)
    seen = check.array("mask", mask)
    if seen.dtype != bool:
        raise InputError(f"mask must contain booleans, True where a key may be seen, but has dtype {seen.dtype}")
    try:
        fits = np.broadcast_shapes(seen.shape, scores.shape) == scores.shape
    except ValueError:
        fits = False
    if not fits:
        raise InputError(f"mask must broadcast to the shape {scores.shape}, but has shape {seen.shape}")
    return _masked_softmax(scores, jnp.asarray(seen))


@jax.custom_jvp
def _masked_softmax(z: Array, mask: Array) -> Array:
    largest = jnp.max(z, axis=-1, keepdims=True, where=mask, initial=-jnp.inf)
    # The largest is −∞ where nothing is seen, and −∞ − −∞ would be NaN.
    e = jnp.where(mask, jnp.exp(z - jnp.where(jnp.isneginf(largest), 0, largest)), 0)
    total = jnp.sum(e, axis=-1, keepdims=True)
    return e / jnp.where(total == 0, 1, total)


@partial(_masked_softmax.defjvp, symbolic_zeros=True)
def _(primals, tangents):
    """Dy = y (dz − Σ y dz), which needs y alone, and is 0 where nothing is seen."""
    y, dz = _masked_softmax(*primals), tangents[0]
    if isinstance(dz, SymbolicZero):
        return y, jnp.zeros_like(y)
    pull = y * dz
    return y, pull - y * jnp.sum(pull, axis=-1, keepdims=True)
