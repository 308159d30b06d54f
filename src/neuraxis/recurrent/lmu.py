"""The Legendre memory unit: a recurrent layer that stores the last θ steps in a fixed linear system."""

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, ArrayLike, Float, Num, PRNGKeyArray

from neuraxis import check
from neuraxis.engine import unroll
from neuraxis.errors import InputError
from neuraxis.functions.activations import relu
from neuraxis.functions.causal_convolution import causal_convolve
from neuraxis.functions.initializers import scaled_normal
from neuraxis.layers import Linear
from neuraxis.recurrent.legendre_memory import LegendreMemory, as_sequences
from neuraxis.recurrent.state import as_state


class LMU(eqx.Module):
    """u_t = x_t U + b_u,   m_t = m_(t−1) Ā + u_t B̄,   h_t = φ(x_t V + m_t W + b).

    The memory m is the state, and holds the last θ steps of each channel of u as q coefficients (`LegendreMemory`,
    which is not trained); the output h is a function of m and x. As in the parallel form of Chilkuri and Eliasmith, u
    does not depend on h, so m W is a convolution of u. As a map, the LMU convolves whole sequences with the product of
    impulse response and W, which avoids storing m for all steps. As a dynamics, it proceeds step by step, with the same
    result.

    Args:
        in_size: number of features of x.
        hidden_size: number of features of h.
        order: number of coefficients q per channel.
        theta: length θ of the memory [steps].
        key: random key for the initial weights, with variance 1/(number of inputs); biases are initialised to zero.
        channels: number of channels of u.
        activation: activation function φ.

    Raises:
        InputError: for sizes, orders or a theta that are not integers ≥ 1, an activation that is not a function, an x
            that is of another size or not finite, or a state of another shape.

    Source: A. R. Voelker, I. Kajić and C. Eliasmith, NeurIPS (2019), without its feedback from h and m to u; N. R.
    Chilkuri and C. Eliasmith, Parallelizing Legendre memory unit training, ICML (2021), equations 18 to 20 and 26.
    """

    encoder: Linear
    """Weights U and biases b_u of the memory's input."""
    memory: LegendreMemory
    input: Linear
    """Weights V of the input, and biases b."""
    readout: Linear
    """Weights W of the memory (channels q, hidden)."""
    activation: Callable = eqx.field(static=True)

    def __init__(
        self,
        in_size: int,
        hidden_size: int,
        *,
        order: int,
        theta: int,
        key: PRNGKeyArray,
        channels: int = 1,
        activation: Callable = relu,
    ):
        check.whole(in_size=in_size, hidden_size=hidden_size, channels=channels)
        check.key(key)
        check.functions(activation=activation)
        self.memory = LegendreMemory(order, theta)
        keys, draw = jax.random.split(key, 3), scaled_normal(1.0)
        self.encoder = Linear(in_size, channels, key=keys[0], initializer=draw)
        self.input = Linear(in_size, hidden_size, key=keys[1], initializer=draw)
        self.readout = Linear(channels * order, hidden_size, key=keys[2], initializer=draw, bias=False)
        self.activation = activation

    def __call__(
        self, x: Num[ArrayLike, "... time in"], state: ArrayLike | None = None, *, key: PRNGKeyArray | None = None
    ) -> Float[Array, "... time hidden"]:
        """Map sequences of x to sequences of h, starting from m_0 = `state`, or 0."""
        return unroll(self, x, state)[0]

    def init_state(self, input_shape: tuple[int, ...]) -> Float[Array, "... channel q"]:
        """Return m = 0."""
        channels = jax.eval_shape(self.encoder, jax.ShapeDtypeStruct(check.broadcast(input_shape), float)).shape
        return self.memory.init_state(channels)

    def project(self, x: Num[ArrayLike, "... in"]) -> tuple[Array, Array]:
        """Return u and x V + b, which `simulate` computes for all steps at once."""
        return self.encoder(x), self.input(x)

    def step(
        self, state: Float[ArrayLike, "... channel q"], projected: tuple[Array, Array], dt: ArrayLike = 1.0
    ) -> tuple[Array, Array]:
        """Take a step, where `projected` is u and x V + b; the state is m, the output h."""
        u, seen = projected
        m, _ = self.memory.step(state, u)
        return m, self._output(seen, m)

    def unroll(self, x: Num[ArrayLike, "... time in"], state: ArrayLike | None = None) -> tuple[Array, Array]:
        """Return h after every step, and m after the last one, for all steps at once."""
        inputs = as_sequences(x, "x", "in")
        u, seen = self.project(inputs)
        weight = self.readout.weight.reshape(u.shape[-1], self.memory.order, -1)
        # Convolution with the impulse response, followed by W, is a single convolution.
        response = jnp.einsum("kq,cqf->kcf", self.memory.impulse_response(u), weight, precision=lax.Precision.HIGHEST)
        remembered, last = causal_convolve(u, response), self.memory.after(u)
        if state is not None:
            first = as_state(state, last.shape)
            free = self.memory.free(first, inputs.shape[-2])
            remembered = remembered + jnp.einsum("...ctq,cqf->...tf", free, weight)
            last = last + free[..., -1, :] if free.shape[-2] else first
        return self.activation(seen + remembered), last

    def last(self, x: Num[ArrayLike, "... time in"]) -> Float[Array, "... hidden"]:
        """Return h after the last step only, starting from m_0 = 0, by one product over all steps."""
        inputs = as_sequences(x, "x", "in")
        if not inputs.shape[-2]:
            raise InputError(f"x must contain at least one step, but has shape {inputs.shape}")
        u, seen = self.encoder(inputs), self.input(inputs[..., -1, :])
        return self._output(seen, self.memory.after(u))

    def _output(self, seen: Array, m: Array) -> Array:
        return self.activation(seen + self.readout(m.reshape(*m.shape[:-2], -1)))
