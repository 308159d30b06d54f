"""The network turned round: labels at its top, images at its bottom. It draws prototypes, and completes images."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import PRNGKeyArray

from neuraxis.energy import Clamped, ErrorRelaxation, Inference, PredictiveCoding, local_learning
from neuraxis.engine import fit
from neuraxis.experiment import Session
from neuraxis.experiments.predictive_coding.learning import STRONG, Found, pairs, schedule
from neuraxis.experiments.shared.images import Images

_INFERENCE = ErrorRelaxation(steps=300, step_size=0.05)
_RIDGE = 10.0  # of the regression, in units of a pixel's square


def measure(key: PRNGKeyArray, images: Images, settings: Any, session: Session, judge: PredictiveCoding) -> Found:
    """Train, generate and complete; the classifier judges what comes of it."""
    model = _train(key, images, settings, session)
    x, labels = images.train
    classes = len(images.classes)
    prototypes = np.asarray(model(np.eye(classes)))
    means = np.stack([x[labels == k].mean(0) for k in range(classes)])
    metrics = {
        "prototypes_nearest_own_mean": np.mean(_nearest(prototypes, means) == np.arange(classes)),
        "prototypes_recognised": np.mean(_read(judge, prototypes) == np.arange(classes)),
        "class_means_recognised": np.mean(_read(judge, means) == np.arange(classes)),
        "prototype_error": np.mean((prototypes - means) ** 2) / np.mean((means - means.mean(0)) ** 2),
    }
    completed, errors = _complete(model, images, settings, judge)
    arrays = {"prototypes": prototypes, "means": means, "completed": completed}
    return Found({**metrics, **errors}, arrays, {"generator": model})


def _train(key: PRNGKeyArray, images: Images, settings: Any, session: Session) -> PredictiveCoding:
    key_model, key_fit = jax.random.split(key)
    sizes = (images.size, *settings.hidden_sizes, len(images.classes))
    variances = (settings.pixel_variance, *[1.0] * len(settings.hidden_sizes))
    epochs, rate = schedule(settings.generator_learning_rate, images, settings.generator_steps, settings.batch_size)
    pixels, label = pairs(images, images.train)
    return fit(
        PredictiveCoding(sizes, key=key_model, variances=variances),
        local_learning(optax.adamw(rate, weight_decay=settings.generator_decay), STRONG),
        (label, pixels),
        epochs=epochs,
        batch_size=settings.batch_size,
        key=key_fit,
        **session.training("generator", "checkpoint-generator"),
    ).model


def _complete(
    model: PredictiveCoding, images: Images, settings: Any, judge: PredictiveCoding
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Clamp the upper half of test images, and read the lower one; compare with the mean image and with regression."""
    x, labels = (part[: settings.completed] for part in images.test)
    known, mean = np.arange(images.size) < images.size // 2, images.train[0].mean(0)
    settled = _INFERENCE(Clamped(model, x, known=known))
    completed, guess = np.asarray(settled.values[0]), np.where(known, x, mean)
    regressed = np.where(known, x, 0.0)
    regressed[:, ~known] = _regression(images.train[0], known, x)
    wrong = lambda picture: np.mean((picture - x)[:, ~known] ** 2)
    recognised = lambda picture: np.mean(_read(judge, picture) == labels)
    metrics = {
        "completion_error": wrong(completed),
        "completion_error_over_mean_image": wrong(completed) / wrong(guess),
        "regression_error_over_mean_image": wrong(regressed) / wrong(guess),
        "completion_recognised": recognised(completed),
        "completion_recognised_of_mean_image": recognised(guess),
        "generator_accuracy": np.mean(np.argmax(Inference(model, _INFERENCE)(x), axis=-1) == labels),
    }
    shown = [int(np.flatnonzero(labels == k)[0]) for k in np.unique(labels)]
    rows = {"original": x, "clamped": np.where(known, x, 0.5), "completed": completed, "mean image": guess}
    return {name: np.clip(row[shown], 0, 1) for name, row in rows.items()}, metrics


def _regression(train: np.ndarray, known: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Predict the hidden pixels by the known ones, linearly."""
    bias = lambda part: np.concatenate([part[:, known], np.ones((len(part), 1))], axis=1).astype(float)
    a = bias(train)
    return bias(x) @ np.linalg.solve(a.T @ a + _RIDGE * np.eye(a.shape[1]), a.T @ train[:, ~known])


def _read(judge: PredictiveCoding, pictures: np.ndarray) -> np.ndarray:
    return np.asarray(jnp.argmax(judge(np.clip(pictures, 0, 1)), axis=-1))


def _nearest(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Say for each row of a which row of b is the nearest."""
    return np.argmin(np.sum((a[:, None] - b) ** 2, axis=-1), axis=1)
