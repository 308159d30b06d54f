"""Multilayer perceptron: learns to classify handwritten digits.

A network of two hidden layers of ReLU neurons is trained by Adam on the softmax cross-entropy, with a learning rate
that decays to zero along a cosine. A part of the training images is held out to monitor training; the test images are
used once, at the end.

If MNIST is available (`neuraxis data fetch mnist`, or a folder named by NEURAXIS_DATA), it uses those 28×28 images;
otherwise the 8×8 digits that come with scikit-learn.

Sources: Rumelhart, Hinton & Williams, Nature 323:533 (1986); LeCun et al., Proceedings of the IEEE 86:2278 (1998).
"""

from dataclasses import dataclass
from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np

from neuraxis import check, plots
from neuraxis.engine import evaluate
from neuraxis.experiment import Claim, Result, Session, check_settings
from neuraxis.experiments.shared import memory
from neuraxis.experiments.shared.image_classifier import train
from neuraxis.experiments.shared.images import load
from neuraxis.feedforward import MLP
from neuraxis.feedforward.classification import correct, loss

PLACE = ("Feedforward networks and learning", 3)
EQUATIONS = r"""
h^0 = x, \qquad h^l = \sigma(h^{l-1} W^l + b^l), \qquad y = h^{L-1} W^L + b^L
"""

_LOWEST_ACCURACY = {"mnist": 0.98, "digits": 0.96, "fashion-mnist": 0.88}


@dataclass(frozen=True)
class Settings:
    """Settings of the experiment."""

    data: Literal["auto", "mnist", "fashion-mnist", "digits"] = "auto"
    """Data set; "auto" uses MNIST if it is available, otherwise scikit-learn's digits."""
    hidden_sizes: tuple[int, ...] = (512, 512)
    """Neurons in each hidden layer."""
    steps: int = 4700
    """Training steps, rounded up to whole epochs; about ten epochs of MNIST."""
    batch_size: int = 128
    """Images per training step."""
    learning_rate: float = 1e-3
    """Initial learning rate."""
    training_images: int = 60_000
    """Maximum number of training images."""
    seed: int = 0
    """Seed for the weights, the order of the images, and the held-out split."""

    def __post_init__(self):
        check_settings(self)
        check.whole(steps=self.steps, batch_size=self.batch_size, training_images=self.training_images)
        for size in self.hidden_sizes:
            check.whole(hidden_sizes=size)
        check.positive(learning_rate=self.learning_rate)

    def memory(self) -> float:
        """Estimate the minimum memory of a run [bytes]."""
        return memory.perceptron(self.hidden_sizes, min(self.batch_size, self.training_images))


QUICK = Settings(data="digits", hidden_sizes=(256,), steps=1000)


def run(settings: Settings, session: Session = Session()) -> Result:
    """Train, and measure on the test images."""
    images = load(settings.data, settings.training_images, settings.seed)
    key_model, key_fit = jax.random.split(jax.random.key(settings.seed))
    model = MLP((images.size, *settings.hidden_sizes, len(images.classes)), key=key_model)
    fitted = train(
        model,
        images,
        steps=settings.steps,
        batch_size=settings.batch_size,
        learning_rate=settings.learning_rate,
        key=key_fit,
        **session.training("mlp"),
    )
    x, labels = images.test
    predicted = np.asarray(jnp.argmax(fitted.model(jnp.asarray(x)), axis=-1))
    return Result(
        metrics={
            "test_accuracy": evaluate(fitted.model, correct, images.test),
            "test_errors": float(np.sum(predicted != labels)),
            "test_loss": evaluate(fitted.model, loss, images.test),
            "training_loss": float(fitted.history["loss"][-1]),
        },
        claims=(Claim("test_accuracy", ">=", _LOWEST_ACCURACY[images.name], quick=0.94),),
        arrays={
            "history": fitted.history,
            "predicted": predicted,
            "labels": labels,
            "images": x,
            "classes": images.classes,
        },
        model=fitted.model,
        data=images.description,
    )


def plot(result: Result) -> dict[str, plots.Figure]:
    """Draw the learning curves, the confusion matrix and what was read wrongly."""
    return {
        "learning": plots.learning_curves(result.arrays["history"]),
        "confusion": _plot_confusion(result.arrays),
        "mistakes": _plot_mistakes(result.arrays),
    }


def _plot_confusion(arrays: dict) -> plots.Figure:
    fig, axes = plots.figure(
        caption="Confusion matrix of the test images: how many of each class (row) were classified as which class "
        "(column). Colour shows mistakes only.",
        width=6.0,
        height=5.2,
    )
    classes = arrays["classes"]
    counts = np.zeros((len(classes), len(classes)), int)
    np.add.at(counts, (arrays["labels"], arrays["predicted"]), 1)
    mistakes = counts * (1 - np.eye(len(classes), dtype=int))
    axes.imshow(mistakes, cmap="OrRd", vmax=max(1, 1.6 * mistakes.max()))
    for (row, column), count in np.ndenumerate(counts):
        if count:
            axes.text(column, row, str(count), ha="center", va="center", fontsize=8, color="#222222")
    axes.set_xticks(range(len(classes)), classes, rotation=90 if max(map(len, classes)) > 2 else 0)
    axes.set_yticks(range(len(classes)), classes)
    axes.grid(False)
    axes.set(xlabel="predicted class", ylabel="true class", title="Test images")
    return fig


def _plot_mistakes(arrays: dict) -> plots.Figure:
    wrong = np.flatnonzero(arrays["predicted"] != arrays["labels"])[:16]
    fig, axes = plots.figure(
        2, 8, caption="The first misclassified test images, each with its true and its predicted class.", height=2.6
    )
    side = int(np.sqrt(arrays["images"].shape[-1]))
    images = [arrays["images"][i].reshape(side, side) for i in wrong]
    name = arrays["classes"]
    titles = [f"{name[arrays['labels'][i]]} taken for {name[arrays['predicted'][i]]}" for i in wrong]
    plots.show_images(axes, images, titles)
    return fig
