"""Networks that learn to classify: by backpropagation, and by predictive coding in steps from the plainest form."""

import math
from typing import Any, NamedTuple

import jax
import numpy as np
import optax
from jaxtyping import PRNGKeyArray

from neuraxis.energy import ErrorRelaxation, PredictiveCoding, StateRelaxation, local_learning, prediction_error
from neuraxis.engine import descent, evaluate, fit
from neuraxis.experiment import Session
from neuraxis.experiments.shared.images import Images, Labelled
from neuraxis.feedforward.classification import correct
from neuraxis.functions.activations import Activation, relu, tanh
from neuraxis.functions.losses import one_hot
from neuraxis.kinds import Rule

STRONG = ErrorRelaxation(steps=5, step_size=0.1)
WEAK = ErrorRelaxation(steps=5, step_size=0.5)


class Found(NamedTuple):
    """What a part of the experiment gives."""

    metrics: dict[str, Any]
    arrays: dict[str, Any]
    models: dict[str, PredictiveCoding]


class Learner(NamedTuple):
    """A way to learn."""

    label: str  # in the figure
    relaxation: Any  # None for backpropagation
    variance: float  # ν¹, of the labels
    optimizer: optax.GradientTransformation

    def rule(self) -> Rule:
        """Make the rule."""
        if self.relaxation is None:
            return descent(prediction_error, self.optimizer)
        return local_learning(self.optimizer, self.relaxation)


def pairs(images: Images, part: Labelled) -> tuple[np.ndarray, np.ndarray]:
    """Return images with their one-hot labels."""
    x, labels = part
    return np.asarray(x, np.float32), np.asarray(one_hot(labels, len(images.classes)), np.float32)


def schedule(rate: float, images: Images, steps: int, batch_size: int) -> tuple[int, optax.Schedule]:
    """Return the number of epochs, and a learning rate that falls to 0 over them along a cosine."""
    batches = math.ceil(len(images.train[0]) / batch_size)
    epochs = math.ceil(steps / batches)
    return epochs, optax.cosine_decay_schedule(rate, epochs * batches)


def shallow(key: PRNGKeyArray, images: Images, settings: Any, session: Session) -> Found:
    """Train one network in five ways, each of which changes one thing of the one before it."""
    _, rate = schedule(settings.learning_rate, images, settings.steps, settings.batch_size)
    epochs, fast = schedule(settings.momentum_rate, images, settings.steps, settings.batch_size)
    by_states = StateRelaxation(settings.state_steps, settings.state_step_size)
    adam, weak = optax.adam(rate), settings.clamp_variance
    learners = {
        "plain": Learner("values, momentum", by_states, 1.0, optax.sgd(fast, 0.9)),
        "states": Learner("values, Adam", by_states, 1.0, adam),
        "errors": Learner("errors, Adam", STRONG, 1.0, adam),
        "weak": Learner("errors, Adam, weak clamp", WEAK, weak, adam),
        "backprop": Learner("backpropagation, Adam", None, 1.0, adam),
    }
    sizes = (len(images.classes), *settings.hidden_sizes, images.size)
    models, arrays, metrics = _train(key, images, learners, sizes, relu, epochs, settings, session, "")
    metrics["accuracy"] = metrics.pop("accuracy_weak")
    metrics["accuracy_below_backprop"] = metrics["accuracy_backprop"] - metrics["accuracy"]
    return Found(metrics, {"shallow": arrays}, models)


def deep(key: PRNGKeyArray, images: Images, settings: Any, session: Session) -> Found:
    """Train a deep network in three ways, behind the same weak clamp."""
    epochs, rate = schedule(settings.deep_learning_rate, images, settings.deep_steps, settings.batch_size)
    by_states = StateRelaxation(settings.state_steps, settings.state_step_size)
    adam, weak = optax.adam(rate), settings.clamp_variance
    learners = {
        "states": Learner("values", by_states, weak, adam),
        "errors": Learner("errors", WEAK, weak, adam),
        "backprop": Learner("backpropagation", None, weak, adam),
    }
    sizes = deep_sizes(images, settings)
    models, arrays, metrics = _train(key, images, learners, sizes, tanh, epochs, settings, session, "deep_")
    metrics["deep_accuracy"] = best = metrics.pop("deep_accuracy_errors")
    metrics["deep_accuracy_below_backprop"] = metrics["deep_accuracy_backprop"] - best
    metrics["deep_accuracy_above_states"] = best - metrics["deep_accuracy_states"]
    return Found(metrics, {"deep": arrays, "layers": settings.layers}, models)


def deep_sizes(images: Images, settings: Any) -> tuple[int, ...]:
    """Return the layers of a deep network."""
    return (len(images.classes), *[settings.deep_size] * (settings.layers - 1), images.size)


def _train(
    key: PRNGKeyArray,
    images: Images,
    learners: dict[str, Learner],
    sizes: tuple[int, ...],
    activation: Activation,
    epochs: int,
    settings: Any,
    session: Session,
    prefix: str,
) -> tuple[dict[str, PredictiveCoding], dict[str, Any], dict[str, float]]:
    """Train from the same weights, on the same batches."""
    key_model, key_fit = jax.random.split(key)
    models, arrays, metrics = {}, {}, {}
    for name, learner in learners.items():
        variances = (learner.variance, *[1.0] * (len(sizes) - 2))
        fitted = fit(
            PredictiveCoding(sizes, key=key_model, activation=activation, variances=variances),
            learner.rule(),
            pairs(images, images.train),
            epochs=epochs,
            batch_size=settings.batch_size,
            key=key_fit,
            validation=pairs(images, images.validation),
            metrics={"accuracy": correct},
            **session.training(f"{prefix}{name}", f"checkpoint-{prefix}{name}"),
        )
        models[name] = fitted.model
        arrays[name] = {"label": learner.label, "accuracy": fitted.history["accuracy"]}
        metrics[f"{prefix}accuracy_{name}"] = evaluate(fitted.model, correct, images.test)
    return models, arrays, metrics
