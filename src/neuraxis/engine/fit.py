"""Let any model learn by any rule: the only training loop of neuraxis."""

from collections.abc import Callable, Mapping, Sequence
from os import PathLike
from pathlib import Path
from threading import Event
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh
from jaxtyping import Array, Float, PRNGKeyArray, PyTree

from neuraxis import check
from neuraxis.data.source import ArraySource
from neuraxis.engine import mesh as meshes
from neuraxis.engine.digest import data_digest, digest
from neuraxis.engine.feed import Feed, Loaded, Order, Resident
from neuraxis.engine.interrupt import InterruptBetweenSteps
from neuraxis.engine.minibatch import Task, begin
from neuraxis.engine.progress import Progress
from neuraxis.engine.training import Training, Watch
from neuraxis.engine.watch import Report
from neuraxis.errors import InputError
from neuraxis.kinds import Rule, Source

Measure = Callable[..., Float[Array, " batch"]]


class Fitted(eqx.Module):
    """What `fit` returns."""

    model: PyTree  # in inference mode, ready for use
    state: PyTree  # of the rule; pass both to `fit` again to go on
    history: dict[str, np.ndarray]  # one value per epoch: the losses of the rule, "validation_loss" and the metrics
    stopped_early: bool  # because the validation loss did not fall any more
    cancelled: bool


def fit(
    model: PyTree,
    rule: Rule,
    data: Sequence[Any] | Source,
    *,
    epochs: int = 1,
    steps: int | None = None,
    batch_size: int,
    key: PRNGKeyArray,
    shuffle: bool = True,
    state: PyTree = None,
    validation: Sequence[Any] | Source | None = None,
    metrics: Mapping[str, Measure] | None = None,
    patience: int | None = None,
    callback: Callable[[Report], object] | None = None,
    cancel: Event | None = None,
    checkpoint: str | PathLike[str] | None = None,
    resume: bool = False,
    mesh: Mesh | None = None,
    progress: str | None = "training",
) -> Fitted:
    """Let `model` learn from `data` by `rule`, batch by batch.

    Every epoch visits every example once, in a new random order (minibatches without replacement); the last batch is
    smaller where the batch size does not divide the data. Many steps run as one XLA program; on a CPU, models with the
    gradient of XLA's own convolution, which is slow inside a loop there, take a Python loop of compiled steps
    (`neuraxis.layers.Convolution` need not).

    Args:
        model: any pytree. The rule sees it in training mode.
        rule: how it learns, such as `descent(loss, optax.adam(1e-3))`; see `kinds.Rule`.
        data: arrays that agree along their first axis, such as `(x, labels)`, which are put on the device as they are
            (raw images may stay integers); or a `kinds.Source`, of which the next batches are loaded while the device
            is busy with the last. Arrays mapped from files (`numpy.memmap`) are such a source.
        epochs: how often to go through the data.
        steps: number of batches in an epoch, where the data are too many to go through between two reports. Each epoch
            then draws that many whole batches, without replacement as long as there are examples left; without
            `shuffle`, it goes on where the last one ended, and from the end to the beginning.
        batch_size: examples in a step.
        key: seed of order and noise.
        shuffle: draw a new order for each epoch; without it the examples keep theirs.
        state: state of the rule to go on from, as in `fit(fitted.model, rule, data, state=fitted.state, …)`.
        validation: data like `data`, on which the loss of the rule (where it has one) and the metrics are measured
            after every epoch, in inference mode.
        metrics: functions `metric(model, *batch, key=key)` that give one value per example. For a rule without a loss,
            one may be called "validation_loss".
        patience: stop after that many epochs without a lower validation loss, and return the best model.
        callback: called with a `Report` about twice a second and at the end of every epoch.
        cancel: ends the training after the present steps once another thread, or the callback, sets it.
        checkpoint: file to write to as training goes on, when it ends, and when it is interrupted or cancelled.
        resume: go on from `checkpoint`, if it exists, to the bit-identical result of a run that was not interrupted.
        mesh: devices to share each batch (axis "data") and the weights (axis "model") between.
        progress: label of the progress bar; None shows none.

    Raises:
        InputError: for data that are empty, do not agree in length or are not finite, for settings out of range, and
            for a rule that does not keep what it has to.
        DivergedError: when a loss or the model stops being finite, with the step.
        CheckpointError: when `checkpoint` is damaged or belongs to another run.
    """
    _check_settings(rule, epochs, steps, batch_size, key, validation, metrics, patience, mesh)
    order = Order(_examples("data", data), int(batch_size), None if steps is None else int(steps), bool(shuffle))
    feed = _feed(data, mesh)
    if validation is not None:
        _examples("validation", validation)
    model = jax.tree.map(_strong, eqx.nn.inference_mode(model, value=False))
    path = None if checkpoint is None else Path(checkpoint)
    identity = None if path is None else _identity(model, rule, data, order, key, state, validation, metrics, patience)
    state = _begin_state(rule, model, state)
    arrays, static = eqx.partition(model, eqx.is_array)
    if mesh is not None:
        arrays, state = meshes.place(arrays, mesh), meshes.place(state, mesh)
    task = Task(rule, static, order.batch_size, mesh)
    first = feed.batch(np.arange(min(order.batch_size, order.visits)) % order.examples)
    position, one_program = begin(task, arrays, state, first, key)
    if order.visits % order.batch_size == 1 < order.visits:
        _try_one_example(task, arrays, state, tuple(x[:1] for x in first), key)
    watch = Watch(validation, dict(metrics or {}), patience, callback, cancel)
    training = Training(task, order, feed, position, key, watch, one_program)
    if path is not None:
        training.keep(path, identity, resume)
    total = int(epochs) * order.batches
    with Progress(total, progress, training.steps_done) as bar, InterruptBetweenSteps() as interrupt:
        try:
            training.run(int(epochs), bar, interrupt)
        except KeyboardInterrupt:
            training.save()
            raise
    training.save()
    model, state = training.result()
    history = {name: np.array(values) for name, values in training.history.items()}
    return Fitted(eqx.nn.inference_mode(model), state, history, training.stopped_early, training.cancelled)


def _check_settings(rule, epochs, steps, batch_size, key, validation, metrics, patience, mesh) -> None:
    if isinstance(rule, type) or not isinstance(rule, Rule):
        raise InputError(f"rule must have init and step, such as descent(loss, optax.adam(1e-3)), but is {rule!r}")
    check.whole(epochs=epochs, batch_size=batch_size)
    for name, value in (("steps", steps), ("patience", patience)):
        if value is not None:
            check.whole(**{name: value})
    if not (isinstance(key, jax.Array) and jnp.issubdtype(key.dtype, jax.dtypes.prng_key)):
        raise InputError(f"key must be a random key, such as jax.random.key(0), but is {key!r}")
    if validation is None and (patience or metrics):
        raise InputError("early stopping and metrics need validation data")
    has_loss = hasattr(rule, "loss")
    for name in metrics or ():
        if name == "loss" or (name == "validation_loss" and has_loss):
            raise InputError(f"a metric cannot be called {name!r}, which is what the rule's own loss is called")
    if patience is not None and not has_loss and "validation_loss" not in (metrics or {}):
        raise InputError('early stopping needs a rule with a loss, or a metric called "validation_loss"')
    if mesh is not None:
        meshes.check_batch(batch_size, mesh)


def _examples(name: str, data: Any) -> int:
    """Check data and give the number of examples."""
    if _is_source(data):
        if len(data) == 0:
            raise InputError(f"the data are empty: {name} holds no example")
        return len(data)
    if not isinstance(data, tuple | list):
        raise InputError(
            f"{name} must be a tuple of arrays, such as (x, labels) or (x,), or have len() and take(indices), "
            f"but is {type(data).__name__}"
        )
    named = {f"{name}[{i}]": x for i, x in enumerate(data)}
    check.same_length(**named)
    numbers = {n: x for n, x in named.items() if jnp.issubdtype(jnp.result_type(x), jnp.inexact)}
    check.finite(**{n: x for n, x in numbers.items() if not isinstance(x, np.memmap)})  # which may be too large to read
    return len(data[0])


def _is_source(data: Any) -> bool:
    """Say whether data are loaded as they are needed; arrays can be taken from, too, but are none."""
    return isinstance(data, Source) and not hasattr(data, "dtype") and not isinstance(data, tuple | list)


def _feed(data: Any, mesh: Mesh | None) -> Feed:
    if _is_source(data):
        return Loaded(data, mesh)
    if any(isinstance(x, np.memmap) for x in data):
        return Loaded(ArraySource(*data), mesh)
    arrays = tuple(jnp.asarray(x) for x in data)
    return Resident(arrays if mesh is None else meshes.replicate(arrays, mesh))


def _strong(leaf: Any) -> Any:
    """Give an array of the model as one of a fixed dtype, so that Python numbers can be told from it."""
    if isinstance(leaf, np.ndarray) or (isinstance(leaf, jax.Array) and leaf.weak_type):
        return jnp.array(leaf, dtype=jax.dtypes.canonicalize_dtype(leaf.dtype))
    return leaf


def _try_one_example(task: Task, arrays: PyTree, state: PyTree, batch: tuple[Any, ...], key: PRNGKeyArray) -> None:
    """Refuse a last batch of one example before the training instead of at the end of its first epoch."""
    try:
        begin(task, arrays, state, batch, key)
    except InputError as error:
        raise InputError(
            f"the last batch of an epoch holds one example, and {error}; another batch_size leaves more"
        ) from error


def _identity(model, rule, data, order, key, state, validation, metrics, patience) -> dict[str, str]:
    """Say by digests what a checkpoint of this training belongs to."""
    watched = validation is not None and data_digest(validation), sorted((metrics or {}).items()), patience
    return {
        "data": data_digest(data),
        "model": digest(model),
        "rule": digest(rule, state),
        "batch_size": str(order.batch_size),
        "key": digest(key),
        "order": digest(order.steps, order.shuffle),
        "validation": digest(watched),
    }


def _begin_state(rule: Rule, model: PyTree, given: PyTree) -> PyTree:
    """Give the state of the rule before the first step."""
    if given is None:
        return jax.tree.map(lambda leaf: _strong(jnp.asarray(leaf)), rule.init(model))
    expected = jax.eval_shape(lambda: rule.init(model))
    if jax.tree.structure(expected) != jax.tree.structure(given) or any(
        old.shape != np.shape(new) for old, new in zip(*map(jax.tree.leaves, (expected, given)), strict=True)
    ):
        raise InputError("state must be one of this rule and model, as fitted.state is, but has another structure")
    return given
