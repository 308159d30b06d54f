"""Convolutional network: classifies handwritten digits, and shifted ones far better than a perceptron does.

A network of two convolutional layers and one dense layer is trained by Adam on the softmax cross-entropy, with dropout
before the dense layer. A multilayer perceptron is trained on the same images. Then all test images are shifted
sideways, further and further: a kernel detects its pattern at any position, so the convolutional network makes fewer
mistakes.

The figures show the learnt kernels, their responses to a digit, and the convolution of two functions of time, by
quadrature, compared with its closed form.

If MNIST is available (`neuraxis data fetch mnist`, or a folder named by NEURAXIS_DATA), it uses those 28×28 images;
otherwise the 8×8 digits that come with scikit-learn.

Sources: LeCun et al., Proceedings of the IEEE 86:2278 (1998); Srivastava et al., Journal of Machine Learning Research
15:1929 (2014).
"""

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, PRNGKeyArray

from neuraxis import check, plots
from neuraxis.engine import Fitted, evaluate
from neuraxis.errors import InputError
from neuraxis.experiment import Claim, Result, Session, check_range, check_settings, check_some
from neuraxis.experiments.shared import memory
from neuraxis.experiments.shared.image_classifier import train
from neuraxis.experiments.shared.images import Images, Labelled, load
from neuraxis.feedforward import CNN, MLP
from neuraxis.feedforward.classification import correct, loss
from neuraxis.functions.continuous_convolution import continuous_convolve
from neuraxis.kinds import Map
from neuraxis.values import compiled

PLACE = ("Feedforward networks and learning", 10)
EQUATIONS = r"""
z_{i, o} = \sum_{k, c} x_{s i + d k - p,\, c}\; w_{k, c, o} + b_o

h^0 = x, \qquad h^l = \sigma(\operatorname{pool}(h^{l-1} \star W^l) + b^l), \qquad y = \operatorname{MLP}(h^L)
"""

_LOWEST_ACCURACY = {"mnist": 0.992, "digits": 0.97, "fashion-mnist": 0.90}


@dataclass(frozen=True)
class Settings:
    """Settings of the experiment."""

    data: Literal["auto", "mnist", "fashion-mnist", "digits"] = "auto"
    """Data set; "auto" uses MNIST if it is available, otherwise scikit-learn's digits."""
    channels: tuple[int, ...] = (32, 64)
    """Kernels of each convolutional layer."""
    hidden_sizes: tuple[int, ...] = (128,)
    """Neurons in each dense hidden layer, of the convolutional network and of the perceptron."""
    kernel_size: int = 3
    """Height and width of the kernels [pixels]."""
    dropout: float = 0.5
    """Probability that an input of the dense layers is dropped in training."""
    steps: int = 3500
    """Training steps, rounded up to whole epochs; nine epochs of MNIST."""
    batch_size: int = 128
    """Images per training step."""
    learning_rate: float = 2e-3
    """Initial learning rate; it decays to zero along a cosine."""
    shifts: tuple[int, ...] = (0, 1, 2, 3, 4, 5, 6)
    """Distances by which test images are shifted sideways [pixels]; those above a quarter of the width are ignored."""
    training_images: int = 60_000
    """Maximum number of training images."""
    seed: int = 0
    """Seed for the weights, the order of the images, dropout, and the held-out split."""

    def __post_init__(self):
        check_settings(self)
        check.whole(steps=self.steps, batch_size=self.batch_size, training_images=self.training_images)
        check_range(1, 28, kernel_size=self.kernel_size)  # the size of an image
        check_some(channels=self.channels, shifts=self.shifts)
        for count in self.channels:
            check.whole(channels=count)
        for size in self.hidden_sizes:
            check.whole(hidden_sizes=size)
        for shift in self.shifts:
            check.whole(0, shifts=shift)
        check.positive(learning_rate=self.learning_rate)
        check.fraction(dropout=self.dropout)

    def memory(self) -> float:
        """Estimate the minimum memory of a run [bytes]."""
        examples = min(self.batch_size, self.training_images)
        kernels = sum(self.kernel_size**2 * a * b for a, b in pairwise((1, *self.channels)))
        maps = sum(784 / 4**layer * count for layer, count in enumerate(self.channels))
        dense = memory.perceptron(self.hidden_sizes, examples)
        return memory.NUMBER * (4.0 * kernels + 2.0 * examples * maps) + dense


QUICK = Settings(data="digits", channels=(16, 32), hidden_sizes=(64,), steps=600, shifts=(0, 1, 2, 3))


def run(settings: Settings, session: Session = Session()) -> Result:
    """Train both networks, and measure them on the test images where they are and where they are moved."""
    images = load(settings.data, settings.training_images, settings.seed, flat=False)
    key_cnn, key_mlp, key_fit = jax.random.split(jax.random.key(settings.seed), 3)
    shape, classes = images.train[0].shape[1:], len(images.classes)
    shifts = [s for s in settings.shifts if s <= shape[1] // 4]
    if not shifts:
        raise InputError(f"shifts must include one of at most {shape[1] // 4} pixels, but are {settings.shifts}")
    cnn = CNN(
        shape,
        settings.channels,
        settings.hidden_sizes,
        classes,
        key=key_cnn,
        size=settings.kernel_size,
        dropout=settings.dropout,
    )
    fitted = _train("cnn", cnn, images, settings, session, key_fit)
    flat = images._replace(train=_flat(images.train), validation=_flat(images.validation), test=_flat(images.test))
    mlp = MLP((images.size, *settings.hidden_sizes, classes), key=key_mlp)
    perceptron = _train("mlp", mlp, flat, settings, session, key_fit).model
    accuracy = {"cnn": [], "mlp": []}
    for shift in shifts:
        moved = [_shift(images.test, s) for s in (shift, -shift)]
        accuracy["cnn"].append(np.mean([evaluate(fitted.model, correct, test) for test in moved]))
        accuracy["mlp"].append(np.mean([evaluate(perceptron, correct, _flat(test)) for test in moved]))
    time, by_quadrature, closed_form = _gaussians()
    mean = {name: float(np.mean(values)) for name, values in accuracy.items()}
    return Result(
        metrics={
            "test_accuracy": evaluate(fitted.model, correct, images.test),
            "test_loss": evaluate(fitted.model, loss, images.test),
            "training_loss": float(fitted.history["loss"][-1]),
            "mlp_test_accuracy": evaluate(perceptron, correct, flat.test),
            "mean_shifted_accuracy": mean["cnn"],
            "mlp_mean_shifted_accuracy": mean["mlp"],
            "shift_advantage": mean["cnn"] - mean["mlp"],
            "convolution_deviation": float(np.max(np.abs(by_quadrature - closed_form))),
        },
        claims=(
            Claim("test_accuracy", ">=", _LOWEST_ACCURACY[images.name], quick=0.95),
            Claim("shift_advantage", ">", 0.0),
            Claim("convolution_deviation", "<=", 1e-6),
        ),
        arrays={
            "history": fitted.history,
            "shifts": np.array(shifts),
            "accuracy": {name: np.array(values) for name, values in accuracy.items()},
            "kernels": np.asarray(fitted.model.convolutions[0].kernel[..., 0, :]),
            "image": images.test[0][0],
            "maps": [np.asarray(h) for h in _maps(fitted.model, jnp.asarray(images.test[0][0]))],
            "gaussians": (time, by_quadrature, closed_form),
        },
        model=fitted.model,
        data=images.description,
    )


def _train(name: str, model: Map, images: Images, settings: Settings, session: Session, key: PRNGKeyArray) -> Fitted:
    return train(
        model,
        images,
        steps=settings.steps,
        batch_size=settings.batch_size,
        learning_rate=settings.learning_rate,
        key=key,
        **session.training(name, f"checkpoint-{name}"),
    )


@compiled
def _maps(model: CNN, image: Array) -> list[Array]:
    return model.activation_maps(image)


def _flat(labelled: Labelled) -> Labelled:
    x, labels = labelled
    return x.reshape(len(x), -1), labels


def _shift(labelled: Labelled, pixels: int) -> Labelled:
    """Move images (batch, height, width, channel) to the right, or to the left where negative; black comes in."""
    x, labels = labelled
    width = x.shape[2]
    padded = np.pad(x, ((0, 0), (0, 0), (max(pixels, 0), max(-pixels, 0)), (0, 0)))
    return padded[:, :, :width] if pixels >= 0 else padded[:, :, -width:], labels


def _gaussians() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Convolve two Gaussians of widths 0.6 and 0.8: it gives the one of width 1, for variances add."""

    def gaussian(sigma):
        return lambda s: jnp.exp(-0.5 * jnp.square(s / sigma)) / (sigma * math.sqrt(2 * math.pi))

    time = jnp.linspace(-4, 4, 161)
    convolve = jax.jit(lambda t: continuous_convolve(gaussian(0.6), gaussian(0.8), t, bounds=(-6.0, 6.0)))
    by_quadrature = convolve(time)
    return np.asarray(time), np.asarray(by_quadrature), np.asarray(gaussian(1.0)(time))


def plot(result: Result) -> dict[str, plots.Figure]:
    """Draw the learning curves, the kernels, what they find, the effect of shifts, and the continuous convolution."""
    arrays = result.arrays
    return {
        "learning": plots.learning_curves(arrays["history"], "Training of the convolutional network"),
        "kernels": _plot_kernels(arrays["kernels"]),
        "maps": _plot_maps(arrays["image"], arrays["maps"]),
        "shifts": _plot_shifts(arrays["shifts"], arrays["accuracy"]),
        "continuous": _plot_continuous(*arrays["gaussians"]),
    }


def _plot_kernels(kernels: np.ndarray) -> plots.Figure:
    count = kernels.shape[-1]
    columns = min(count, 8)
    rows = math.ceil(count / columns)
    fig, axes = plots.figure(
        rows,
        columns,
        caption="The kernels of the first convolutional layer after training, all on the same scale.",
        width=6.5,
        height=0.8 * rows + 0.2,
    )
    largest = float(np.abs(kernels).max())
    plots.show_images(axes, list(np.moveaxis(kernels, -1, 0)), cmap="RdBu_r", limit=largest)
    shown = np.ravel(axes)[0].images[0]
    fig.colorbar(shown, ax=axes, label="weight", shrink=0.8)
    return fig


def _plot_maps(image: np.ndarray, maps: list[np.ndarray]) -> plots.Figure:
    shown = 8
    fig, axes = plots.figure(
        len(maps) + 1,
        shown,
        caption="A test image, and the activation maps of the first kernels of each convolutional layer, after "
        "pooling. Each map is half as high and wide as those above it.",
        height=1.0 * (len(maps) + 1) + 0.3,
    )
    for row, pictures in enumerate([image, *maps]):
        pictures = list(np.moveaxis(pictures, -1, 0)[:shown])
        title = "image" if row == 0 else f"layer {row}"
        plots.show_images(axes[row], pictures, [title])
    return fig


def _plot_shifts(shifts: np.ndarray, accuracy: dict[str, np.ndarray]) -> plots.Figure:
    fig, axes = plots.figure(
        caption="Test accuracy when all images are shifted sideways, averaged over left and right. Neither network "
        "was trained on shifted images.",
        height=3.4,
    )
    axes.plot(shifts, 100 * accuracy["cnn"], "o-", label="convolutional network")
    axes.plot(shifts, 100 * accuracy["mlp"], "o-", label="multilayer perceptron")
    axes.set_xticks(shifts)
    axes.set_ylim(bottom=0)
    axes.set(xlabel="shift [pixels]", ylabel="test accuracy [%]")
    plots.legend(axes)
    return fig


def _plot_continuous(time: np.ndarray, by_quadrature: np.ndarray, closed_form: np.ndarray) -> plots.Figure:
    fig, (left, right) = plots.figure(
        1,
        2,
        caption="Convolution of two Gaussians with standard deviations 0.6 and 0.8: by quadrature and in closed form, "
        "the Gaussian with standard deviation 1; and the difference of the two, which is the rounding error of "
        "float32.",
        height=3.0,
    )
    left.plot(time, closed_form, lw=4, color=plots.COLORS["sky"], label="closed form")
    left.plot(time, by_quadrature, "--", color=plots.COLORS["orange"], label="by quadrature")
    left.set(xlabel="t", ylabel="(f ∗ g)(t)")
    plots.legend(left)
    right.plot(time, by_quadrature - closed_form)
    right.set(xlabel="t", ylabel="difference")
    return fig
