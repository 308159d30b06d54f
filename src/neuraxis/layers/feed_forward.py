"""The feed-forward block of a Transformer."""

from collections.abc import Callable

import equinox as eqx
import jax
from jaxtyping import Array, ArrayLike, Float, Num, PRNGKeyArray

from neuraxis import check
from neuraxis.functions.activations import relu
from neuraxis.functions.initializers import Initializer, he_normal
from neuraxis.layers.linear import Linear


class FeedForward(eqx.Module):
    """y = σ(x W₁ + b₁) W₂ + b₂, applied at every position of a sequence.

    Args:
        size: number of features of x and y.
        hidden_size: number of hidden features, typically four times `size`.
        key: random key for the initial weights.
        activation: activation function σ.
        initializer: initializer of the weights.
        bias: whether to add b₁ and b₂.

    Raises:
        InputError: for sizes that are not positive, an activation that is not a function, or an x whose last axis is
            not `size`.

    Source: Vaswani et al., Advances in Neural Information Processing Systems (2017), section 3.3.
    """

    up: Linear
    down: Linear
    activation: Callable = eqx.field(static=True)

    def __init__(
        self,
        size: int,
        hidden_size: int,
        *,
        key: PRNGKeyArray,
        activation: Callable = relu,
        initializer: Initializer = he_normal,
        bias: bool = True,
    ):
        check.whole(size=size, hidden_size=hidden_size)
        check.key(key)
        check.functions(activation=activation)
        first, second = jax.random.split(key)
        self.up = Linear(size, hidden_size, key=first, initializer=initializer, bias=bias)
        self.down = Linear(hidden_size, size, key=second, initializer=initializer, bias=bias)
        self.activation = activation

    def __call__(self, x: Num[ArrayLike, "..."], *, key: PRNGKeyArray | None = None) -> Float[Array, "... size"]:
        """Map (…, size) to (…, size)."""
        return self.down(self.activation(self.up(x)))
