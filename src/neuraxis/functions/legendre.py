"""The Legendre delay: a linear system of q dimensions that remembers the last θ of a signal.

An ideal delay of θ is infinite-dimensional. Its Padé approximation of order [q − 1/q] is the system

    dm/dt = A m + B u,   A_ij = (2i + 1)/θ · (−1 if i < j, else (−1)^(i−j+1)),   B_i = (2i + 1)/θ · (−1)^i,

with i, j = 0 … q − 1, whose state m represents the last θ of u by the coefficients of shifted Legendre polynomials P_i,

    u(t − θ′) ≈ Σ_i P_i(2θ′/θ − 1) m_i(t)   for any 0 ≤ θ′ ≤ θ.

Everything is computed in double precision on the host, because entries of A of the order of q/θ nearly cancel in m.

Source: A. R. Voelker, I. Kajić and C. Eliasmith, Legendre memory units: continuous-time representation in recurrent
neural networks, NeurIPS (2019), equations 1 to 3.
"""

import numpy as np
from jax.core import Tracer
from jaxtyping import ArrayLike, Float

from neuraxis import check
from neuraxis.errors import InputError


def legendre_delay(order: int, theta: ArrayLike) -> tuple[Float[np.ndarray, "q q"], Float[np.ndarray, " q"]]:
    """Return A and B of the delay dm/dt = A m + B u, for a column vector m.

    Args:
        order: number of dimensions q; frequencies up to f need about q > 2 θ f.
        theta: delay θ, in any unit of time [ms].

    Returns:
        A and B, in units of 1/θ [1/ms].

    Raises:
        InputError: for an order that is not an integer ≥ 1, or a theta that is not one positive number.
    """
    check.whole(order=order)
    theta = _known(theta=theta)
    check.memory(f"order must be smaller: a matrix of {order}×{order}", 8 * order**2)
    i = np.arange(order)
    sign = np.where(i[:, None] < i, -1.0, (-1.0) ** (i[:, None] - i + 1))
    return (2 * i[:, None] + 1) * sign / theta, (2 * i + 1) * (-1.0) ** i / theta


def zero_order_hold(
    A: Float[ArrayLike, "q q"], B: Float[ArrayLike, " q"], dt: ArrayLike
) -> tuple[Float[np.ndarray, "q q"], Float[np.ndarray, " q"]]:
    """Return Ā and B̄ of m_t = Ā m_(t−1) + B̄ u_t, which is exact if u is constant during each step.

    They are the blocks of the matrix exponential exp(dt [A B; 0 0]) = [Ā B̄; 0 1].

    Args:
        A: matrix A of dm/dt = A m + B u.
        B: vector B of the same equation.
        dt: time step, in the unit of time of A and B.

    Raises:
        InputError: for shapes that do not fit, numbers that are not finite, or a dt that is not one positive number.
    """
    from scipy.linalg import expm

    dt = _known(dt=dt)
    A, B = _doubles(A=A), _doubles(B=B)
    if B.ndim != 1 or A.shape != 2 * B.shape:
        raise InputError(f"A and B must have shapes (q, q) and (q,), but have {A.shape} and {B.shape}")
    order = len(B)
    both = np.zeros((order + 1, order + 1))
    both[:order, :order], both[:order, order] = A, B
    both = expm(dt * both)
    return both[:order, :order], both[:order, order]


def legendre_readout(order: int, delays: ArrayLike) -> Float[np.ndarray, "... q"]:
    """Return C(r) = (P_0(2r − 1), …, P_(q−1)(2r − 1)), with which u(t − rθ) ≈ m · C(r).

    Args:
        order: number of dimensions q.
        delays: r = θ′/θ, fractions of the delay from 0 (now) to 1 (the oldest value remembered), any shape.

    Raises:
        InputError: for an order that is not an integer ≥ 1, or delays outside [0, 1].
    """
    check.whole(order=order)
    delays = _doubles(delays=delays)
    if not np.all((delays >= 0) & (delays <= 1)):
        raise InputError(
            f"delays must be fractions of θ from 0 to 1, but range from {delays.min():g} to {delays.max():g}"
        )
    return np.polynomial.legendre.legvander(2 * delays - 1, order - 1).reshape(*delays.shape, order)


def _known(**named: ArrayLike) -> float:
    """Return one positive number."""
    check.positive(**named)
    check.one_number(**named)
    return float(_doubles(**named))


def _doubles(**named: ArrayLike) -> Float[np.ndarray, "..."]:
    """Return finite concrete numbers in double precision."""
    ((name, value),) = named.items()
    if isinstance(value, Tracer):
        raise InputError(
            f"{name} must be a concrete value, because the matrices of the Legendre delay are computed in double "
            f"precision on the host, but is being traced by JAX"
        )
    check.finite(**named)
    return np.asarray(value if isinstance(value, float | int) else check.array(name, value), float)
