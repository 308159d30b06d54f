"""The compiled part of training: applying a rule to one batch after another."""

from collections.abc import Mapping
from functools import partial
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.extend.core import jaxprs_in_params
from jax.sharding import Mesh
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray, PyTree

from neuraxis.engine import mesh as meshes
from neuraxis.engine.feed import Block
from neuraxis.engine.losses import per_example
from neuraxis.errors import InputError
from neuraxis.kinds import Rule
from neuraxis.values import as_arrays, compiled, numbers_marked


class Sum(NamedTuple):
    """Compensated summation of many numbers (Kahan, Communications of the ACM 8:40, 1965)."""

    total: Float[Array, ""]
    lost: Float[Array, ""]

    def plus(self, x: Array) -> "Sum":
        """Add a number."""
        x = x - self.lost
        total = self.total + x
        return Sum(total, (total - self.total) - x)


class Position(eqx.Module):
    """The position of training: what a checkpoint needs to continue to the bit-identical result."""

    model: PyTree  # its arrays
    state: PyTree  # of the rule
    losses: dict[str, Sum]  # over the examples of this epoch so far
    batch: Int[Array, ""]  # number of completed batches of this epoch
    finite: Bool[Array, ""]  # false once a loss or an array of the model was not
    same_numbers: Bool[Array, ""]  # false once the rule changed a Python number of the model

    def at_next_epoch(self) -> "Position":
        """Return the position before the first batch of the next epoch."""
        zero = jnp.zeros_like
        return Position(
            self.model,
            self.state,
            jax.tree.map(zero, self.losses),
            zero(self.batch),
            self.finite,
            self.same_numbers,
        )


def copied(arrays: PyTree) -> PyTree:
    """Copy arrays whose memory will be donated, so that other references stay valid and none of them coincide."""
    return jax.tree.map(_copy, arrays)


def _copy(x: Array) -> Array:
    # An array that is distributed over several processes is copied by a compiled program.
    return jax.device_put(x, may_alias=False) if x.is_fully_addressable else jnp.copy(x)


class Task(eqx.Module):
    """What stays constant from step to step."""

    rule: Rule
    static: PyTree  # the model without its arrays
    batch_size: int
    watched: tuple[bool, ...]  # arrays of the model that must stay finite: floating-point ones that initially are
    mesh: Mesh | None = eqx.field(static=True)

    def model(self, arrays: PyTree) -> PyTree:
        """Combine arrays with the rest of the model."""
        return eqx.combine(arrays, self.static)


def begins_finite(arrays: PyTree) -> tuple[bool, ...]:
    """Return for every array whether it is one of finite floating-point numbers; masks may contain −∞."""
    return tuple(eqx.is_inexact_array(x) and _is_finite(x) for x in jax.tree.leaves(arrays))


def _is_finite(x: Array) -> bool:
    # NumPy compiles nothing, but sees only what is on this host.
    numpy = np if x.is_fully_addressable else jnp
    return bool(numpy.isfinite(numpy.asarray(x)).all())


def begin(
    task: Task, arrays: PyTree, state: PyTree, batch: tuple[Any, ...], key: PRNGKeyArray
) -> tuple[Position, bool]:
    """Return the position before the first step, and whether many steps may run as one program.

    On a CPU, XLA slows convolutions down inside a loop unless they are plain.

    Raises:
        InputError: if the rule returns anything but the model, its state and one loss per example.
    """
    true, zero = jnp.ones((), bool), jnp.zeros((), jnp.result_type(float))
    position = Position(arrays, state, {}, jnp.zeros((), jnp.int32), true, true)
    program, after, _ = eqx.filter_make_jaxpr(_apply)(as_arrays(task), position, batch, key)
    _check_unchanged("the model", arrays, after.arrays)
    _check_unchanged("its state", state, after.state)
    position = eqx.tree_at(lambda p: p.losses, position, {name: Sum(zero, zero) for name in after.losses})
    return position, jax.default_backend() != "cpu" or not _has_slow_convolution(program.jaxpr)


class _Applied(eqx.Module):
    """Result of applying a rule to a batch."""

    arrays: PyTree  # of the model
    state: PyTree
    losses: dict[str, Float[Array, " batch"]]
    same_numbers: Bool[Array, ""]


def _apply(task: Task, position: Position, batch: tuple[Any, ...], key: PRNGKeyArray) -> _Applied:
    """Apply the rule to a batch."""
    given = task.model(position.model)
    with numbers_marked():
        found = task.rule.step(given, position.state, batch, key=key)
    if not isinstance(found, tuple) or len(found) != 3:
        raise InputError(f"a rule must return (model, state, losses), but returned {_words(found)}")
    model, state, losses = found
    losses = losses if isinstance(losses, Mapping) else {"loss": losses}
    if not losses or (position.losses and losses.keys() != position.losses.keys()):
        raise InputError(
            f"a rule must return one or more losses, always of the same names, but returned {list(losses)}"
        )
    losses = {name: per_example(values, len(batch[0]), name) for name, values in losses.items()}
    structure, found = jax.tree.structure(given), jax.tree.structure(model)
    if found != structure:
        raise InputError(f"a rule must keep the structure of the model, {structure}, but returned {found}")
    arrays, same = [], jnp.ones((), bool)
    leaves = structure.flatten_up_to(position.model), jax.tree.leaves(given), jax.tree.leaves(model)
    for array, old, new in zip(*leaves, strict=True):
        arrays.append(None if array is None else new)
        if array is not None and not eqx.is_array(new):
            raise InputError(f"a rule must keep the arrays of the model, but returned {new!r} in place of one")
        if array is None and old is not new:
            same &= old == new
    return _Applied(jax.tree.unflatten(structure, arrays), jax.tree.map(jnp.asarray, state), losses, same)


def _words(thing: Any) -> str:
    return f"{len(thing)} items" if isinstance(thing, tuple) else f"a {type(thing).__name__}"


def _check_unchanged(what: str, before: PyTree, after: PyTree) -> None:
    """Check that a step keeps the structure, shapes and dtypes of arrays."""
    expected, found = jax.tree.structure(before), jax.tree.structure(after)
    if expected != found:
        raise InputError(f"a rule must keep the structure of {what}, {expected}, but returned {found}")
    for (path, old), new in zip(jax.tree.leaves_with_path(before), jax.tree.leaves(after), strict=True):
        if (old.shape, old.dtype) != (new.shape, new.dtype):
            raise InputError(
                f"a rule must keep the shapes and dtypes of {what}, but {jax.tree_util.keystr(path).lstrip('.')} was "
                f"{old.dtype}{list(old.shape)} and is {new.dtype}{list(new.shape)}"
            )


def step(task: Task, position: Position, batch: tuple[Any, ...], key: PRNGKeyArray) -> Position:
    """Apply the rule to a batch; `finite` is then false if a loss or the model is not."""
    if task.mesh is not None:
        batch = meshes.shard_batch(batch, task.mesh)
    after = _apply(task, position, batch, jax.random.fold_in(key, position.batch))
    totals = {name: jnp.sum(values) for name, values in after.losses.items()}
    finite = position.finite
    arrays = [x for x, watched in zip(jax.tree.leaves(after.arrays), task.watched, strict=True) if watched]
    for x in (*totals.values(), *arrays):
        finite &= jnp.sum(_times_zeros(x)) == 0  # NaN if anything is not finite, with no sum that could overflow
    position = Position(
        after.arrays,
        after.state,
        {name: position.losses[name].plus(total) for name, total in totals.items()},
        position.batch + finite,
        finite,
        position.same_numbers & after.same_numbers,
    )
    return position if task.mesh is None else meshes.constrain(position, task.mesh)


def _times_zeros(x: Array) -> Array:
    """Return 0 x, or its sums along the last axis: a product with a vector does not copy x, as 0 x would."""
    return x @ jnp.zeros(x.shape[-1:], x.dtype) if x.ndim else x * 0


# Each position reuses the memory of the previous one: a large model and its optimiser state exist only once.
_handing_over = partial(compiled, hands_over=1)
one_step = _handing_over(step)


@_handing_over
def _many_steps(task: Task, position: Position, block: Block, key: PRNGKeyArray, last: Int[Array, ""]) -> Position:
    # The bounds are values, not constants, so that one program serves any number of steps.
    return lax.while_loop(
        lambda p: (p.batch < last) & p.finite,
        lambda p: step(task, p, block.batch(p.batch, task.batch_size), key),
        position,
    )


@_handing_over
def _next_step(task: Task, position: Position, block: Block, key: PRNGKeyArray) -> Position:
    return step(task, position, block.batch(position.batch, task.batch_size), key)


def advance(task: Task, position: Position, block: Block, key: PRNGKeyArray, steps: int, one_program: bool) -> Position:
    """Take `steps` steps, in one compiled program or in a Python loop over compiled steps, with the same result.

    The arrays of `position` cannot be used afterwards.
    """
    if one_program:
        return _many_steps(task, position, block, key, position.batch + steps)
    for _ in range(steps):
        position = _next_step(task, position, block, key)
    return position


def _has_slow_convolution(jaxpr) -> bool:
    if any(e.primitive is lax.conv_general_dilated_p and not _is_plain(e.params) for e in jaxpr.eqns):
        return True
    inner = (part for equation in jaxpr.eqns for part in jaxprs_in_params(equation.params))
    return any(map(_has_slow_convolution, inner))


def _is_plain(convolution) -> bool:
    """Return whether a convolution has the layout (batch, *space, channel), (*space, in, out), and default options."""
    x, kernel, y = convolution["dimension_numbers"]
    space = range(1, len(x) - 1)
    usual = {*convolution["lhs_dilation"], convolution["feature_group_count"], convolution["batch_group_count"]} == {1}
    last = len(x) - 1
    return usual and x == y == (0, last, *space) and kernel == (last, last - 1, *range(len(space)))
