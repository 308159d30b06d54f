"""The network, its bound, and ln p(x) by importance sampling."""

import math
from typing import Any, NamedTuple

import jax
import numpy as np
import optax

from neuraxis.engine import evaluate, fit
from neuraxis.engine.fit import Fitted
from neuraxis.experiment import Session
from neuraxis.experiments.shared.images import Images
from neuraxis.generative import (
    VAE,
    Binarised,
    NegativeELBO,
    annealed,
    binarise,
    convolutional_vae,
    dense_vae,
    divergence,
    log_likelihood,
)


class Found(NamedTuple):
    """The network, and what was measured."""

    model: VAE
    metrics: dict[str, float]
    arrays: dict[str, Any]


def measure(key: jax.Array, images: Images, settings: Any, session: Session) -> Found:
    """Train the network, and measure it on the test images, whose black and white pixels are drawn once."""
    keys = jax.random.split(key, 5)
    fitted = train(keys[0], images, settings.latent_size, settings.steps, "vae", settings, session)
    model, test = fitted.model, np.asarray(binarise(keys[1], images.test[0]))
    measures = {"bound": NegativeELBO(), "divergence": divergence}
    measured = evaluate(model, measures, (test,), key=keys[2])
    estimates = log_likelihood(model, test, key=keys[3], samples=settings.importance_samples)
    nll = -float(np.mean(estimates.values, dtype=float))
    shown = _one_of_each_class(images)
    return Found(
        model,
        {
            "negative_log_likelihood": nll,
            "standard_error": float(np.std(estimates.values) / math.sqrt(len(test))),
            "standard_error_of_an_image": float(np.mean(estimates.standard_errors)),
            "negative_elbo": measured["bound"],
            "bound_minus_estimate": measured["bound"] - nll,
            "kl_divergence": measured["divergence"],
            "independent_pixels": _independent(images.train[0], test),
            "training_bound": float(fitted.history["loss"][-1]),
            "epochs": float(len(fitted.history["loss"])),
        },
        {
            "history": fitted.history,
            "grey": _vectors(images.test[0][shown]),
            "binary": _vectors(test[shown]),
            "reconstructed": _vectors(model(test[shown])),
        },
    )


def train(
    key: jax.Array, images: Images, latent_size: int, steps: int, name: str, settings: Any, session: Session
) -> Fitted:
    """Maximise the bound, with a learning rate that falls along a cosine."""
    key_model, key_fit = jax.random.split(key)
    batches = math.ceil(len(images.train[0]) / settings.batch_size)
    epochs = math.ceil(steps / batches)
    total = epochs * batches
    rule = annealed(
        lambda beta: Binarised(NegativeELBO(beta)),
        optax.linear_schedule(0.0, 1.0, round(settings.warmup * total)) if settings.warmup else lambda steps: 1.0,
        optax.adam(optax.cosine_decay_schedule(settings.learning_rate, total)),
    )
    return fit(
        _network(key_model, images, latent_size, settings),
        rule,
        images.train[:1],
        epochs=epochs,
        batch_size=settings.batch_size,
        key=key_fit,
        validation=images.validation[:1],
        patience=settings.patience,
        **session.training(f"vae: {name}", f"checkpoint-{name}"),
    )


def _network(key: jax.Array, images: Images, latent_size: int, settings: Any) -> VAE:
    if not settings.channels:
        return dense_vae((images.size, *settings.hidden_sizes, latent_size), key=key)
    shape = images.train[0].shape[1:]
    return convolutional_vae(shape, settings.channels, settings.hidden_sizes, latent_size, key=key)


def _independent(x: np.ndarray, test: np.ndarray) -> float:
    """Return −ln p of the test images where every pixel is black with the share of it in the training images."""
    p = np.clip(np.mean(x, axis=0, dtype=float), 1e-4, 1 - 1e-4)
    black = np.mean(test, axis=0, dtype=float)
    return -float(np.sum(black * np.log(p) + (1 - black) * np.log1p(-p)))


def _vectors(images: Any) -> np.ndarray:
    return np.asarray(images).reshape(len(images), -1)


def _one_of_each_class(images: Images) -> list[int]:
    return [int(np.flatnonzero(images.test[1] == c)[0]) for c in range(len(images.classes))]
