"""Deep autoencoders: for clean images, for corrupted ones, and with a code that can be plotted."""

import math
from typing import Any, NamedTuple

import jax
import numpy as np
import optax
from scipy.spatial import KDTree
from scipy.special import expit

from neuraxis.engine import descent, fit, predict
from neuraxis.experiment import Session
from neuraxis.experiments.autoencoder.linear import Found as LinearFound
from neuraxis.experiments.autoencoder.linear import error, some
from neuraxis.experiments.shared.images import Images
from neuraxis.generative import Autoencoder, Denoising, GaussianNoise, MaskingNoise, TiedAutoencoder
from neuraxis.generative.reconstruction import bernoulli_cross_entropy
from neuraxis.kinds import Map

_NEIGHBOURS = 10
_GRID = 14  # codes along each side of the plane that are decoded


class Found(NamedTuple):
    """The network for clean images, and what was measured."""

    network: Autoencoder
    metrics: dict[str, float]
    arrays: dict[str, Any]


def measure(key: jax.Array, images: Images, linear: LinearFound, settings: Any, session: Session) -> Found:
    """Train the four networks, and compare them with PCA."""
    keys, size = jax.random.split(key, 5), min(settings.code_size, images.size)
    x, shown = images.test[0], some(images)
    plain = _train(keys[0], images, size, bernoulli_cross_entropy, "deep", settings, session)
    output = _pixels(plain, x)
    metrics = {"deep_error": error(output, x), "deep_error_over_pca": error(output, x) / linear.metrics["pca_error"]}
    arrays: dict[str, Any] = {"deep": output[shown]}
    corruptions = {"noise": GaussianNoise(settings.noise), "hidden": MaskingNoise(settings.hidden_pixels)}
    for k, (name, corruption) in zip(keys[1:3], corruptions.items(), strict=True):
        loss = Denoising(bernoulli_cross_entropy, corruption)
        restoring = _train(k, images, size, loss, name, settings, session)
        damaged = np.asarray(corruption(keys[3], x))
        outputs = {
            "restored": _pixels(restoring, damaged),
            "plain": _pixels(plain, damaged),
            "pca": predict(linear.pca, damaged),
        }
        errors = {each: error(output, x) for each, output in outputs.items()}
        metrics |= {f"{name}_{each}_error": value for each, value in errors.items()}
        metrics |= {f"{name}_restored_over_{each}": errors["restored"] / errors[each] for each in ("plain", "pca")}
        arrays[name] = {each: output[shown] for each, output in {"damaged": damaged, **outputs}.items()}
    flat = _train(keys[4], images, 2, bernoulli_cross_entropy, "map", settings, session)
    numbers, drawn = _map(flat, linear.pca_map, images)
    return Found(plain, metrics | numbers, arrays | drawn)


def _pixels(network: Map, x: np.ndarray) -> np.ndarray:
    """Return the images of a network that gives logits."""
    return expit(predict(network, x))


def _train(
    key: jax.Array, images: Images, size: int, loss: Any, name: str, settings: Any, session: Session
) -> Autoencoder:
    key_model, key_fit = jax.random.split(key)
    batches = math.ceil(len(images.train[0]) / settings.batch_size)
    epochs = math.ceil(settings.steps / batches)
    return fit(
        Autoencoder((images.size, *settings.hidden_sizes, size), key=key_model),
        descent(loss, optax.adam(optax.cosine_decay_schedule(settings.learning_rate, epochs * batches))),
        images.train[:1],
        epochs=epochs,
        batch_size=settings.batch_size,
        key=key_fit,
        **session.training(f"autoencoder: {name}", f"checkpoint-{name}"),
    ).model


def _map(flat: Autoencoder, pca: TiedAutoencoder, images: Images) -> tuple[dict[str, float], dict[str, Any]]:
    """Compare codes of two numbers with the first two components, and decode a grid over the middle of the codes."""
    x, labels = images.test
    codes, scores = predict(flat.encoder, x), predict(pca.encoder, x)
    alike, pca_alike = _alike(codes, labels), _alike(scores, labels)
    metrics = {
        "map_error": (own := error(_pixels(flat, x), x)),
        "map_error_over_pca": own / error(predict(pca, x), x),
        "map_neighbours_alike": alike,
        "pca_map_neighbours_alike": pca_alike,
        "map_neighbours_alike_over_pca": alike / pca_alike,
    }
    low, high = np.quantile(codes, (0.02, 0.98), axis=0)
    across, up = (np.linspace(low[i], high[i], _GRID, dtype=np.float32) for i in range(2))
    grid = np.stack(np.meshgrid(across, up[::-1]), axis=-1)
    return metrics, {
        "codes": codes,
        "scores": scores,
        "labels": labels,
        "classes": images.classes,
        "grid": _pixels(flat.decoder, grid.reshape(-1, 2)).reshape(_GRID, _GRID, -1),
        "corners": (low, high),
    }


def _alike(points: np.ndarray, labels: np.ndarray) -> float:
    """Return how many of the nearest neighbours of a code are of the same class, on average, as a share."""
    nearest = np.asarray(KDTree(points).query(points, k=min(_NEIGHBOURS + 1, len(points)))[1])
    return float(np.mean(labels[nearest[:, 1:]] == labels[:, None]))
