"""One judge of all generated images: a classifier trained once on the real ones and stored with the data.

It is a small `CNN`. `load` trains it the first time, always in the same way, and keeps it in the folder of downloaded
data; a file there that is damaged, or was made by another recipe, is replaced. Where nothing can be kept, it is trained
anew each time.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import equinox as eqx
import jax
import numpy as np
from jaxtyping import Array, ArrayLike, Float, PRNGKeyArray
from scipy.special import softmax

from neuraxis import check, plots
from neuraxis.data import published
from neuraxis.engine import checkpoint, predict
from neuraxis.errors import CheckpointError, InputError
from neuraxis.experiments.shared import images as real
from neuraxis.experiments.shared.image_classifier import train
from neuraxis.feedforward import CNN
from neuraxis.generative.image_scores import class_coverage, class_entropy, confidence, frechet_distance

_CHANNELS, _FEATURES, _SEED = (8, 16), 32, 0
_TRAINING = {"steps": 900, "batch_size": 128, "learning_rate": 4e-3}


class Scores(NamedTuple):
    """How images look to the classifier."""

    confidence: float  # mean of the largest class probability
    classes: int  # how many of the ten hold at least 1 % of the images
    entropy: float  # of the mean class distribution [nats]; ln 10 = 2.303 at most
    frechet_distance: float  # of the features before the last layer, from those of real test images

    def metrics(self) -> dict[str, float]:
        """Return them by the names that all experiments use."""
        return {
            "confidence": self.confidence,
            "classes": float(self.classes),
            "class_entropy": self.entropy,
            "frechet_distance": self.frechet_distance,
        }


@dataclass(frozen=True, eq=False)
class Scorer:
    """A trained classifier, and real images that it has not seen.

    Every other test image serves as the reference of the Fréchet distance; the rest are the "test images" of `table`,
    whose distance is what so few images have by chance.
    """

    network: CNN
    test: np.ndarray  # (N, height, width, 1), from 0 to 1

    def scores(self, images: ArrayLike) -> Scores:
        """Score images.

        Args:
            images: (N, height, width, 1) or (N, pixels), at least two, from 0 to 1.

        Raises:
            InputError: for images of another shape, or with numbers outside [0, 1].
        """
        features = self._features(self._checked(images))
        p = softmax(np.asarray(self.network.head.layers[-1](features), float), axis=1)
        distance = frechet_distance(features, self._reference)
        return Scores(confidence(p), class_coverage(p), class_entropy(p), distance)

    @cached_property
    def _reference(self) -> np.ndarray:
        return self._features(self.test[::2])

    def _features(self, images: np.ndarray) -> np.ndarray:
        return predict(_Features(self.network), images)

    def _checked(self, images: ArrayLike) -> np.ndarray:
        check.finite(images=images)
        x, shape = np.asarray(check.array("images", images), np.float32), self.test.shape[1:]
        if x.ndim not in (2, 4) or len(x) < 2 or x.shape[1:] not in (shape, (np.prod(shape),)):
            expected = ", ".join(map(str, shape))
            raise InputError(
                f"images must have shape (N, {expected}) or (N, {np.prod(shape)}) with N of at least 2, but have shape "
                f"{x.shape}"
            )
        if x.min() < 0 or x.max() > 1:
            raise InputError(f"images must be between 0 and 1, but range from {x.min():.6g} to {x.max():.6g}")
        return x.reshape(len(x), *shape)


class _Features(eqx.Module):
    """What the last layer of a `CNN` sees."""

    network: CNN

    def __call__(
        self, x: Float[ArrayLike, "... height width channel"], *, key: PRNGKeyArray | None = None
    ) -> Float[Array, "... feature"]:
        without_last = eqx.tree_at(lambda n: n.head.layers, self.network, self.network.head.layers[:-1])
        return self.network.activation(without_last(x))


def load(name: str, *, progress: bool = True) -> Scorer:
    """Return the scorer of a data set, trained now where it is not at hand.

    Args:
        name: of the data set, such as "mnist" and "digits".
        progress: show a bar while it is trained.

    Raises:
        InputError, DataError: as `neuraxis.data.load`.
    """
    size = len(real.find(name).train_x)
    images = real.split(real.find(name), size - 1, 1, _SEED, flat=False)
    recipe = {"channels": list(_CHANNELS), "features": _FEATURES, "seed": _SEED, **_TRAINING}
    cache = published.cache()
    file = None if cache is None else cache / "scorers" / f"{images.name}.safetensors"
    network = _kept(file, recipe)
    if network is None:
        network = _train(images, progress)
        _keep(file, network, recipe)
    return Scorer(network, images.test[0])


def table(scorer: Scorer, samples: Mapping[str, ArrayLike]) -> dict[str, Scores]:
    """Score samples by name, between the two ends of the scale: real test images, and noise without any structure."""
    noise = np.random.default_rng(_SEED).random((1000, *scorer.test.shape[1:]), np.float32)
    ends = {"test images": scorer.test[1::2], **samples, "noise": noise}
    return {name: scorer.scores(images) for name, images in ends.items()}


def plot_table(rows: Mapping[str, Scores]) -> plots.Figure:
    """Draw what `table` gives."""
    return plots.table(
        ["", "confidence", "classes", "class entropy [nats]", "Fréchet distance"],
        [
            [name, f"{s.confidence:.3f}", f"{s.classes}", f"{s.entropy:.2f}", f"{s.frechet_distance:.1f}"]
            for name, s in rows.items()
        ],
        caption="How a classifier trained on the real images judges them: its confidence (mean of the largest class "
        "probability), the number of classes that receive at least 1 % of the images, the entropy of the mean class "
        "distribution (at most ln 10 = 2.30), and the Fréchet distance of its features from those of real test "
        "images.",
    )


def _train(images: real.Images, progress: bool) -> CNN:
    key_model, key_fit = jax.random.split(jax.random.key(_SEED))
    network = CNN(images.train[0].shape[1:], _CHANNELS, (_FEATURES,), len(images.classes), key=key_model)
    label = f"scorer of {images.name}, once" if progress else None
    return train(network, images, **_TRAINING, key=key_fit, watch=False, progress=label).model


def _kept(file: Path | None, recipe: dict[str, Any]) -> CNN | None:
    try:
        if file is None or checkpoint.about(file) != recipe:
            return None
        return checkpoint.load(file)
    except (CheckpointError, OSError):
        return None


def _keep(file: Path | None, network: CNN, recipe: dict[str, Any]) -> None:
    try:
        if file is not None:
            checkpoint.save(file, network, recipe)
    except (CheckpointError, OSError):  # then it is trained again next time
        return
