"""The relativistic game on images."""

from typing import Any, NamedTuple

import jax
import numpy as np
import optax

from neuraxis import check
from neuraxis.engine import averaged, fit, predict
from neuraxis.experiment import Claim, Session
from neuraxis.experiments.shared import scorer
from neuraxis.experiments.shared.images import check_halved, find
from neuraxis.generative import GAN, adversarial, convolutional_gan, coverage_of_labels, relativistic

_SAMPLES, _STACKED_SAMPLES = 2000, 26_000
_COLOURS, _CLASSES = 3, 10
_DECAY = 0.99  # of the mean of the weights
_SHOWN = 60  # images


class Found(NamedTuple):
    """The model, what was measured, and what is drawn of it."""

    metrics: dict[str, float]
    claims: tuple[Claim, ...]
    arrays: dict[str, Any]
    model: GAN
    description: str


def check_size(settings: Any) -> None:
    """Check that the images can be halved for each of the channels (see `check_halved`)."""
    check_halved(find(_source(settings.data)).train_x.shape[1], settings.channels)


def measure(key: jax.Array, settings: Any, session: Session) -> Found:
    """Train on images, and let the classifier judge what comes of it."""
    images, stacked = find(_source(settings.data)), settings.data == "stacked-mnist"
    real = images.train_x[..., None][: settings.training_images]
    if stacked:
        real = stack(images.train_x, settings.training_images, settings.seed)
    key_model, key_fit, key_samples = jax.random.split(key, 3)
    model = convolutional_gan(real.shape[1:], settings.channels, settings.latent_size, key=key_model)
    adam = optax.adam(optax.cosine_decay_schedule(settings.image_learning_rate, settings.image_steps), b1=0.0, b2=0.99)
    rule = adversarial(relativistic, adam, adam, r1=settings.image_penalty, r2=settings.image_penalty)
    model = fit(
        model,
        averaged(rule, _DECAY),
        (real,),
        steps=settings.image_steps,
        batch_size=settings.image_batch_size,
        key=key_fit,
        **session.training("images", "checkpoint-images"),
    ).model
    judge = scorer.load(images.name, progress=session.progress)
    made = predict(model, model.draw(_STACKED_SAMPLES if stacked else _SAMPLES, key=key_samples))
    # A classifier of digits looks at the colours of a stacked image one after the other.
    grey = np.moveaxis(made, -1, 1).reshape(-1, *made.shape[1:3], 1)
    table = scorer.table(judge, {"GAN": grey[:_SAMPLES]})
    metrics, claims = table["GAN"].metrics(), [Claim("classes", ">=", float(_CLASSES))]
    if stacked:
        digits = np.argmax(predict(judge.network, grey), axis=-1).reshape(-1, _COLOURS)
        coverage = coverage_of_labels(digits @ _CLASSES ** np.arange(_COLOURS), _CLASSES**_COLOURS)
        metrics |= {
            "stacked_modes_covered": float(coverage.covered()),
            "stacked_divergence_from_uniform": coverage.divergence,
        }
        claims.append(Claim("stacked_modes_covered", ">=", 990.0))
    else:
        claims.append(Claim("confidence", ">=", 0.75))
    kind = f"{len(real)} of them stacked by three" if stacked else f"{len(real)} of them used for training"
    arrays = {"made": made[:_SHOWN], "real": real[:_SHOWN], "table": table}
    return Found(metrics, tuple(claims), arrays, model, f"{images.description}, {kind}")


def stack(images: np.ndarray, count: int, seed: int) -> np.ndarray:
    """Draw colour images (count, height, width, 3), of which each colour is one of the grey images (N, height, width).

    Source: Metz et al., International Conference on Learning Representations (2017), section 3.3.1.
    """
    check.array_fits("training_images", (count, *images.shape[1:], _COLOURS))
    chosen = np.random.default_rng(seed).integers(len(images), size=(_COLOURS, count))
    return np.stack([images[each] for each in chosen], axis=-1)


def _source(name: str) -> str:
    return "mnist" if name == "stacked-mnist" else name
