"""Elman's recurrent network."""

from collections.abc import Callable

import equinox as eqx
import jax
from jaxtyping import Array, ArrayLike, Float, Num, PRNGKeyArray

from neuraxis import check
from neuraxis.engine import unroll
from neuraxis.functions.activations import tanh
from neuraxis.functions.initializers import scaled_normal
from neuraxis.layers import Linear
from neuraxis.recurrent.state import as_state, zero_state


class RNN(eqx.Module):
    """h_i = σ(x_i U + h_(i−1) W + b), both state and output.

    A dynamics in discrete time, and a map from sequences (…, time, in) to (…, time, hidden). A readout
    z_i = h_i V + c is a further layer: `Chain(RNN(2, 32, key=key), Linear(32, 1, key=key))`.

    U and W are initialised to normal values of variance 1/(number of inputs), b to zero.

    Args:
        in_size: number of features of x.
        hidden_size: number of features of h.
        key: random key for the initial weights.
        activation: activation function σ.

    Raises:
        InputError: for sizes that are not positive, an activation that is not a function, or an x or state of another
            size.

    Source: J. L. Elman, Finding structure in time, Cognitive Science 14:179 (1990).
    """

    input: Linear
    """Input weights U (in, hidden) and biases b (hidden)."""
    recurrent: Linear
    """Recurrent weights W (hidden, hidden)."""
    activation: Callable = eqx.field(static=True)

    def __init__(self, in_size: int, hidden_size: int, *, key: PRNGKeyArray, activation: Callable = tanh):
        check.whole(in_size=in_size, hidden_size=hidden_size)
        check.key(key)
        check.functions(activation=activation)
        key_U, key_W = jax.random.split(key)
        draw = scaled_normal(1.0)
        self.input = Linear(in_size, hidden_size, key=key_U, initializer=draw)
        self.recurrent = Linear(hidden_size, hidden_size, key=key_W, bias=False, initializer=draw)
        self.activation = activation

    @property
    def hidden_size(self) -> int:
        """Number of features of h."""
        return len(self.recurrent.weight)

    def __call__(
        self, x: Num[ArrayLike, "... time in"], state: ArrayLike | None = None, *, key: PRNGKeyArray | None = None
    ) -> Float[Array, "... time hidden"]:
        """Map sequences of x to sequences of h, starting from h_0 = `state`, or 0."""
        return unroll(self, x, state)[0]

    def init_state(self, input_shape: tuple[int, ...]) -> Float[Array, "... hidden"]:
        """Return h = 0."""
        return zero_state(self.input, self.hidden_size, input_shape)

    def project(self, x: Num[ArrayLike, "... in"]) -> Float[Array, "... hidden"]:
        """Return x U + b, which `simulate` computes for all steps at once."""
        return self.input(x)

    def step(
        self, state: Float[ArrayLike, "... hidden"], projected: Float[Array, "... hidden"], dt: ArrayLike = 1.0
    ) -> tuple[Array, Array]:
        """Take a step, where `projected` is x U + b; state and output are h."""
        h = self.activation(projected + self.recurrent(as_state(state, (*projected.shape[:-1], self.hidden_size))))
        return h, h
