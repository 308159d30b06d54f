"""The gated recurrent unit."""

import math

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float, Num, PRNGKeyArray

from neuraxis import check
from neuraxis.engine import unroll
from neuraxis.functions.initializers import scaled_normal
from neuraxis.layers import Linear
from neuraxis.recurrent.gru_scan import advance, gru_scan
from neuraxis.recurrent.state import as_state, zero_state


class GRU(eqx.Module):
    """h ← g ⊙ h̃ + (1 − g) ⊙ h, with an update gate g, and a candidate h̃ that depends on h through a reset gate r.

        g = σ(x U_g + h W_g + b_g)     r = σ(x U_r + h W_r + b_r)     h̃ = tanh(x U + (h ⊙ r) W + b)

    A dynamics in discrete time whose state and output is h, and a map from sequences (…, time, in) to (…, time,
    hidden). `ResetAfterGRU` has the form, and the weights, of PyTorch and cuDNN.

    Weights are initialised to normal values of variance 1/(number of inputs), biases to zero.

    Args:
        in_size: number of features of x.
        hidden_size: number of features of h.
        key: random key for the initial weights.

    Raises:
        InputError: for sizes that are not positive, or an x or state of another size.

    Source: K. Cho et al., Learning phrase representations using RNN encoder–decoder for statistical machine
    translation, EMNLP (2014), where z is 1 − g.
    """

    input: Linear
    """Concatenated input weights U_g, U_r and U (in, 3 hidden), and biases (3 hidden)."""
    gates: Linear
    """Concatenated recurrent weights W_g and W_r (hidden, 2 hidden)."""
    candidate: Linear
    """Recurrent weights W of the candidate (hidden, hidden)."""

    def __init__(self, in_size: int, hidden_size: int, *, key: PRNGKeyArray):
        check.whole(in_size=in_size, hidden_size=hidden_size)
        check.key(key)
        keys, draw = jax.random.split(key, 3), scaled_normal(1.0)
        self.input = Linear(in_size, 3 * hidden_size, key=keys[0], initializer=draw)
        self.gates = Linear(hidden_size, 2 * hidden_size, key=keys[1], bias=False, initializer=draw)
        self.candidate = Linear(hidden_size, hidden_size, key=keys[2], bias=False, initializer=draw)

    @property
    def hidden_size(self) -> int:
        """Number of features of h."""
        return len(self.candidate.weight)

    def __call__(
        self, x: Num[ArrayLike, "... time in"], state: ArrayLike | None = None, *, key: PRNGKeyArray | None = None
    ) -> Float[Array, "... time hidden"]:
        """Map sequences of x to sequences of h, starting from h_0 = `state`, or 0."""
        return unroll(self, x, state)[0]

    def init_state(self, input_shape: tuple[int, ...]) -> Float[Array, "... hidden"]:
        """Return h = 0."""
        return zero_state(self.input, self.hidden_size, input_shape)

    def project(self, x: Num[ArrayLike, "... in"]) -> Float[Array, "... three_hidden"]:
        """Return x U + b for g, r and h̃, which `simulate` computes for all steps at once."""
        return self.input(x)

    def step(
        self, state: Float[ArrayLike, "... hidden"], projected: Float[Array, "... three_hidden"], dt: ArrayLike = 1.0
    ) -> tuple[Array, Array]:
        """Take a step, where `projected` is x U + b; state and output are h."""
        h = as_state(state, (*projected.shape[:-1], self.hidden_size))
        h, _, _ = advance(h, projected, self.gates.weight, self.candidate.weight)
        return h, h

    def unroll(self, x: Num[ArrayLike, "... time in"], state: ArrayLike | None) -> tuple[Array, Array]:
        """Return h after every step, and after the last one, with a faster gradient than that of `simulate`.

        It supports reverse-mode differentiation only; `simulate` also supports `jax.jvp`.
        """
        inputs = check.floats("x", x)
        *lead, steps, in_size = inputs.shape
        shape = (*lead, self.hidden_size)
        h = self.init_state((*lead, in_size)) if state is None else as_state(state, shape)
        check.finite(x=inputs, state=h)
        z = self.input(jnp.moveaxis(inputs.reshape(math.prod(lead), steps, in_size), 1, 0))
        first = h.reshape(-1, self.hidden_size).astype(z.dtype)
        after = gru_scan(first, z, self.gates.weight, self.candidate.weight)
        last = after[-1] if steps else first
        return jnp.moveaxis(after, 0, 1).reshape(*lead, steps, self.hidden_size), last.reshape(shape)
