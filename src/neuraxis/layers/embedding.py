"""Embedding of tokens."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float, Integer, PRNGKeyArray

from neuraxis import check


class Embedding(eqx.Module):
    """y = the row of a table that belongs to a token: a linear layer for inputs that are 1 at one place and else 0.

    Tokens out of range, which cannot be refused inside of `jit`, give NaN there.

    Args:
        tokens: how many different ones there are; they are numbered from 0.
        size: features of y.
        key: seed of the table, drawn from a normal distribution of variance 1.

    Raises:
        InputError: for numbers that are not positive, or x that are not integers from 0 to `tokens` − 1.

    Source: Bengio, Ducharme, Vincent and Jauvin, Journal of Machine Learning Research 3:1137 (2003).
    """

    weight: Float[Array, "token feature"]

    def __init__(self, tokens: int, size: int, *, key: PRNGKeyArray):
        check.whole(tokens=tokens, size=size)
        check.key(key)
        self.weight = jax.random.normal(key, (tokens, size))

    def __call__(self, x: Integer[ArrayLike, "..."], *, key: PRNGKeyArray | None = None) -> Float[Array, "... feature"]:
        """Map tokens (…) to (…, feature)."""
        return rows(self.weight, x)


def rows(table: Float[Array, "token feature"], x: Integer[ArrayLike, "..."]) -> Float[Array, "... feature"]:
    """Return the rows of a table that belong to x (…); where JAX is tracing, NaN for numbers out of range.

    Raises:
        InputError: for x that are not integers from 0 to the number of rows − 1.
    """
    count = table.shape[0]
    check.indices(count, x=x)
    index = jnp.asarray(check.array("x", x))
    index = index.astype(jnp.promote_types(index.dtype, jnp.int32))
    # A negative index would count from the end.
    return table.at[jnp.where(index < 0, count, index)].get(mode="fill", fill_value=jnp.nan)
