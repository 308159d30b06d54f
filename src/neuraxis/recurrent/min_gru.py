"""The minimal gated recurrent unit."""

from collections.abc import Callable

import equinox as eqx
import jax
from jaxtyping import Array, ArrayLike, Float, Num, PRNGKeyArray

from neuraxis import check
from neuraxis.engine import unroll
from neuraxis.errors import InputError
from neuraxis.functions.activations import identity, logistic
from neuraxis.functions.initializers import scaled_normal
from neuraxis.functions.linear_scan import linear_scan
from neuraxis.layers import Linear
from neuraxis.recurrent.state import as_state, zero_state

Coefficients = tuple[Float[Array, "... hidden"], Float[Array, "... hidden"]]


class MinGRU(eqx.Module):
    """h_t = (1 − g_t) ⊙ h_{t−1} + g_t ⊙ h̃_t, where neither the gate nor the candidate depends on the state.

        g_t = σ(x_t W_g + b_g)     h̃_t = φ(x_t W + b)

    All gates and candidates therefore follow from two products, and h from a linear scan: step by step as a dynamics,
    by `simulate`, or over whole sequences as a map, in O(log T) rounds on devices that support it. Both give the same
    result. Since g lies between 0 and 1, h is a weighted mean of the candidates and h_0, and stable at any length.
    However, the state cannot influence what is stored next; this requires several stacked layers.

    Args:
        in_size: number of features of x.
        hidden_size: number of features of h.
        key: random key for the initial weights, with variance 1/in; biases are initialised to zero.
        activation: activation function φ of the candidate; by default the identity, h̃ = xW + b, as in the paper's
            minGRU. The positive function of its log-space variant is not needed here.

    Raises:
        InputError: for sizes that are not positive, an activation that is not a function, inputs whose last axis is not
            `in_size` or that are not finite, or a state of another size.

    Source: L. Feng et al., Were RNNs all we needed?, arXiv:2410.01201 (2024), section 3.1.
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

    @property
    def hidden_size(self) -> int:
        """Number of features of h."""
        return self.gate.weight.shape[1]

    def __call__(
        self, x: Num[ArrayLike, "... time in"], state: ArrayLike | None = None, *, key: PRNGKeyArray | None = None
    ) -> Float[Array, "... time hidden"]:
        """Map sequences of x to h_1 … h_T, starting from h_0 = `state`, or 0."""
        return unroll(self, x, state)[0]

    def init_state(self, input_shape: tuple[int, ...]) -> Float[Array, "... hidden"]:
        """Return h = 0."""
        return zero_state(self.gate, self.hidden_size, input_shape)

    def project(self, x: Num[ArrayLike, "... in"]) -> Coefficients:
        """Return 1 − g and g ⊙ h̃, which are computed for all steps at once."""
        g = logistic(self.gate(x))
        return 1 - g, g * self.activation(self.candidate(x))

    def step(
        self, state: Float[ArrayLike, "... hidden"], projected: Coefficients, dt: ArrayLike = 1.0
    ) -> tuple[Array, Array]:
        """Take a step, where `projected` is 1 − g and g ⊙ h̃; state and output are h."""
        a, b = projected
        h = a * as_state(state, b.shape) + b
        return h, h

    def unroll(self, x: Num[ArrayLike, "... time in"], state: ArrayLike | None = None) -> tuple[Array, Array]:
        """Return h after every step, and after the last one, by a linear scan."""
        inputs = check.floats("x", x)
        check.finite(x=inputs)
        if inputs.ndim < 2:
            raise InputError(f"x must have shape (…, time, in), but has shape {inputs.shape}")
        *lead, steps, in_size = inputs.shape
        first = self.init_state((*lead, in_size)) if state is None else as_state(state, (*lead, self.hidden_size))
        h = linear_scan(*self.project(inputs), first)
        return h, h[..., -1, :] if steps else first
