"""The compiled part of training: steps of stochastic gradient descent over minibatches without replacement."""

import math
from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import lax
from jax.extend.core import jaxprs_in_params
from jax.sharding import Mesh
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray, PyTree

from neuraxis.engine.mesh import shard_batch
from neuraxis.errors import InputError
from neuraxis.kinds import Statistics


class Position(eqx.Module):
    """Where training stands: what a checkpoint needs to go on to the bit-identical result."""

    parameters: PyTree
    statistics: PyTree  # what the model measures of its data; mostly nothing
    optimizer_state: PyTree
    best: PyTree  # model of the epoch with the lowest validation loss; None without early stopping
    loss_sum: Float[Array, ""]  # over the examples of this epoch so far
    batch: Int[Array, ""]  # batches of this epoch that are done
    finite: Bool[Array, ""]  # False once a loss or gradient was not; nothing moves from then on


class Task(eqx.Module):
    """What stays the same from step to step."""

    loss: Callable
    static: PyTree  # the model without its parameters and statistics
    optimizer: optax.GradientTransformation
    data: tuple[Array, ...]
    batch_size: int
    mesh: Mesh | None = eqx.field(static=True)

    @property
    def examples(self) -> int:
        """Number of examples in the data."""
        return len(self.data[0])

    @property
    def batches(self) -> int:
        """Number of steps in an epoch."""
        return math.ceil(self.examples / self.batch_size)

    def begin(self, parameters: PyTree, statistics: PyTree, keep_best: bool) -> Position:
        """Stand before the first step."""
        best = (parameters, statistics) if keep_best else None
        state = self.optimizer.init(parameters)
        return Position(parameters, statistics, state, best, *_epoch_begins(), jnp.ones((), bool))

    def model(self, parameters: PyTree, statistics: PyTree) -> PyTree:
        """Put the model together."""
        return eqx.combine(parameters, statistics, self.static)


def split(model: PyTree) -> tuple[PyTree, PyTree, PyTree]:
    """Take a model apart into what is trained, what is measured (`kinds.Statistics`), and the rest."""

    def measured(node):
        return isinstance(node, Statistics)

    trained = jax.tree.map(lambda node: False if measured(node) else eqx.is_inexact_array, model, is_leaf=measured)
    parameters, rest = eqx.partition(model, trained)
    is_measured = jax.tree.map(lambda node: eqx.is_array if measured(node) else False, model, is_leaf=measured)
    return parameters, *eqx.partition(rest, is_measured)


def _epoch_begins() -> tuple[Float[Array, ""], Int[Array, ""]]:
    return jnp.zeros(()), jnp.zeros((), jnp.int32)


def next_epoch(position: Position, best: PyTree) -> Position:
    """Stand before the first batch of the next epoch."""
    return Position(
        position.parameters, position.statistics, position.optimizer_state, best, *_epoch_begins(), position.finite
    )


def shuffle(task: Task, epoch_key: PRNGKeyArray) -> Int[Array, " padded"]:
    """Order the examples of an epoch at random, filled up with the first ones to whole batches."""
    # By NumPy: XLA shuffles by sorting, which on a CPU takes 135 ms for 60 000 examples instead of 1 ms.
    random = np.random.default_rng(np.asarray(jax.random.key_data(epoch_key)))
    return jnp.asarray(np.resize(random.permutation(task.examples), task.batches * task.batch_size), jnp.int32)


def take_batch(task: Task, order: Int[Array, " padded"], batch: Int[Array, ""]) -> tuple[tuple[Array, ...], Array]:
    """Give the arrays of one batch, and which of its examples count."""
    place = batch * task.batch_size + jnp.arange(task.batch_size)
    examples = tuple(x[order[place]] for x in task.data)
    if task.mesh is not None:
        examples = shard_batch(examples, task.mesh)
    return examples, place < task.examples


def loss_and_gradient(task: Task, position: Position, order, epoch_key: PRNGKeyArray):
    """Give the loss summed over the next batch, the statistics after it, and the gradient of its mean."""
    batch, counts = take_batch(task, order, position.batch)

    def mean_loss(parameters):
        model = task.model(parameters, position.statistics)
        values = task.loss(model, *batch, key=jax.random.fold_in(epoch_key, position.batch))
        values, statistics = _measured(values, position.statistics)
        total = jnp.sum(values, where=counts)
        return total / jnp.sum(counts), (total, statistics)

    (_, (total, statistics)), gradient = jax.value_and_grad(mean_loss, has_aux=True)(position.parameters)
    return total, statistics, gradient


def _measured(losses, statistics: PyTree) -> tuple[Array, PyTree]:
    """Give the values of a loss, and the statistics of the model that it returns beside them where there are any."""
    if isinstance(losses, tuple):
        values, model = losses
        return values, split(model)[1]
    if jax.tree.leaves(statistics):
        raise InputError(
            "the model measures statistics of its data, so its loss must return them too, as (values, model) with the "
            "model that model.measure(x) gives; neuraxis.feedforward.classification.measuring_loss is such a loss"
        )
    return losses, statistics


def step(task: Task, position: Position, order, epoch_key: PRNGKeyArray) -> Position:
    """Take one step of the optimiser, or stay where the loss or its gradient is not finite."""
    total, statistics, gradient = loss_and_gradient(task, position, order, epoch_key)
    finite = position.finite & jnp.isfinite(total)
    for leaf in jax.tree.leaves(gradient):
        finite &= jnp.isfinite(jnp.sum(leaf))

    def move(position):
        updates, state = task.optimizer.update(gradient, position.optimizer_state, position.parameters)
        parameters = optax.apply_updates(position.parameters, updates)
        loss_sum, batch = position.loss_sum + total, position.batch + 1
        return Position(parameters, statistics, state, position.best, loss_sum, batch, finite)

    # A branch: choosing between old and new, number by number, would take a tenth of a step.
    return lax.cond(finite, move, lambda position: eqx.tree_at(lambda p: p.finite, position, finite), position)


_compiled_step = eqx.filter_jit(step)


@eqx.filter_jit
def _compiled_steps(task: Task, position: Position, order, epoch_key: PRNGKeyArray, last: Int[Array, ""]) -> Position:
    # The bounds are values, not constants, so that one program serves any number of steps.
    return lax.while_loop(
        lambda p: (p.batch < last) & p.finite,
        lambda p: step(task, p, order, epoch_key),
        position,
    )


def advance(task: Task, position: Position, order, epoch_key: PRNGKeyArray, steps: int, one_program: bool) -> Position:
    """Take `steps` steps, in one compiled program or in a Python loop over compiled steps; both compute the same."""
    if one_program:
        return _compiled_steps(task, position, order, epoch_key, position.batch + steps)
    for _ in range(steps):
        position = _compiled_step(task, position, order, epoch_key)
    return position


def fits_one_program(task: Task, position: Position, order, epoch_key: PRNGKeyArray) -> bool:
    """Say whether a loop inside the program is fast: on a CPU, XLA slows convolutions there unless they are plain."""
    if jax.default_backend() != "cpu":
        return True
    traced = eqx.filter_make_jaxpr(step)(task, position, order, epoch_key)[0]
    return not _has_slow_convolution(traced.jaxpr)


def _has_slow_convolution(jaxpr) -> bool:
    if any(e.primitive is lax.conv_general_dilated_p and not _is_plain(e.params) for e in jaxpr.eqns):
        return True
    inner = (part for equation in jaxpr.eqns for part in jaxprs_in_params(equation.params))
    return any(map(_has_slow_convolution, inner))


def _is_plain(convolution) -> bool:
    """Say whether a convolution has its axes as (batch, *space, channel), (*space, in, out), and nothing unusual."""
    x, kernel, y = convolution["dimension_numbers"]
    space = range(1, len(x) - 1)
    usual = {*convolution["lhs_dilation"], convolution["feature_group_count"], convolution["batch_group_count"]} == {1}
    last = len(x) - 1
    return usual and x == y == (0, last, *space) and kernel == (last, last - 1, *range(len(space)))
