"""Train any map by minibatches: the only training loop of neuraxis."""

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.sharding import Mesh
from jaxtyping import Array, Float, PRNGKeyArray, PyTree

from neuraxis import check
from neuraxis.engine import checkpoint as checkpoints
from neuraxis.engine import mesh as meshes
from neuraxis.engine.evaluate import evaluate
from neuraxis.engine.interrupt import InterruptBetweenSteps
from neuraxis.engine.minibatch import (
    Position,
    Task,
    advance,
    fits_one_program,
    next_epoch,
    shuffle,
    split,
    take_batch,
)
from neuraxis.engine.progress import Progress
from neuraxis.errors import CheckpointError, DivergedError, InputError

# How long one compiled call should last [s]: long enough that starting it costs nothing, short enough that the progress
# bar moves and an interrupt is heard.
_SECONDS_PER_CALL = 0.5
_SECONDS_BETWEEN_CHECKPOINTS = 10.0

Measure = Callable[..., Float[Array, " batch"]]


class Fitted(eqx.Module):
    """What `fit` returns."""

    model: PyTree
    history: dict[str, np.ndarray]  # one value per epoch: "loss", and "validation_loss" and the metrics if asked for
    stopped_early: bool


def fit(
    model: PyTree,
    loss: Callable[..., Any],
    data: Sequence[Any],
    *,
    optimizer: optax.GradientTransformation,
    epochs: int,
    batch_size: int,
    key: PRNGKeyArray,
    validation: Sequence[Any] | None = None,
    metrics: Mapping[str, Measure] | None = None,
    patience: int | None = None,
    checkpoint: Path | None = None,
    resume: bool = False,
    mesh: Mesh | None = None,
    progress: str | None = "training",
) -> Fitted:
    """Minimise the mean of `loss` over `data` by stochastic gradient descent.

    Every epoch visits every example once, in a new random order (minibatches without replacement; the last one is
    padded and masked). Many steps run as one XLA program; on a CPU, models with the gradient of XLA's own convolution,
    which is slow inside a loop there, take a Python loop of compiled steps (`neuraxis.layers.Convolution` need not).

    Args:
        model: any pytree; its floating-point arrays are trained, except those in `kinds.Statistics`.
        loss: `loss(model, *batch, key=key)` gives one value per example of the batch; for a model that measures
            statistics (`kinds.MeasuringMap`, such as one with batch normalisation), it gives `(values, model)`.
        data: arrays that agree along their first axis, such as `(x, labels)`; they may hold integers (raw images).
        optimizer: an optax transformation.
        epochs: how often to go through the data.
        batch_size: examples in a step.
        key: seed of order and noise.
        validation: data like `data`, on which loss and metrics are measured after every epoch, in inference mode.
        metrics: functions like `loss`, measured on the validation data.
        patience: stop after that many epochs without a lower validation loss, and return the best model.
        checkpoint: file to write to as training goes on, when it ends, and when it is interrupted.
        resume: go on from `checkpoint`, if it exists, to the bit-identical result of a run that was not interrupted.
        mesh: devices to share each batch (axis "data") and the weights (axis "model") between.
        progress: label of the progress bar; None shows none.

    Raises:
        InputError: for data that are empty, do not agree in length or are not finite, and for settings out of range.
        DivergedError: when the loss or its gradient stops being finite, with the step.
        CheckpointError: when `checkpoint` is damaged or belongs to other data or settings.
    """
    _check(data, epochs, batch_size, validation, metrics, patience, mesh)
    epochs, batch_size = int(epochs), int(batch_size)  # NumPy's integers would be traced
    parameters, statistics, static = split(eqx.nn.inference_mode(model, value=False))
    arrays = tuple(jnp.asarray(x) for x in data)
    if mesh is not None:
        arrays, statistics = meshes.replicate(arrays, mesh), meshes.replicate(statistics, mesh)
        parameters = meshes.shard_weights(parameters, mesh)
    task = Task(loss, static, optimizer, arrays, batch_size, mesh)
    training = _Training(task, task.begin(parameters, statistics, patience is not None), key, checkpoint)
    if resume and checkpoint is not None and checkpoint.exists():
        training.restore(checkpoint)
    with Progress(epochs * task.batches, progress, training.steps_done) as bar, InterruptBetweenSteps() as interrupt:
        try:
            while training.epoch < epochs and not training.has_stopped(patience):
                training.run_epoch(epochs, bar, interrupt)
                training.end_epoch(validation, metrics or {})
        except KeyboardInterrupt:
            training.save()
            raise
    training.save()
    chosen = training.position.best if patience else (training.position.parameters, training.position.statistics)
    history = {name: np.array(values) for name, values in training.history.items()}
    return Fitted(task.model(*chosen), history, training.has_stopped(patience))


class _Training:
    """A run of `fit`: its position and history, and how to move, save and restore them."""

    def __init__(self, task: Task, position: Position, key: PRNGKeyArray, checkpoint: Path | None):
        self.task, self.position, self._key, self._checkpoint = task, position, key, checkpoint
        self.history: dict[str, list[float]] = {}
        self._saved_at = time.monotonic()
        self._steps_per_call = 1
        self._one_program: bool | None = None

    @property
    def epoch(self) -> int:
        return len(self.history.get("loss", ()))

    @property
    def steps_done(self) -> int:
        return self.epoch * self.task.batches + int(self.position.batch)

    def has_stopped(self, patience: int | None) -> bool:
        """Say whether the validation loss has not fallen for `patience` epochs."""
        losses = self.history.get("validation_loss", [])
        return patience is not None and bool(losses) and len(losses) > patience + losses.index(min(losses))

    def run_epoch(self, epochs: int, bar: Progress, interrupt: InterruptBetweenSteps) -> None:
        """Go from where the position stands to the end of its epoch."""
        task, epoch_key = self.task, jax.random.fold_in(self._key, self.epoch)
        order = shuffle(task, epoch_key)
        if self._one_program is None:
            self._one_program = fits_one_program(task, self.position, order, epoch_key)
        done = int(self.position.batch)
        while done < task.batches:
            interrupt.check()
            steps = min(self._steps_per_call, task.batches - done)
            began = time.monotonic()
            self.position = advance(task, self.position, order, epoch_key, steps, self._one_program)
            if not self.position.finite:
                self._explain_divergence(order)
            seconds = time.monotonic() - began
            self._steps_per_call = max(1, min(2 * steps, int(steps * _SECONDS_PER_CALL / seconds)))
            done += steps
            loss = float(self.position.loss_sum) / min(done * task.batch_size, task.examples)
            bar.advance(steps, f"epoch {self.epoch + 1}/{epochs}, loss {loss:.4g}")
            if time.monotonic() - self._saved_at > _SECONDS_BETWEEN_CHECKPOINTS:
                self.save()

    def end_epoch(self, validation: Sequence[Any] | None, metrics: Mapping[str, Measure]) -> None:
        """Measure, remember, and stand before the next epoch."""
        measured = {"loss": float(self.position.loss_sum) / self.task.examples}
        if validation is not None:
            model = self.task.model(self.position.parameters, self.position.statistics)
            measures = {"validation_loss": self.task.loss, **metrics}
            key = jax.random.fold_in(self._key, self.epoch)
            measured |= {name: evaluate(model, measure, validation, key=key) for name, measure in measures.items()}
        best = self.position.best
        if best is not None and measured["validation_loss"] < min(self.history.get("validation_loss", [np.inf])):
            best = self.position.parameters, self.position.statistics
        self.history = {name: [*self.history.get(name, ()), value] for name, value in measured.items()}
        self.position = next_epoch(self.position, best)

    def _explain_divergence(self, order) -> None:
        """Let the loss look at the batch outside of the compiled program, where its own checks can speak, then stop."""
        model = self.task.model(self.position.parameters, self.position.statistics)
        batch, _ = take_batch(self.task, order, self.position.batch)
        reason = "a smaller learning rate may help"
        try:
            self.task.loss(model, *batch, key=self._key)
        except InputError as error:
            if self.steps_done == 0:  # the parameters are still as the user gave them
                raise
            reason = f"{reason} ({error})"
        kept = "" if self._checkpoint is None else f"; the last good state is kept in {self._checkpoint}"
        raise DivergedError(
            f"the loss or its gradient stopped being finite at step {self.steps_done} (epoch {self.epoch + 1}): "
            f"{reason}{kept}",
            self.steps_done,
        )

    def _about(self) -> dict[str, Any]:
        return {
            "examples": self.task.examples,
            "batch_size": self.task.batch_size,
            "key": np.asarray(jax.random.key_data(self._key)).tolist(),
        }

    def save(self) -> None:
        """Write the checkpoint (in the first process only), where one is wanted."""
        if self._checkpoint is not None and jax.process_index() == 0:
            checkpoints.save(self._checkpoint, self.position, {**self._about(), "history": self.history})
        self._saved_at = time.monotonic()

    def restore(self, checkpoint: Path) -> None:
        """Stand where the checkpoint was written."""
        about = checkpoints.about(checkpoint)
        self.history = about.pop("history", {})
        for name, value in self._about().items():
            if about.get(name) != value:
                raise CheckpointError(
                    f"{checkpoint} belongs to another run: there {name} was {about.get(name)}, here it is {value}"
                )
        self.position = checkpoints.load(checkpoint, self.position)


def _check(data, epochs, batch_size, validation, metrics, patience, mesh) -> None:
    check.whole(epochs=epochs, batch_size=batch_size)
    for name, arrays in (("data", data), ("validation", validation or ())):
        named = {f"{name}[{i}]": x for i, x in enumerate(arrays)}
        if named or name == "data":
            check.same_length(**named)
        check.finite(**{n: x for n, x in named.items() if jnp.issubdtype(jnp.result_type(x), jnp.inexact)})
    if patience is not None:
        check.whole(patience=patience)
    if validation is None and (patience or metrics):
        raise InputError("early stopping and metrics need validation data")
    if mesh is not None:
        meshes.check_batch(batch_size, mesh)
