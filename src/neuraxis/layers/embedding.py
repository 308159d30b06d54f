"""Embedding of tokens."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float, Integer, PRNGKeyArray

from neuraxis import check


class Embedding(eqx.Module):
    """y = W_x, the row x of a table W: a linear layer for one-hot inputs.

    Inside `jit`, tokens out of range cannot be rejected, and give NaN.

    Args:
        tokens: number of different tokens, which are numbered from 0.
        size: number of features of y.
        key: random key for the table, drawn from a normal distribution of variance 1.

    Raises:
        InputError: for sizes that are not positive, or an x that does not hold integers from 0 to `tokens` − 1.

    Source: Bengio, Ducharme, Vincent and Jauvin, Journal of Machine Learning Research 3:1137 (2003).
    """

    weight: Float[Array, "token feature"]

    def __init__(self, tokens: int, size: int, *, key: PRNGKeyArray):
        check.whole(tokens=tokens, size=size)
        check.array_fits("tokens and size", (tokens, size))
        check.key(key)
        self.weight = jax.random.normal(key, (tokens, size))

    def __call__(self, x: Integer[ArrayLike, "..."], *, key: PRNGKeyArray | None = None) -> Float[Array, "... feature"]:
        """Map tokens (…) to (…, feature)."""
        return rows(self.weight, x)


def rows(table: Float[Array, "token feature"], x: Integer[ArrayLike, "..."]) -> Float[Array, "... feature"]:
    """Return the rows of a table with indices x (…); while JAX is tracing, indices out of range give NaN.

    Raises:
        InputError: for an x that does not hold integers from 0 to the number of rows − 1.
    """
    count = table.shape[0]
    check.indices(count, x=x)
    index = jnp.asarray(check.array("x", x))
    index = index.astype(jnp.promote_types(index.dtype, jnp.int32))
    # A negative index would count from the end.
    return table.at[jnp.where(index < 0, count, index)].get(mode="fill", fill_value=jnp.nan)
