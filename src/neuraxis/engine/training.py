"""A run of `fit`: its position, steps and reports, and how it is saved and resumed."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import PRNGKeyArray, PyTree

from neuraxis import files, process
from neuraxis.engine import checkpoint as checkpoints
from neuraxis.engine import spread
from neuraxis.engine.evaluate import measured, reason_of_nan
from neuraxis.engine.feed import Feed, Order
from neuraxis.engine.hosts import agree
from neuraxis.engine.interrupt import InterruptBetweenSteps
from neuraxis.engine.minibatch import Position, Task, advance, copied, one_step
from neuraxis.engine.progress import Progress
from neuraxis.engine.watch import Report
from neuraxis.errors import CheckpointError, DivergedError, InputError
from neuraxis.kinds import Source

# Target duration of one compiled call [s]: long enough that its overhead is negligible, short enough that progress bar
# and interrupts are responsive.
_SECONDS_PER_CALL = 0.5
_SECONDS_BETWEEN_CHECKPOINTS = 10.0
_SECONDS_BETWEEN_REPORTS = 0.5
_LARGEST_MEASURED = 1000  # maximum number of validation examples evaluated at once
_VALIDATION = 2**32 - 1  # distinguishes the keys of validation from those of epochs


@dataclass(frozen=True)
class Watch:
    """How training is monitored and stopped."""

    validation: Sequence[Any] | Source | None
    metrics: Mapping[str, Callable[..., Any]]
    patience: int | None
    callback: Callable[[Report], object] | None
    cancel: Event | None


class Training:
    """A run of `fit`."""

    def __init__(
        self,
        task: Task,
        order: Order,
        feed: Feed,
        position: Position,
        key: PRNGKeyArray,
        watch: Watch,
        one_program: bool,
    ):
        self._task, self._order, self._feed, self._watch = task, order, feed, watch
        self._given: Position | None = position  # None after the first steps
        self._position, self._key, self._one_program = copied(position), key, one_program
        self._loss: Callable[..., Any] | None = getattr(task.rule, "loss", None)
        self._checkpoint: Path | None = None
        self._identity: dict[str, str] = {}
        self._kept = False  # whether the checkpoint exists and belongs to this run
        self._best = copied((position.model, position.state)) if watch.patience else None
        self._began = self._saved_at = self._reported_at = time.monotonic()
        self._steps_per_call = 1
        self.history: dict[str, list[float]] = {name: [] for name in position.losses}
        self.cancelled = False

    @property
    def _epoch(self) -> int:
        return len(next(iter(self.history.values())))

    @property
    def _batch(self) -> int:
        return int(self._position.batch)

    @property
    def steps_done(self) -> int:
        """Number of steps since the start."""
        return self._epoch * self._order.batches + self._batch

    @property
    def stopped_early(self) -> bool:
        """Whether the validation loss has not decreased for `patience` epochs."""
        losses, patience = self.history.get("validation_loss", []), self._watch.patience
        return patience is not None and bool(losses) and len(losses) > patience + losses.index(min(losses))

    def result(self) -> tuple[PyTree, PyTree]:
        """Return the model, the best one if requested, and the corresponding state of the rule."""
        best = self._best if self._epoch else None
        arrays, state = best or (self._position.model, self._position.state)
        return self._task.model(arrays), state

    def run(self, epochs: int, bar: Progress, interrupt: InterruptBetweenSteps) -> None:
        """Train until that many epochs are completed, or until training is to stop."""
        while self._epoch < epochs and not self.stopped_early and not self._is_to_stop(interrupt):
            key = jax.random.fold_in(self._key, self._epoch)
            for steps in self._steps_of_epoch(key):
                if self._given is not None:
                    self._given = None
                    process.give_back_freed_memory()  # of the compiler
                losses = {name: float(s.total) / self._seen() for name, s in self._position.losses.items()}
                bar.advance(steps, f"epoch {self._epoch + 1}/{epochs}, {_in_words(losses)}")
                if self._batch < self._order.batches:
                    if time.monotonic() - self._reported_at > _SECONDS_BETWEEN_REPORTS:
                        self._report(losses, ends_epoch=False)
                    if self._is_to_stop(interrupt):
                        return
            self._end_epoch()
        interrupt.check()

    def _is_to_stop(self, interrupt: InterruptBetweenSteps) -> bool:
        """Return whether training was cancelled, and save from time to time; all processes do so together.

        Raises:
            KeyboardInterrupt: if an interrupt was requested.
        """
        due = self._checkpoint is not None and time.monotonic() - self._saved_at > _SECONDS_BETWEEN_CHECKPOINTS
        asked = self._watch.cancel is not None and self._watch.cancel.is_set()
        steps, self.cancelled, interrupted, save = agree(self._steps_per_call, asked, interrupt.asked, due)
        self._steps_per_call = steps
        if interrupted:
            interrupt.stop()
        if save and not self.cancelled:
            self.save()
        return self.cancelled

    def _steps_of_epoch(self, key: PRNGKeyArray) -> Iterator[int]:
        """Take the remaining steps of this epoch; yield the number of steps after each call."""
        order, examples = self._order, self._order.of_epoch(self._epoch, key)
        whole = examples[: order.whole_batches * order.batch_size].reshape(-1, order.batch_size)
        for block, last in self._feed.blocks(whole, self._batch):
            while self._batch < last:
                began, steps = time.monotonic(), min(self._steps_per_call, last - self._batch)
                self._position = advance(self._task, self._position, block, key, steps, self._one_program)
                self._check(lambda batch: whole[batch])
                seconds = max(time.monotonic() - began, 1e-9)  # a coarse clock may stand still
                self._steps_per_call = max(1, min(2 * steps, int(steps * _SECONDS_PER_CALL / seconds)))
                yield steps
        if self._batch < order.batches:
            rest = examples[whole.size :]
            self._position = one_step(self._task, self._position, self._feed.batch(rest), key)
            self._check(lambda _: rest)
            yield 1

    def _check(self, examples: Callable[[int], np.ndarray]) -> None:
        """Check that losses and model are finite, and that the rule has not changed a Python number of the model.

        Raises:
            InputError: if a batch has values that the rule does not accept, or the rule changed a Python number.
            DivergedError: if the loss or the model is no longer finite.
        """
        if not self._position.same_numbers:
            raise InputError(
                "a rule must leave the Python numbers in a model unchanged: what it changes must be an array"
            )
        if not self._position.finite:
            batch = self._feed.batch(examples(self._batch))
            reason = self._trouble(batch)
            where = f"; the last good state is kept in {self._checkpoint}" if self._kept else ""
            raise DivergedError(
                f"the loss or the model stopped being finite at step {self.steps_done} (epoch {self._epoch + 1}): "
                f"{reason}{where}",
                self.steps_done,
            )

    def _trouble(self, batch: tuple[Any, ...]) -> str:
        """Return why training diverged, by applying the rule outside of a compiled program, where its checks can raise.

        The model is the one that the user gave or, later, when none from before the divergence is left, the current one
        with its non-finite numbers replaced.
        """
        for i, x in enumerate(batch):
            if jnp.issubdtype(x.dtype, jnp.inexact) and not jnp.all(jnp.isfinite(x)):
                return f"data[{i}] must be finite, but a batch of it is not"
        begun = self._given or jax.tree.map(_finite, self._position)
        model = self._task.model(begun.model)
        reason = "a smaller learning rate may help"
        try:
            if self._loss is not None:
                self._loss(model, *batch, key=self._key)
            else:
                self._task.rule.step(model, begun.state, batch, key=self._key)
        except InputError as error:
            if self.steps_done == 0:  # the model is still the one that the user gave
                raise
            reason = f"{reason} ({error})"
        return reason

    def _seen(self) -> int:
        """Return the number of examples in the completed batches of this epoch."""
        return min(self._batch * self._order.batch_size, self._order.visits)

    def _end_epoch(self) -> None:
        """Evaluate, record the results, and move to the start of the next epoch."""
        losses = {name: float(s.total) / self._order.visits for name, s in self._position.losses.items()}
        measured = losses | self._validate()
        best = min(self.history.get("validation_loss", [np.inf]))
        if self._best is not None and measured["validation_loss"] < best:
            self._best = copied((self._position.model, self._position.state))
        self.history = {name: [*self.history.get(name, ()), value] for name, value in measured.items()}
        self._position = self._position.at_next_epoch()
        self._report(measured, ends_epoch=True)

    def _validate(self) -> dict[str, float]:
        """Evaluate on the validation data.

        Raises:
            DivergedError: for a validation loss that is not finite, or a metric that is NaN.
        """
        data = self._watch.validation
        if data is None:
            return {}
        measures = {} if self._loss is None else {"validation_loss": self._loss}
        key = jax.random.fold_in(jax.random.fold_in(self._key, _VALIDATION), self._epoch)
        model = self._task.model(self._position.model)
        size = min(_LARGEST_MEASURED, 4 * self._order.batch_size)  # without a gradient, more fit into memory
        measures |= self._watch.metrics
        found = measured(model, measures, data, key=key, batch_size=size)
        for name, value in found.items():
            if np.isnan(value) or (name == "validation_loss" and np.isinf(value)):
                what, reason = name.replace("_", " "), reason_of_nan(model, measures[name], data, key)
                raise DivergedError(f"the {what} is {value} after epoch {self._epoch + 1}: {reason}", self.steps_done)
        return found

    def _report(self, losses: dict[str, float], *, ends_epoch: bool) -> None:
        self._reported_at = time.monotonic()
        if self._watch.callback is not None:
            seconds = self._reported_at - self._began
            self._watch.callback(Report(self.steps_done, self._epoch, losses, seconds, ends_epoch))

    def keep(self, checkpoint: Path, identity: dict[str, str], resume: bool) -> None:
        """Keep a checkpoint in that file, and resume from an existing one if requested.

        Raises:
            CheckpointError: for a checkpoint that is damaged or belongs to another run.
        """
        self._checkpoint, self._identity = checkpoint, identity
        files.check_writable(checkpoint)
        if checkpoint.is_dir() and not any(checkpoint.glob("*.safetensors")):
            raise CheckpointError(f"{checkpoint} must be a file, but is a folder without a checkpoint")
        files.sweep(checkpoint)
        if not resume or not spread.file_of(checkpoint).exists():
            return
        about = checkpoints.about(checkpoint)
        checkpoints.check_same(checkpoint, about.get("identity", {}), identity)
        self.history = about["history"]
        standing = checkpoints.restore(checkpoint, self._standing())
        self._position, self._best = standing["position"], standing["best"]
        self._kept = True

    def save(self) -> None:
        """Write the checkpoint, if one is kept and the model is valid; all processes do so together."""
        whole = not self._position.batch.is_deleted()  # as it is after steps that failed, such as for lack of memory
        if self._checkpoint is not None and whole and self._position.finite and self._position.same_numbers:
            about = {"identity": self._identity, "history": self.history}
            checkpoints.save(self._checkpoint, self._standing(), about)
            self._kept = True
        self._saved_at = time.monotonic()

    def _standing(self) -> dict[str, Any]:
        return {"position": self._position, "best": self._best}


def _finite(x: Any) -> Any:
    return jnp.nan_to_num(x, posinf=0.0, neginf=0.0) if jnp.issubdtype(x.dtype, jnp.inexact) else x


def _in_words(losses: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {value:.4g}" for name, value in losses.items())
