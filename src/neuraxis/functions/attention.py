"""Attention: each query receives a mean of the values, weighted by how well their keys match the query."""

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
        mask: True where a query may attend to a key, broadcastable to (…, n, m); everywhere by default. The output of a
            query that may attend to no key is 0.

    Raises:
        InputError: as for `attention_weights`, or if there is not one value for each key.

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
    """A = softmax(Q Kᵀ/√d) over the keys that each query may attend to, and 0 for all other keys.

    Args:
        q: queries.
        k: keys.
        mask: True where a query may attend to a key, broadcastable to (…, n, m); everywhere by default. The weights of
            a query that may attend to no key are 0.

    Raises:
        InputError: if queries and keys have different numbers of features, their leading axes do not broadcast, or the
            mask is not boolean or does not broadcast.

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
    """Return the causal mask, with which query i may attend to the keys j ≤ i + m − n.

    Args:
        queries: number of queries n, which are aligned with the last n keys.
        keys: number of keys m ≥ n; n by default.

    Raises:
        InputError: for negative numbers, or fewer keys than queries.
    """
    keys = queries if keys is None else keys
    check.whole(0, queries=queries, keys=keys)
    if keys < queries:
        raise InputError(f"keys must be at least the number of queries, {queries}, but is {keys}")
    return np.tri(queries, keys, keys - queries, dtype=bool)


def masked_softmax(z: Float[ArrayLike, "... k"], mask: Bool[ArrayLike, "..."] | None = None) -> Float[Array, "... k"]:
    """e^(z_i)/Σ_j e^(z_j) over the entries of the last axis where the mask is True, and 0 elsewhere.

    Where the mask is True nowhere, the result and its gradient are 0.

    Raises:
        InputError: for a mask that is not boolean, or does not broadcast to the shape of z.
    """
    scores = check.floats("z", z)
    if mask is None:
        return jax.nn.softmax(scores)
    seen = check.array("mask", mask)
    if seen.dtype != bool:
        raise InputError(f"mask must be boolean, True where a query may attend to a key, but has dtype {seen.dtype}")
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
    # The largest is −∞ where everything is masked, and −∞ − (−∞) would be NaN.
    e = jnp.where(mask, jnp.exp(z - jnp.where(jnp.isneginf(largest), 0, largest)), 0)
    total = jnp.sum(e, axis=-1, keepdims=True)
    return e / jnp.where(total == 0, 1, total)


@partial(_masked_softmax.defjvp, symbolic_zeros=True)
def _(primals, tangents):
    """Return y and dy = y (dz − Σ y dz), which depends on y only, and is 0 where everything is masked."""
    y, dz = _masked_softmax(*primals), tangents[0]
    if isinstance(dz, SymbolicZero):
        return y, jnp.zeros_like(y)
    pull = y * dz
    return y, pull - y * jnp.sum(pull, axis=-1, keepdims=True)
