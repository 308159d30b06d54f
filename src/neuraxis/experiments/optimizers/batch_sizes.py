"""How long stochastic gradient descent with batches of one size takes to reach a loss."""

import math
from collections.abc import Sequence
from threading import Event
from typing import NamedTuple

import jax
import numpy as np

from neuraxis.engine import Fitted, Report, descent, evaluate, fit, gradient_descent
from neuraxis.errors import DivergedError, InputError
from neuraxis.experiments.shared.images import Images
from neuraxis.feedforward import MLP
from neuraxis.feedforward.classification import loss
from neuraxis.kinds import Rule

_TRIAL_STEPS = 20
_MOST_EPOCHS = 5000
_SHORTEST = 0.2  # that is timed [s]


class Race(NamedTuple):
    """The way of one batch size to the loss."""

    batch_size: int
    learning_rate: float
    epochs: float  # until the loss was reached, between two epochs by interpolation
    steps: float
    seconds: float  # of these epochs, without compiling and without looking at the held-out images
    losses: np.ndarray  # held-out loss before the first epoch and after each


def race(images: Images, batch_size: int, learning_rates: Sequence[float], target: float, seed: int) -> Race:
    """Choose the learning rate by short trials, then train until the held-out loss reaches `target`.

    Each rate is tried for one epoch or 20 steps, whichever is longer, from the same weights.

    Raises:
        InputError: if every rate diverges, or the loss is not reached in 5000 epochs.
    """
    model = MLP((images.size, 128, len(images.classes)), key=jax.random.key(seed))
    batches = math.ceil(len(images.train[0]) / batch_size)
    trials = _trials(images, model, batch_size, learning_rates, math.ceil(_TRIAL_STEPS / batches))
    if not trials:
        raise InputError(f"with batches of {batch_size} every learning rate of {tuple(learning_rates)} diverges")
    _, rate, rule = min(trials, key=lambda trial: trial[0])
    losses = _losses(images, model, batch_size, rule, target)
    epochs = _when(losses, target)
    seconds = epochs * _seconds_per_epoch(images, model, batch_size, rule, math.ceil(epochs))
    return Race(batch_size, rate, epochs, epochs * batches, seconds, losses)


def _fit(images: Images, model: MLP, batch_size: int, rule: Rule, epochs: int, *, watch: bool = True, **more) -> Fitted:
    return fit(
        model,
        rule,
        images.train,
        epochs=epochs,
        batch_size=batch_size,
        key=jax.random.key(0),
        validation=images.validation if watch else None,
        progress=None,
        **more,
    )


def _trials(
    images: Images, model: MLP, batch_size: int, learning_rates: Sequence[float], epochs: int
) -> list[tuple[float, float, Rule]]:
    """Return the held-out loss, the rate and the rule of every rate that does not diverge."""
    trials = []
    for rate in learning_rates:
        rule = descent(loss, gradient_descent(rate))
        try:
            fitted = _fit(images, model, batch_size, rule, epochs)
        except DivergedError:
            continue
        trials.append((float(fitted.history["validation_loss"][-1]), rate, rule))
    return trials


def _losses(images: Images, model: MLP, batch_size: int, rule: Rule, target: float) -> np.ndarray:
    """Return the held-out loss after every epoch, until it is at the target."""
    losses, reached = [evaluate(model, loss, images.validation)], Event()

    def watch(report: Report) -> None:
        if report.ends_epoch:
            losses.append(report.losses["validation_loss"])
            if losses[-1] <= target:
                reached.set()

    if losses[0] > target:
        _fit(images, model, batch_size, rule, _MOST_EPOCHS, callback=watch, cancel=reached)
        if not reached.is_set():
            raise InputError(
                f"batches of {batch_size} do not bring the held-out loss to {target} in {_MOST_EPOCHS} epochs, "
                f"but only to {min(losses):.3g}; give a higher target_loss"
            )
    return np.array(losses)


def _when(losses: np.ndarray, target: float) -> float:
    """Return the epoch at which the loss crosses the target, with its logarithm straight between two epochs."""
    after = max(1, int(np.argmax(losses <= target)))
    before, behind = np.log(losses[after - 1 : after + 1])
    return float(after - 1 + (before - np.log(target)) / (before - behind))


def _seconds_per_epoch(images: Images, model: MLP, batch_size: int, rule: Rule, epochs: int) -> float:
    """Time epochs after the first one, which compiles."""
    while True:
        ends: list[float] = []
        note = lambda report, ends=ends: ends.append(report.seconds) if report.ends_epoch else None
        _fit(images, model, batch_size, rule, 1 + epochs, watch=False, callback=note)
        if (seconds := ends[-1] - ends[0]) > _SHORTEST:
            return seconds / epochs
        epochs *= 4
