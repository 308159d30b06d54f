"""The Legendre memory: the last θ steps of a signal, as coefficients of Legendre polynomials."""

from functools import cache, lru_cache

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, ArrayLike, Float, Num, PRNGKeyArray

from neuraxis import check
from neuraxis.engine import unroll
from neuraxis.errors import InputError
from neuraxis.functions.causal_convolution import causal_convolve
from neuraxis.functions.legendre import legendre_delay, zero_order_hold
from neuraxis.functions.linear_scan import matrix_scan
from neuraxis.recurrent.state import as_state


class LegendreMemory(eqx.Module):
    """m_t = m_(t−1) Ā + u_t B̄, the Legendre delay in steps: q coefficients for the last θ steps of each channel of u.

    A dynamics in discrete time whose state and output is m, (…, channel, q), and a map from sequences (…, time,
    channel) to (…, time, channel, q). `neuraxis.functions.legendre_readout` decodes the past signal:
    u_(t − rθ) ≈ m_t · C(r). Nothing in it is trained.

    As a map, it convolves with the impulse response B̄ Ā^k by fast Fourier transform. Ā is not diagonalised, since its
    eigenvectors are nearly parallel: cancellation would lose a factor of 10⁶ in precision in 12 dimensions.

    Args:
        order: number of coefficients q.
        theta: delay θ [steps].

    Raises:
        InputError: for an order or theta that is not an integer ≥ 1, inputs that are not finite, or a state of another
            shape.

    Source: Voelker, Kajić & Eliasmith, NeurIPS (2019).
    """

    order: int = eqx.field(static=True)
    theta: int = eqx.field(static=True)

    def __check_init__(self):
        check.whole(order=self.order, theta=self.theta)
        check.memory(f"order must be smaller: a matrix of {self.order}×{self.order}", 24.0 * self.order**2)

    def __call__(
        self, u: Num[ArrayLike, "... time channel"], state: ArrayLike | None = None, *, key: PRNGKeyArray | None = None
    ) -> Float[Array, "... time channel q"]:
        """Map sequences of u to m_1 … m_T, starting from m_0 = `state`, or 0."""
        return unroll(self, u, state)[0]

    def init_state(self, input_shape: tuple[int, ...]) -> Float[Array, "... channel q"]:
        """Return m = 0."""
        return jnp.zeros((*check.broadcast(input_shape), self.order))

    def step(
        self, state: Float[ArrayLike, "... channel q"], u: Num[ArrayLike, "... channel"], dt: ArrayLike = 1.0
    ) -> tuple[Array, Array]:
        """Take a step; state and output are m."""
        inputs = check.floats("u", u)
        m = as_state(state, (*inputs.shape, self.order))
        matrix, vector = (jnp.asarray(part, m.dtype) for part in _discretised(self.order, self.theta))
        m = _product(m, matrix) + inputs[..., None] * vector
        return m, m

    def unroll(self, u: Num[ArrayLike, "... time channel"], state: ArrayLike | None = None) -> tuple[Array, Array]:
        """Return m after every step, and after the last one, by convolution."""
        inputs = as_sequences(u, "u", "channel")
        each = jnp.moveaxis(inputs, -1, -2)[..., None]  # each channel is a separate sequence
        m = causal_convolve(each, self.impulse_response(inputs)[:, None])
        if state is not None:
            m = m + self.free(as_state(state, (*m.shape[:-2], self.order)), inputs.shape[-2])
        last = m[..., -1, :] if m.shape[-2] else self._first(m, state)
        return jnp.moveaxis(m, -3, -2), last

    def after(self, u: Float[Array, "... time channel"]) -> Float[Array, "... channel q"]:
        """Return only m_T, starting from m_0 = 0, by one product over all steps."""
        response = self.impulse_response(u)[::-1]
        return jnp.einsum("...tc,tq->...cq", u, response, precision=lax.Precision.HIGHEST)

    def free(self, m: Float[Array, "... q"], steps: int) -> Float[Array, "... time q"]:
        """Return m Ā^t for t = 1 … steps, the evolution of a memory without input."""
        matrix, _ = _discretised(self.order, self.theta)
        return matrix_scan(jnp.asarray(matrix, m.dtype), jnp.zeros((*m.shape[:-1], steps, self.order), m.dtype), m)

    def impulse_response(self, u: Float[Array, "... time channel"]) -> Float[Array, "time q"]:
        """Return B̄ Ā^k for k = 0 … T − 1, of the length and dtype of u."""
        response = jnp.asarray(_impulse_response(self.order, self.theta, u.shape[-2]), u.dtype)
        return lax.optimization_barrier(response)  # keeps XLA from slow constant folding at compile time

    def _first(self, m: Array, state: ArrayLike | None) -> Array:
        shape = (*m.shape[:-2], self.order)
        return jnp.zeros(shape, m.dtype) if state is None else as_state(state, shape)


def as_sequences(x: ArrayLike, name: str, feature: str) -> Float[Array, "... time feature"]:
    """Return sequences as floats.

    Raises:
        InputError: for an x without a time axis, or that is not finite.
    """
    sequences = check.floats(name, x)
    check.finite(**{name: sequences})
    if sequences.ndim < 2:
        raise InputError(f"{name} must have shape (…, time, {feature}), but has shape {sequences.shape}")
    return sequences


@cache
def _discretised(order: int, theta: int) -> tuple[np.ndarray, np.ndarray]:
    """Return Ā and B̄ for one step, for m as a row vector, in double precision."""
    matrix, vector = zero_order_hold(*legendre_delay(order, theta), 1.0)
    return matrix.T, vector


@lru_cache(maxsize=8)
def _impulse_response(order: int, theta: int, steps: int) -> np.ndarray:
    """Return B̄ Ā^k in double precision, in O(log steps) products: Ā^n maps the first n terms to the next n."""
    power, vector = _discretised(order, theta)
    response = vector[None]
    while len(response) < steps:
        response, power = np.concatenate([response, response @ power]), power @ power
    return response[:steps]


def _product(m: Array, matrix: Array) -> Array:
    return jnp.matmul(m, matrix, precision=lax.Precision.HIGHEST)  # TF32 errors would accumulate over the steps
