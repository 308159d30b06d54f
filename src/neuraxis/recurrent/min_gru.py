"""The minimal gated recurrent unit."""

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float, Num, PRNGKeyArray

from neuraxis import check
from neuraxis.errors import InputError
from neuraxis.functions.activations import identity, logistic
from neuraxis.functions.initializers import scaled_normal
from neuraxis.functions.linear_scan import linear_scan
from neuraxis.layers import Linear


class MinGRU(eqx.Module):
    """g_t = σ(x_t W_g + b_g); h̃_t = φ(x_t W + b); h_t = (1 − g_t) ⊙ h_{t−1} + g_t ⊙ h̃_t, with the logistic function σ.

    Gate g and candidate h̃ depend on the input alone, unlike a GRU's. So all of them are had at once, by two products,
    and h follows by a linear scan: step by step (as a dynamics, by `simulate`), or for whole sequences (as a map,
    `model(x)`, or `unroll` from any h_0), where the devices that can do so take O(log T) rounds. Both ways give the
    same. As 1 − g lies between 0 and 1, a state is a weighted mean of candidates and of h_0, and stays stable for
    any length. But what is remembered cannot decide what is remembered next: for that, several layers are stacked.

    Args:
        in_size: features of x.
        hidden_size: features of h.
        key: seed of the weights, drawn with variance 1/in; the biases begin at 0.
        activation: φ, of the candidate; by default none, h̃ = xW + b, as in the paper's minGRU. Its variant for sums of
            logarithms takes a positive one, which has no use here.

    Raises:
        InputError: for sizes that are not positive, an activation that is no function, inputs whose last axis is not
            `in_size`, or a state that does not fit them.

    Source: Feng, Tung, Ahmed, Bengio and Hajimirsadeghi, Were RNNs all we needed?, arXiv:2410.01201 (2024), section 3.1.
    """

    gate: Linear
    candidate: Linear
    activation: Callable = eqx.field(static=True)

    def __init__(self, in_size: int, hidden_size: int, *, key: PRNGKeyArray, activation: Callable = identity):
        check.whole(in_size=in_size, hidden_size=hidden_size)
        check.key(key)
        check.functions(activation=activation)
        key_gate, key_candidate = jax.random.split(key)
        self.gate = Linear(in_size, hidden_size, key=key_gate, initializer=scaled_normal(1.0))
        self.candidate = Linear(in_size, hidden_size, key=key_candidate, initializer=scaled_normal(1.0))
        self.activation = activation

    def __call__(
        self, x: Num[ArrayLike, "... time in"], *, key: PRNGKeyArray | None = None
    ) -> Float[Array, "... time hidden"]:
        """Map (…, time, in) to h_1 … h_T, (…, time, hidden), from h_0 = 0."""
        return self.unroll(x)[0]

    def unroll(
        self, x: Num[ArrayLike, "... time in"], state: Num[ArrayLike, "..."] | None = None
    ) -> tuple[Float[Array, "... time hidden"], Float[Array, "... hidden"]]:
        """Give h_1 … h_T and h_T, from the state h_0, (…, hidden); None is 0."""
        x = check.floats("x", x)
        if x.ndim < 2:
            raise InputError(f"x must have shape (…, time, {self.gate.weight.shape[0]}), but has shape {x.shape}")
        a, b = self.project(x)
        shape = (*b.shape[:-2], b.shape[-1])
        first = jnp.zeros(shape, b.dtype) if state is None else check.floats("state", state)
        check.fits(shape, state=first)
        h = linear_scan(a, b, first)
        return h, h[..., -1, :] if h.shape[-2] else jnp.broadcast_to(first, shape)

    def init_state(self, input_shape: tuple[int, ...]) -> Float[Array, "... hidden"]:
        """Start from h_0 = 0, for inputs (…, in)."""
        in_size, hidden_size = self.gate.weight.shape
        shape = check.broadcast(input_shape)
        if not shape or shape[-1] != in_size:
            raise InputError(f"inputs must have shape (…, {in_size}), but have shape {shape}")
        return jnp.zeros((*shape[:-1], hidden_size))

    def project(
        self, inputs: Num[ArrayLike, "... in"]
    ) -> tuple[Float[Array, "... hidden"], Float[Array, "... hidden"]]:
        """Give 1 − g and g ⊙ h̃, for inputs with any leading axes."""
        g = logistic(self.gate(inputs))
        return 1 - g, g * self.activation(self.candidate(inputs))

    def step(
        self,
        state: Float[Array, "... hidden"],
        input: tuple[Float[Array, "... hidden"], Float[Array, "... hidden"]],
        dt: ArrayLike = 1.0,
    ) -> tuple[Float[Array, "... hidden"], Float[Array, "... hidden"]]:
        """Take a step under what `project` gives; state and output are h. Time is counted in steps, whatever dt is."""
        a, b = input
        h = a * state + b
        return h, h
