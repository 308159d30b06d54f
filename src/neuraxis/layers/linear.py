"""The linear layer."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float, Num, PRNGKeyArray

from neuraxis import check
from neuraxis.functions.initializers import Initializer, he_normal


class Linear(eqx.Module):
    """z = x W + b, with W of shape (in, out).

    Args:
        in_size: number of features of x.
        out_size: number of features of z.
        key: random key for the initial weights; the bias is initialised to zero.
        initializer: initializer of the weights; by default that of He et al. (2015), which suits ReLU.
        bias: whether to add b; without it, the field `bias` is None.

    Raises:
        InputError: for sizes that are not positive or need more memory than there is, or an x whose last axis is not
            `in_size`.
    """

    weight: Float[Array, "in out"]
    bias: Float[Array, " out"] | None

    def __init__(
        self,
        in_size: int,
        out_size: int,
        *,
        key: PRNGKeyArray,
        initializer: Initializer = he_normal,
        bias: bool = True,
    ):
        check.whole(in_size=in_size, out_size=out_size)
        check.array_fits("in_size and out_size", (in_size, out_size))
        check.key(key)
        check.functions(initializer=initializer)
        check.boolean(bias=bias)
        self.weight = initializer(key, (in_size, out_size))
        self.bias = jnp.zeros(out_size) if bias else None

    def __call__(self, x: Num[ArrayLike, "..."], *, key: PRNGKeyArray | None = None) -> Float[Array, "... out"]:
        """Map (…, in) to (…, out)."""
        in_size, out_size = self.weight.shape
        floats = check.floats("x", x)
        check.last_axis(in_size, x=floats)
        # One matrix product: XLA's gradient of a product with more axes makes copies and leaves the fast path.
        flat = jnp.reshape(floats, (-1, in_size)) @ self.weight
        flat = flat if self.bias is None else flat + self.bias
        return flat.reshape(*floats.shape[:-1], out_size)
