"""Training of any model by any rule: the only training loop of neuraxis."""

from collections.abc import Callable, Mapping, Sequence
from os import PathLike
from threading import Event
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh
from jaxtyping import PRNGKeyArray, PyTree

from neuraxis import check
from neuraxis.data.source import ArraySource
from neuraxis.engine import mesh as meshes
from neuraxis.engine.digest import data_digest, digest
from neuraxis.engine.evaluate import Measure
from neuraxis.engine.examples import arrays_of, check_finite, count, is_source
from neuraxis.engine.feed import Feed, Loaded, Order, Resident
from neuraxis.engine.interrupt import InterruptBetweenSteps
from neuraxis.engine.minibatch import Task, begin, begins_finite
from neuraxis.engine.modes import for_training, for_use
from neuraxis.engine.progress import Progress, check_label
from neuraxis.engine.rules import check_rule
from neuraxis.engine.training import Training, Watch
from neuraxis.engine.watch import Report
from neuraxis.errors import InputError, Interrupted
from neuraxis.kinds import Rule, Source
from neuraxis.values import is_traced


class Fitted(eqx.Module):
    """Result of `fit`."""

    model: PyTree  # in inference mode, ready for use
    state: PyTree  # of the rule; pass both to `fit` again to continue
    history: dict[str, np.ndarray]  # one value per epoch: the losses of the rule, "validation_loss" and the metrics
    stopped_early: bool  # because the validation loss stopped decreasing
    cancelled: bool  # before all epochs were completed


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
    """Train `model` on `data` by `rule`, batch by batch.

    Every epoch visits every example once, in a new random order (minibatches without replacement); the last batch is
    smaller if the batch size does not divide the number of examples. Many steps run as one XLA program; on a CPU,
    models with the gradient of XLA's own convolution, which is slow inside a loop there, use a Python loop over
    compiled steps (not needed for `neuraxis.layers.Convolution`).

    Args:
        model: any pytree. The rule receives it in training mode, except for layers that you put into inference mode
            with `inference=True`. (Models that `fit` and `load` return in inference mode can be trained further.)
        rule: learning rule, such as `descent(loss, optax.adam(1e-3))`; see `kinds.Rule`. A rule with fields must be a
            pytree, such as an `equinox.Module`.
        data: arrays that agree along their first axis, such as `(x, labels)`, which are put on the device unchanged
            (raw images may stay integers); or a `kinds.Source`, from which the next batches are loaded while the device
            is busy. Memory-mapped arrays (`numpy.memmap`) are treated as such a source.
        epochs: number of epochs.
        steps: number of batches per epoch, if the data are too large to be visited once between two reports. Each epoch
            then draws that many full batches, without replacement as long as examples are left; without `shuffle`, it
            continues where the previous one ended, and starts over at the end of the data.
        batch_size: number of examples per step.
        key: random key for order and noise.
        shuffle: whether to draw a new order for each epoch, or to keep that of the data.
        state: state of the rule to continue from, as in `fit(fitted.model, rule, data, state=fitted.state, …)`; with
            the same key the orders would be repeated.
        validation: data like `data`, on which the loss of the rule (if it has one) and the metrics are evaluated after
            every epoch, in inference mode.
        metrics: functions `metric(model, *batch, key=key)` that return one value per example. For a rule without a
            loss, one may be called "validation_loss".
        patience: number of epochs without a lower validation loss after which to stop and return the best model.
        callback: called with a `Report` at the end of every epoch, and in between at most twice a second.
        cancel: ends training after the current steps once another thread, or the callback, sets it; with `patience`,
            the best model so far is returned.
        checkpoint: file written during training, and when it ends, is interrupted or fails.
        resume: whether to continue from `checkpoint`, if it exists, to the bit-identical result of a run that was not
            interrupted.
        mesh: devices over which each batch (axis "data") and the weights (axis "model") are sharded.
        progress: label of the progress bar; None shows none.

    Raises:
        InputError: for data that are empty, do not agree in length or are not finite, for settings out of range, and
            for a rule that changes what it must keep.
        DivergedError: if a loss or the model becomes non-finite; the message names the step.
        CheckpointError: if `checkpoint` is damaged or belongs to another run.
        Interrupted: for Ctrl-C; a `KeyboardInterrupt` with the result so far as its attribute `fitted`.
    """
    check.no_class(model=model)
    _check_settings(rule, epochs, steps, batch_size, key, shuffle, resume, checkpoint, progress)
    data, validation = arrays_of("data", data), arrays_of("validation", validation)
    metrics = {} if metrics is None else metrics
    _check_watch(rule, validation, metrics, patience, callback, cancel)
    if mesh is not None:
        meshes.check_batch(batch_size, mesh)
    order = Order(count("data", data), int(batch_size), None if steps is None else int(steps), bool(shuffle))
    for name, arrays in (("data", data), ("validation", validation)):
        check_finite(name, arrays)
    feed = _feed(data, mesh)
    model = jax.tree.map(_strong, for_training(model))
    begun = _begin_state(rule, model, state)
    arrays, static = eqx.partition(model, eqx.is_array)
    if mesh is not None:
        arrays, begun = meshes.place(arrays, mesh), meshes.place(begun, mesh)
    task = Task(rule, static, order.batch_size, begins_finite(arrays), mesh)
    first = feed.batch(np.arange(min(order.batch_size, order.visits)) % order.examples)
    position, one_program = begin(task, arrays, begun, first, key)
    if order.visits % order.batch_size == 1 < order.visits:
        _try_one_example(task, arrays, begun, tuple(x[:1] for x in first), key)
    if doubled := position.losses.keys() & metrics.keys():
        raise InputError(f"a metric cannot be called {min(doubled)!r}, which is the name of a loss of the rule")
    watch = Watch(validation, dict(metrics), patience, callback, cancel)
    training = Training(task, order, feed, position, key, watch, one_program)
    if checkpoint is not None:
        identity = _identity(model, rule, data, order, key, state, validation, metrics, patience)
        training.keep(check.path("checkpoint", checkpoint), identity, bool(resume))
    del model, arrays, begun, position  # frees the memory of a large model with no other references
    total = int(epochs) * order.batches
    with Progress(total, progress, training.steps_done) as bar, InterruptBetweenSteps() as interrupt:
        try:
            training.run(int(epochs), bar, interrupt)
        except BaseException as error:
            # Other processes may not have failed, and would not save together with this one.
            if isinstance(error, KeyboardInterrupt) or jax.process_count() == 1:
                training.save()
            if isinstance(error, KeyboardInterrupt):
                raise Interrupted(_fitted(training, cancelled=True)) from error
            raise
    training.save()
    return _fitted(training, cancelled=training.cancelled)


def _fitted(training: Training, *, cancelled: bool) -> Fitted:
    model, state = training.result()
    history = {name: np.array(values) for name, values in training.history.items()}
    return Fitted(for_use(model), state, history, training.stopped_early, cancelled)


def _check_settings(rule, epochs, steps, batch_size, key, shuffle, resume, checkpoint, progress) -> None:
    if is_traced():
        raise InputError("fit runs on the host, which is not possible under jit, grad or vmap")
    check_rule(rule)
    if jax.tree.leaves(rule) == [rule] and getattr(rule, "__dict__", None):
        raise InputError(
            f"a rule with fields must be an equinox.Module, or another pytree, but is {check.received(rule)}"
        )
    check.boolean(shuffle=shuffle, resume=resume)
    check_label(progress)
    if checkpoint is not None:
        check.path("checkpoint", checkpoint)
    check.whole(epochs=epochs, batch_size=batch_size, **({} if steps is None else {"steps": steps}))
    check.key(key)
    if resume and checkpoint is None:
        raise InputError("resume=True needs a checkpoint to resume from")


def _check_watch(rule, validation, metrics, patience, callback, cancel) -> None:
    if patience is not None:
        check.whole(patience=patience)
    if not isinstance(metrics, Mapping):
        raise InputError(
            f"metrics must be functions by name, as in {{'accuracy': correct}}, but are {check.received(metrics)}"
        )
    if validation is None and (patience is not None or metrics):
        raise InputError("early stopping and metrics need validation data")
    check.functions(**{f"metrics[{name!r}]": metric for name, metric in metrics.items()})
    check.functions(**({} if callback is None else {"callback": callback}))
    if cancel is not None and not isinstance(cancel, Event):
        raise InputError(f"cancel must be a threading.Event, but is {check.received(cancel)}")
    if validation is not None:
        count("validation", validation)
    has_loss = hasattr(rule, "loss")
    if has_loss and "validation_loss" in metrics:
        raise InputError("a metric cannot be called 'validation_loss', which is the name of the rule's own loss")
    if patience is not None and not has_loss and "validation_loss" not in metrics:
        raise InputError('early stopping needs a rule with a loss, or a metric called "validation_loss"')


def _feed(data: Any, mesh: Mesh | None) -> Feed:
    if is_source(data):
        return Loaded(data, mesh)
    if any(isinstance(x, np.memmap) for x in data):
        return Loaded(ArraySource(*data), mesh)
    arrays = tuple(jnp.asarray(x) for x in data)
    return Resident(arrays if mesh is None else meshes.replicate(arrays, mesh))


def _strong(leaf: Any) -> Any:
    """Return an array of the model in a strong dtype, which distinguishes it from Python numbers."""
    if isinstance(leaf, np.floating):
        return float(leaf)  # treated as a Python number
    if isinstance(leaf, np.ndarray) or (isinstance(leaf, jax.Array) and leaf.weak_type):
        return jnp.array(leaf, dtype=jax.dtypes.canonicalize_dtype(leaf.dtype))
    return leaf


def _try_one_example(task: Task, arrays: PyTree, state: PyTree, batch: tuple[Any, ...], key: PRNGKeyArray) -> None:
    """Refuse a last batch of one example, if the rule does, before training instead of after the first epoch."""
    try:
        begin(task, arrays, state, batch, key)
    except InputError as error:
        raise InputError(
            f"the last batch of an epoch contains one example, and {error}; use another batch_size"
        ) from error


def _identity(model, rule, data, order, key, state, validation, metrics, patience) -> dict[str, str]:
    """Return the digests that identify the run to which a checkpoint belongs."""
    return {
        "data": data_digest(data),
        "model": digest(model),
        "rule": digest(rule, state),
        "batch_size": str(order.batch_size),
        "key": digest(key),
        "order": digest(order.steps, order.shuffle),
        "validation": digest(validation is not None and data_digest(validation), sorted(metrics.items())),
        "patience": str(patience),
    }


def _begin_state(rule: Rule, model: PyTree, given: PyTree) -> PyTree:
    """Return the initial state of the rule."""
    if given is None:
        given = rule.init(model)
    expected = jax.eval_shape(lambda: rule.init(model))
    if jax.tree.structure(expected) != jax.tree.structure(given) or any(
        old.shape != np.shape(new) for old, new in zip(*map(jax.tree.leaves, (expected, given)), strict=True)
    ):
        raise InputError("state must be one of this rule and model, as fitted.state is, but has another structure")
    return jax.tree.map(lambda leaf: _strong(jnp.asarray(leaf)), given)
