"""Decoding from the hidden layer of a trained net, whose activities are those of any population."""

from typing import Any

import jax
import numpy as np
import optax

from neuraxis.data import digits
from neuraxis.engine import descent, fit
from neuraxis.experiment import Session
from neuraxis.feedforward import MLP, classification
from neuraxis.functions import relu
from neuraxis.population import solve_decoders


def measure(key: jax.Array, settings: Any, session: Session) -> tuple[dict[str, float], dict[str, Any]]:
    """Train a classifier of digits, and decode the centre of the ink, row and column, from its hidden layer."""
    images = digits.load().scaled()
    flat = images.flat()
    fitted = fit(
        MLP((64, 100, 10), key=key),
        descent(classification.loss, optax.adam(3e-3)),
        (flat.train_x, flat.train_y),
        epochs=settings.epochs,
        batch_size=64,
        key=key,
        **session.training("classifier", "classifier"),
    )
    hidden = lambda x: relu(fitted.model.layers[0](x))
    decoders = solve_decoders(hidden(flat.train_x), _centre(images.train_x), 0.01)
    wanted = _centre(images.test_x)
    error = np.asarray(hidden(flat.test_x) @ decoders) - wanted
    right = classification.correct(fitted.model, flat.test_x, flat.test_y)
    metrics = {
        "hidden_layer_r2": float(1 - np.sum(error**2) / np.sum((wanted - wanted.mean(axis=0)) ** 2)),
        "classifier_accuracy": float(np.mean(right)),
    }
    return metrics, {}


def _centre(images: np.ndarray) -> np.ndarray:
    """Return the mean row and column of the ink, counted from the middle [pixels]."""
    places = np.arange(images.shape[1]) - (images.shape[1] - 1) / 2
    ink = images.sum(axis=(1, 2))
    rows, columns = images.sum(axis=2) @ places / ink, images.sum(axis=1) @ places / ink
    return np.stack([rows, columns], axis=1).astype(np.float32)
