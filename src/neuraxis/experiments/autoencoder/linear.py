"""The linear autoencoder with tied weights beside the principal components."""

import math
from typing import Any, NamedTuple

import equinox as eqx
import jax
import numpy as np
import optax

from neuraxis.engine import descent, evaluate, fit, momentum, predict
from neuraxis.experiment import Session
from neuraxis.experiments.shared.images import Images
from neuraxis.functions.principal_components import PrincipalComponents, principal_angles, principal_components
from neuraxis.generative import TiedAutoencoder
from neuraxis.generative.reconstruction import squared_error
from neuraxis.kinds import Map

_BATCH_SIZE, _BETA = 500, 0.95
# The highest rate, over the mean of ‖x‖²: what is stable does not depend on how large and bright images are.
_RATE, _WARMUP = 1.0, 0.1


class Found(NamedTuple):
    """PCA as networks, and what was measured."""

    pca: TiedAutoencoder
    pca_map: TiedAutoencoder  # with two components
    metrics: dict[str, float]
    arrays: dict[str, Any]


def measure(key: jax.Array, images: Images, settings: Any, session: Session) -> Found:
    """Find both subspaces, and compare them and what they explain."""
    (x, _), (test, _) = images.train, images.test
    size = min(settings.code_size, images.size)
    found = principal_components(x, max(size, 2))
    pca, learnt = network_of(found, size), _train(key, images, size, settings, session)
    angles = np.degrees(principal_angles(learnt.encoder.layers[0].weight, pca.encoder.layers[0].weight))
    explained = {name: _explained(model, x) for name, model in (("pca", pca), ("linear", learnt))}
    outputs = {"pca": predict(pca, test), "linear": predict(learnt, test)}
    metrics = {
        "largest_principal_angle_degrees": angles.max(),
        "pca_explained_variance": explained["pca"],
        "linear_explained_variance": explained["linear"],
        "linear_explained_over_pca": explained["linear"] / explained["pca"],
        **{f"{name}_error": error(output, test) for name, output in outputs.items()},
    }
    arrays = {name: output[some(images)] for name, output in (("originals", test), *outputs.items())}
    return Found(pca, network_of(found, 2), metrics, {"angles": angles, **arrays})


def network_of(pca: PrincipalComponents, size: int) -> TiedAutoencoder:
    """Write x̂ = mean + (x − mean) VVᵀ, with the first directions V, as a tied autoencoder."""
    directions = pca.directions[:size]
    network = TiedAutoencoder((directions.shape[1], size), key=jax.random.key(0))
    return eqx.tree_at(
        lambda n: (n.encoder.layers[0].weight, n.encoder.layers[0].bias, n.biases[0]),
        network,
        (directions.T, -directions @ pca.mean, pca.mean),
    )


def _train(key: jax.Array, images: Images, size: int, settings: Any, session: Session) -> TiedAutoencoder:
    key_model, key_fit = jax.random.split(key)
    batches = math.ceil(len(images.train[0]) / _BATCH_SIZE)
    epochs = math.ceil(settings.linear_steps / batches)
    power = float(np.mean(np.sum(images.train[0] ** 2, axis=-1)))
    steps = epochs * batches
    rate = optax.warmup_cosine_decay_schedule(0.0, _RATE / power, int(_WARMUP * steps), steps)
    return fit(
        TiedAutoencoder((images.size, size), key=key_model),
        descent(squared_error, momentum(rate, _BETA)),
        images.train[:1],
        epochs=epochs,
        batch_size=_BATCH_SIZE,
        key=key_fit,
        **session.training("autoencoder: linear", "checkpoint-linear"),
    ).model


def _explained(model: Map, x: np.ndarray) -> float:
    """Return the share of the variance that is in the reconstructions."""
    return 1 - 2 * evaluate(model, squared_error, (x,)) / float(np.sum(np.var(x, axis=0, dtype=float)))


def error(reconstructed: np.ndarray, x: np.ndarray) -> float:
    """Return the mean squared error of a pixel."""
    return float(np.mean((reconstructed - x) ** 2, dtype=float))


def some(images: Images) -> list[int]:
    """Choose the test images that are shown: the first of each class, and a second of the first two."""
    places = [np.flatnonzero(images.test[1] == c) for c in range(len(images.classes))]
    return [int(found[0]) for found in places] + [int(found[1]) for found in places[:2]]
