"""Let any energy settle: the only descent over a state in neuraxis."""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Bool, Float, Int, PyTree

from neuraxis import check
from neuraxis.errors import InputError


class Relaxed(eqx.Module):
    """Where a relaxation ended; every field but `x` holds one value per leading index of the energy."""

    x: PyTree
    energy: Float[Array, "..."]  # of `x`
    steps: Int[Array, "..."]  # taken until it stood still or was stopped
    converged: Bool[Array, "..."]  # whether the gradient passed the stopping test


def relax(
    energy: Callable[[Any], Array],
    x: PyTree,
    *,
    step_size: float | Array,
    rtol: float = 1e-5,
    atol: float = 1e-6,
    max_steps: int = 10_000,
) -> Relaxed:
    """Descend `energy` from `x` by explicit Euler steps x ← x − step_size · ∇E(x) until x stands still.

    A state counts as settled when ‖∇E‖ ≤ atol + rtol ‖x‖, with root-mean-square norms over all its entries, so that the
    test does not depend on their number. Each leading index settles on its own and is then left alone: a batch ends
    where its members would end one by one.

    The compiled loop is reused for the same `energy` function, or for the bound method of a module of the same shapes
    (such as `network.energy`); a new lambda compiles anew. It has no reverse-mode derivative.

    Args:
        energy: maps a state to one value per leading index, such as the `energy` method of a model.
        x: the state to start from, an array or any tree of arrays with the same leading axes.
        step_size: length of a step, in units of x² per energy; above 2 over the largest curvature it overshoots.
        rtol: tolerance relative to the size of x.
        atol: absolute tolerance [energy per unit of x].
        max_steps: after that many steps a state is given back as it is, with `converged` false, as is a state at once
            whose gradient is no longer finite.

    Raises:
        InputError: for a step size that is not positive, negative tolerances, a start that is not finite, or an energy
            that does not give one real number per leading index.
    """
    check.positive(step_size=step_size)
    check.not_negative(rtol=rtol, atol=atol)
    check.whole(max_steps=max_steps)
    check.finite(**{f"x{jax.tree_util.keystr(path)}": leaf for path, leaf in jax.tree.leaves_with_path(x)})
    x = jax.tree.map(lambda leaf: jnp.asarray(leaf, jnp.result_type(leaf, float)), x)
    _check_energy(energy, x)
    return _descend(energy, x, *map(jnp.asarray, (step_size, rtol, atol, max_steps)))


def _check_energy(energy: Callable[[Any], Array], x: PyTree) -> None:
    value = jax.eval_shape(energy, x)
    if not isinstance(value, jax.ShapeDtypeStruct) or not jnp.issubdtype(value.dtype, jnp.floating):
        raise InputError(f"an energy must give one array of real numbers, but gave {value}")
    shapes = [leaf.shape for leaf in jax.tree.leaves(x)]
    if not shapes or any(shape[: len(value.shape)] != value.shape for shape in shapes):
        raise InputError(
            "an energy must give one value per leading index of the state, but gave shape "
            f"{value.shape} for a state of shape {', '.join(map(str, shapes)) or 'nothing'}"
        )


@eqx.filter_jit
def _descend(energy, x, step_size, rtol, atol, max_steps) -> Relaxed:
    gradient = jax.grad(lambda x: jnp.sum(energy(x)))  # states do not interact, so the sum's gradient holds each one's
    lead = jax.eval_shape(energy, x).shape

    def norm(tree):
        flat = [leaf.reshape(*lead, -1) for leaf in jax.tree.leaves(tree)]
        return jnp.sqrt(sum(jnp.sum(f * f, axis=-1) for f in flat) / sum(f.shape[-1] for f in flat))

    def moving(x, g):  # false where the gradient is NaN
        return norm(g) > atol + rtol * norm(x)

    def advance(carry):
        x, g, steps, active = carry

        def move(a, slope):
            moves = active.reshape(*lead, *[1] * (a.ndim - len(lead)))
            return jnp.where(moves, a - step_size.astype(a.dtype) * slope, a)

        x = jax.tree.map(move, x, g)
        g, steps = gradient(x), steps + active
        return x, g, steps, active & moving(x, g) & (steps < max_steps)

    g = gradient(x)
    start = (x, g, jnp.zeros(lead, jnp.int32), moving(x, g))
    x, g, steps, _ = lax.while_loop(lambda carry: jnp.any(carry[3]), advance, start)
    return Relaxed(x, energy(x), steps, jnp.isfinite(norm(g)) & ~moving(x, g))
