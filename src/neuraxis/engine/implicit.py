"""Derivative of a state at rest, by the implicit function theorem.

Where ∇E(x, a) = 0, a change da of the arguments changes the state by dx = −H⁻¹ ∂(∇E)/∂a da with H = ∇²E, however it was
reached. The linear system is solved by conjugate gradients, which need only products with H (Hestenes and Stiefel,
Journal of Research of the National Bureau of Standards 49:409, 1952), independently for each leading index.
"""

import math
from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Bool, Float, Int, PyTree

# Conjugate gradients need at most one product per entry of the state, more with rounding, and usually far fewer.
_MOST_PRODUCTS = 10_000

Lead = tuple[int, ...]


def dot(a: PyTree, b: PyTree, lead: Lead) -> Float[Array, "..."]:
    """Return the inner product of two states for each leading index, in float32 or higher precision."""

    def products(a, b):
        a, b = (leaf.astype(jnp.promote_types(leaf.dtype, jnp.float32)) for leaf in (a, b))
        return jnp.sum(a * b, axis=tuple(range(len(lead), a.ndim)))

    return sum(jax.tree.leaves(jax.tree.map(products, a, b)), jnp.zeros(lead, jnp.float32))


def along(factor: Array, leaf: Array) -> Array:
    """Reshape a value per leading index so that it broadcasts with a leaf of the state."""
    return factor.reshape(*factor.shape, *[1] * (leaf.ndim - factor.ndim))


def at_rest(
    gradient: Callable[[PyTree], PyTree],
    settle: Callable[[PyTree], tuple[PyTree, tuple[Int[Array, "..."], Bool[Array, "..."]]]],
    start: PyTree,
    lead: Lead,
) -> tuple[PyTree, Int[Array, "..."], Bool[Array, "..."]]:
    """Return x, steps and converged as found by `settle` from `start`, with the derivative that x has at rest.

    It is 0 with respect to the start, and NaN where the state has not settled or H is numerically singular.
    """

    def solve(_, start):
        x, rest = settle(start)
        return x, [part.astype(jnp.float32) for part in rest]  # `custom_root` cannot differentiate integers

    exact = jax.default_matmul_precision("float32")(gradient)  # by default GPUs round products to three digits
    x, (steps, converged) = lax.custom_root(exact, start, solve, lambda H, b: _solve(H, b, lead), has_aux=True)
    steps, converged = steps.astype(jnp.int32), converged > 0
    return _settled_only(x, start, converged), steps, converged


@jax.custom_jvp
def _settled_only(x: PyTree, start: PyTree, converged: Bool[Array, "..."]) -> PyTree:
    """Return x, but with NaN as the derivative of states that have not settled, also with respect to the start."""
    return x


@_settled_only.defjvp
def _settled_only_jvp(primals, tangents):
    x, _, converged = primals
    dx, dstart, _ = tangents

    def keep(dx, dstart):
        settled = jnp.broadcast_to(along(converged, dx), dx.shape)
        # A linear map with a custom transpose: a state that is excluded from a sum propagates 0 back instead of NaN.
        return lax.custom_linear_solve(
            lambda t: t,
            dx + jnp.where(settled, 0, dstart),
            lambda _, t: jnp.where(settled, t, jnp.nan),
            lambda _, t: jnp.where(settled | (t == 0), t, jnp.nan),
        )

    return x, jax.tree.map(keep, dx, dstart)


def _solve(product: Callable[[PyTree], PyTree], b: PyTree, lead: Lead) -> PyTree:
    """Solve Hu = b with H symmetric and `product(u)` = Hu."""
    return lax.custom_linear_solve(
        product, b, lambda product, b: _conjugate_gradients(product, b, lead), symmetric=True
    )


def _conjugate_gradients(product: Callable[[PyTree], PyTree], b: PyTree, lead: Lead) -> PyTree:
    """Solve Hu = b for each leading index; return NaN where the residual is not small."""
    leaves = jax.tree.leaves(b)
    precision = max(float(jnp.finfo(leaf.dtype).eps) for leaf in leaves)
    most = min(10 * sum(math.prod(leaf.shape[len(lead) :]) for leaf in leaves), _MOST_PRODUCTS)
    size = dot(b, b, lead)

    def add(u, factor, p):
        return jax.tree.map(lambda u, p: u + along(factor, u).astype(u.dtype) * p, u, p)

    def active(carry):
        return carry[3] > precision**1.5 * size

    def advance(carry):
        u, r, p, squares, count = carry
        goes_on, Hp = active(carry), product(p)
        length = jnp.where(goes_on, squares / dot(p, Hp, lead), 0)
        u, r = add(u, length, p), add(r, -length, Hp)
        left = dot(r, r, lead)
        return u, r, add(r, jnp.where(goes_on, left / squares, 0), p), left, count + 1

    start = (jax.tree.map(jnp.zeros_like, b), b, b, size, jnp.zeros((), jnp.int32))
    u, *_ = lax.while_loop(lambda carry: jnp.any(active(carry)) & (carry[4] < most), advance, start)
    residual = jax.tree.map(jnp.subtract, b, product(u))
    solved = dot(residual, residual, lead) <= precision * size  # a relative residual of √precision; false for NaN
    return jax.tree.map(lambda u: jnp.where(along(solved, u), u, jnp.nan), u)
