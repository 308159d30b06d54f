"""Relaxation of any energy: the only descent over a state in neuraxis."""

import math
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.tree_util import keystr
from jaxtyping import Array, Bool, Float, Int, PyTree

from neuraxis import check
from neuraxis.engine.called import call
from neuraxis.engine.implicit import Lead, along, at_rest, dot
from neuraxis.engine.inputs import is_list_of_numbers
from neuraxis.errors import InputError
from neuraxis.kinds import Energy
from neuraxis.values import compiled, is_key, is_value


class Relaxed(eqx.Module):
    """Result of a relaxation; every field but `x` has one value per leading index of the energy."""

    x: PyTree
    energy: Float[Array, "..."]  # of `x`
    steps: Int[Array, "..."]  # taken until it came to rest or was stopped
    converged: Bool[Array, "..."]  # whether the gradient satisfied the stopping criterion


def relax(
    energy: Callable[..., Array],
    x: PyTree,
    *arguments: PyTree,
    step_size: float | Array,
    rtol: float | Array = 1e-5,
    atol: float | Array = 1e-6,
    max_steps: int = 10_000,
    steps: int | None = None,
) -> Relaxed:
    """Descend E = `energy(x, *arguments)` by explicit Euler steps x ← x − step_size · ∇E until x is at rest.

    A state has settled when ‖∇E‖ ≤ atol + rtol ‖x‖, with root-mean-square norms over all its entries, so that the
    criterion does not depend on their number. Each leading index settles independently and is then left unchanged:
    every member of a batch ends where it would end by itself. With `steps=`, all take exactly that many steps instead,
    settled or not.

    The result is differentiable, in forward and reverse mode, with respect to the arguments and all that the energy
    itself holds. At rest, dx = −H⁻¹ d(∇E) with H = ∇²E, independent of the path, and the derivative with respect to the
    start is 0. A state that has not settled has no such derivative, and NaN in its place; excluded from a sum by
    `jnp.where(settled.converged, …, 0)` it does not affect the others. With `steps=` the derivative is that of the
    steps, also with respect to start and step size; in reverse mode, it needs memory for every state on the way.

    One compiled program serves all numbers in x, in the arguments and in the fields of the module whose method the
    energy is (such as `network.energy`). A lambda that captures a different number is recompiled, so pass what changes
    as an argument.

    Args:
        energy: function from a state to one value per leading index, such as the `energy` method of a model.
        x: initial state, an array or any tree of arrays with the same leading axes.
        arguments: further arguments of the energy, such as inputs, clamped values or weights: numbers, arrays or trees.
        step_size: size of a step, in units of x² per energy; descent is unstable above 2 / (largest curvature).
        rtol: tolerance relative to ‖x‖.
        atol: absolute tolerance [energy per unit of x].
        max_steps: number of steps after which a state that has not settled is returned with `converged` false; a state
            whose gradient becomes non-finite is stopped at once.
        steps: number of steps to take, without a stopping criterion.

    Raises:
        InputError: for a step size that is not positive, negative tolerances, a start or arguments that are not finite,
            or an energy that does not return one real number per leading index.
    """
    _check_function(energy)
    check.positive(step_size=step_size)
    check.not_negative(rtol=rtol, atol=atol)
    check.one_number(step_size=step_size, rtol=rtol, atol=atol)
    check.whole(max_steps=max_steps)
    x = _as_state(x)
    arguments = jax.tree.map(
        lambda node: check.array("arguments", node) if is_list_of_numbers(node) else node,
        arguments,
        is_leaf=is_list_of_numbers,
    )
    _check_numbers(x, arguments)
    if steps is None:
        return _settle(energy, x, arguments, step_size, rtol, atol, jnp.asarray(max_steps))
    check.whole(steps=steps)
    return _walk(energy, x, arguments, step_size, rtol, atol, int(steps))


def _check_function(energy: Any) -> None:
    check.no_class(energy=energy)
    if isinstance(energy, Energy):
        name = type(energy).__name__
        raise InputError(f"energy must be a model's method, as in relax(model.energy, x, …), but is the {name} itself")
    check.functions(energy=energy)


def _check_numbers(x: PyTree, arguments: PyTree) -> None:
    check.finite(**{f"x{keystr(path)}": leaf for path, leaf in jax.tree.leaves_with_path(x)})
    for path, leaf in jax.tree.leaves_with_path(arguments):
        if isinstance(leaf, complex | np.complexfloating) or (is_value(leaf) and not is_key(leaf)):
            number = check.array(f"arguments{keystr(path)}", leaf)
            if jnp.issubdtype(number.dtype, jnp.inexact):
                check.finite(**{f"arguments{keystr(path)}": leaf})


def _as_state(x: PyTree) -> PyTree:
    found, structure = jax.tree.flatten_with_path(x, is_leaf=is_list_of_numbers)
    if not found:
        raise InputError(f"x must contain an array, but is {check.received(x)}")
    return jax.tree.unflatten(structure, [check.floats(f"x{keystr(path)}", leaf) for path, leaf in found])


def _leading_axes(energy: Callable[[PyTree], Array], x: PyTree) -> Lead:
    value = jax.eval_shape(energy, x)
    if not isinstance(value, jax.ShapeDtypeStruct) or not jnp.issubdtype(value.dtype, jnp.floating):
        raise InputError(f"an energy must return one array of real numbers, but returned {value}")
    shapes = [leaf.shape for leaf in jax.tree.leaves(x)]
    if not shapes or any(shape[: len(value.shape)] != value.shape for shape in shapes):
        raise InputError(
            f"an energy must return one value per leading index of the state, but returned shape {value.shape} for a "
            f"state of shape {', '.join(map(str, shapes)) or 'nothing'}"
        )
    return value.shape


def _energy(energy: Callable[..., Any], x: PyTree, arguments: tuple[Any, ...]) -> Array:
    value = call("energy", energy, x, *arguments)
    if not isinstance(value, jax.Array | np.ndarray | np.number | float):
        raise InputError(f"an energy must return one array of real numbers, but returned {check.received(value)}")
    return jnp.asarray(value)


def _gradient(energy: Callable[[PyTree], Array]) -> Callable[[PyTree], PyTree]:
    """Return ∇E of each state: as they do not interact, it is the gradient of the sum."""
    return jax.grad(lambda x: jnp.sum(energy(x)))


def _moving(x: PyTree, g: PyTree, rtol: Array, atol: Array, lead: Lead) -> Bool[Array, "..."]:
    """Return which states are not at rest; false where x or the gradient g is not finite."""
    size, slope = _root_mean_square(x, lead), _root_mean_square(g, lead)
    return jnp.isfinite(size) & jnp.isfinite(slope) & (slope > atol + rtol * size)


def _root_mean_square(tree: PyTree, lead: Lead) -> Float[Array, "..."]:
    size = sum(math.prod(leaf.shape[len(lead) :]) for leaf in jax.tree.leaves(tree))
    return jnp.sqrt(dot(tree, tree, lead) / size)


def _step(x: PyTree, g: PyTree, step_size: Array) -> PyTree:
    return jax.tree.map(lambda a, slope: a - jnp.asarray(step_size, a.dtype) * slope, x, g)


@compiled
def _settle(energy, x, arguments, step_size, rtol, atol, max_steps) -> Relaxed:
    energy_of = lambda x: _energy(energy, x, arguments)
    lead, gradient = _leading_axes(energy_of, x), _gradient(energy_of)

    def advance(carry):
        x, g, steps, active = carry
        x = jax.tree.map(lambda new, old: jnp.where(along(active, old), new, old), _step(x, g, step_size), x)
        g, steps = gradient(x), steps + active
        return x, g, steps, active & _moving(x, g, rtol, atol, lead) & (steps < max_steps)

    def settle(x):
        g = gradient(x)
        start = (x, g, jnp.zeros(lead, jnp.int32), _moving(x, g, rtol, atol, lead))
        x, g, steps, _ = lax.while_loop(lambda carry: jnp.any(carry[3]), advance, start)
        return x, (steps, _has_settled(x, g, rtol, atol, lead))

    x, steps, converged = at_rest(gradient, settle, x, lead)
    return Relaxed(x, energy_of(x), steps, converged)


@compiled
def _walk(energy, x, arguments, step_size, rtol, atol, steps) -> Relaxed:
    energy_of = lambda x: _energy(energy, x, arguments)
    lead, gradient = _leading_axes(energy_of, x), _gradient(energy_of)
    x, _ = lax.scan(lambda x, _: (_step(x, gradient(x), step_size), None), x, length=steps)
    settled = _has_settled(x, gradient(x), rtol, atol, lead)
    return Relaxed(x, energy_of(x), jnp.full(lead, steps, jnp.int32), settled)


def _has_settled(x: PyTree, g: PyTree, rtol: Array, atol: Array, lead: Lead) -> Bool[Array, "..."]:
    finite = jnp.isfinite(_root_mean_square(x, lead)) & jnp.isfinite(_root_mean_square(g, lead))
    return finite & ~_moving(x, g, rtol, atol, lead)
