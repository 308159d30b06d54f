"""Overfitting and its remedies: dropout, weight decay, early stopping, augmentation.

A network that can memorise a small training set does so: its error on those images goes to zero while that on held-out
images rises again. Each remedy is tried on the same network, with the same images and initial weights:

- early stopping: the weights of the epoch with the lowest held-out error,
- weight decay: E + (λ/2)‖θ‖² instead of E,
- dropout of neurons,
- augmentation: images that are shifted, rotated, scaled, elastically deformed or noisy, differently at every step.

The held-out images determine when to stop; the test images are used once, at the end. The claims refer to the
cross-entropy E, averaged over the test images; the error rate, the fraction of misclassified images, is given too.

Sources: Prechelt, Neural Networks: Tricks of the Trade (1998); Krogh & Hertz, NIPS (1991); Srivastava et al., JMLR
15:1929 (2014); Simard, Steinkraus & Platt, ICDAR (2003).
"""

import math
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, get_args

import jax
import jax.numpy as jnp
import numpy as np
import optax

from neuraxis import check, plots
from neuraxis.engine import Fitted, descent, evaluate, fit, momentum, weight_decay
from neuraxis.experiment import Claim, Result, Session, check_range, check_settings
from neuraxis.experiments.shared import memory
from neuraxis.experiments.shared.images import Images, find, split
from neuraxis.feedforward.classification import correct, loss
from neuraxis.functions.activations import relu
from neuraxis.layers import Augmentation, Dropout, Linear, Sequential

PLACE = ("Feedforward networks and learning", 8)
EQUATIONS = r"""
E + \frac{\lambda}{2} \lVert \theta \rVert_F^2, \qquad
\theta \leftarrow \theta - \kappa \nabla E - \kappa \lambda \theta
"""

Name = Literal["early_stopping", "weight_decay", "dropout", "shift", "rotation", "scale", "elastic", "noise", "all"]
_REMEDIES: tuple[Name, ...] = get_args(Name)
_AUGMENTATIONS = ("shift", "rotation", "scale", "elastic", "noise")
# The remedies that are claimed to lower E. On digits of 8×8, which fill their frame, shifts and changes of size hurt,
# and 360 test images cannot tell the small gain of others from chance.
_LOWERS_E = {"mnist": _REMEDIES, "digits": ("early_stopping", "weight_decay")}
# Those that are claimed to lower the error rate as well. Weight decay and early stopping lower E by making
# the network less sure of its mistakes, of which they leave about as many.
_LOWERS_ERROR_RATE = {"mnist": _REMEDIES[2:], "digits": ()}


@dataclass(frozen=True)
class Settings:
    """Settings of the experiment."""

    data: Literal["auto", "mnist", "digits"] = "auto"
    """Data set; "auto" uses MNIST if it is available, otherwise scikit-learn's digits."""
    remedies: tuple[Name, ...] = _REMEDIES
    """Remedies to try."""
    training_images: int = 1000
    """Training images, and as many held out; at most a quarter of those available."""
    hidden_size: int = 256
    """Neurons in each of the two hidden layers."""
    steps: int = 600
    """Training steps, rounded up to whole epochs; sixty epochs of a thousand images."""
    batch_size: int = 100
    """Images per training step."""
    learning_rate: float = 0.05
    """Learning rate of gradient descent with a momentum of 0.9."""
    patience: int = 10
    """Early stopping after this many epochs without a lower held-out error."""
    weight_decay: float = 3e-3
    """Factor λ of the weight decay."""
    dropout: float = 0.5
    """Probability that a hidden neuron is dropped."""
    input_dropout: float = 0.2
    """Probability that a pixel is dropped."""
    shift: float = 2.0
    """Largest shift of a 28×28 image [pixels]; scaled with the image size, like all distances here."""
    rotation: float = 15.0
    """Largest rotation [degrees]."""
    scale: float = 0.2
    """Largest relative change of size."""
    alpha: float = 34.0
    """Strength of the elastic deformation [pixels]."""
    sigma: float = 4.0
    """Smoothness of the elastic deformation [pixels]."""
    noise: float = 0.4
    """Standard deviation of the noise, where 0 is black and 1 is white."""
    seed: int = 0
    """Seed for the weights, the order of the images, and all noise."""

    def __post_init__(self):
        check_settings(self)
        check.whole(training_images=self.training_images, hidden_size=self.hidden_size, steps=self.steps)
        check.whole(batch_size=self.batch_size, patience=self.patience)
        check.positive(learning_rate=self.learning_rate)
        check.not_negative(weight_decay=self.weight_decay)
        check.fraction(dropout=self.dropout, input_dropout=self.input_dropout)
        check_range(0, 100, shift=self.shift, sigma=self.sigma, noise=self.noise)
        check_range(0, 1e4, alpha=self.alpha, rotation=self.rotation)
        self.augmentation()

    def memory(self) -> float:
        """Estimate the minimum memory of a run [bytes]."""
        return memory.perceptron((self.hidden_size, self.hidden_size), min(self.batch_size, self.training_images))

    def augmentation(self, *names: str, size: int = 28, strength: float = 1.0) -> Augmentation:
        """Make the named changes for images of size × size, at a share of their strength; all where none is named."""
        pixels = size / 28
        # The displacement grows with α/σ, so that α goes with the square.
        amounts = {
            "shift": {"shift": self.shift * pixels},
            "rotation": {"rotation": self.rotation},
            "scale": {"scale": self.scale},
            "elastic": {"alpha": self.alpha * pixels**2},
            "noise": {"noise": self.noise},
        }
        chosen: dict[str, Any] = {field: value for name in names or amounts for field, value in amounts[name].items()}
        return Augmentation(**{field: value * strength for field, value in chosen.items()}, sigma=self.sigma * pixels)


QUICK = Settings(
    data="digits", remedies=("early_stopping", "weight_decay", "elastic"), training_images=300, steps=360, batch_size=50
)


class Remedy(NamedTuple):
    """What is done against overfitting; by default nothing."""

    augmentation: Augmentation = Augmentation()
    input_dropout: float = 0.0
    dropout: float = 0.0
    weight_decay: float = 0.0
    patience: int | None = None


def run(settings: Settings, session: Session = Session()) -> Result:
    """Train with each remedy and without, and measure on the test images."""
    source = find(settings.data)
    count = min(settings.training_images, len(source.train_x) // 4)
    images = split(source, count, count, settings.seed, flat=False)
    size = images.train[0].shape[1]
    remedies = _remedies(settings, size)
    tried = ("none", *settings.remedies)
    fitted = {name: _train(settings, session, name, remedies[name], images) for name in tried}
    losses = {name: evaluate(each.model, loss, images.test) for name, each in fitted.items()}
    error_rates = {name: 1 - evaluate(each.model, correct, images.test) for name, each in fitted.items()}
    gains = {f"{name}_loss_over_none": losses[name] / losses["none"] for name in settings.remedies}
    gains |= {f"{name}_error_rate_over_none": error_rates[name] / error_rates["none"] for name in settings.remedies}
    claimed = [f"{name}_loss_over_none" for name in _LOWERS_E[images.name]]
    claimed += [f"{name}_error_rate_over_none" for name in _LOWERS_ERROR_RATE[images.name]]
    return Result(
        metrics={
            **{f"{name}_test_loss_nats": value for name, value in losses.items()},
            **{f"{name}_error_rate_percent": 100 * value for name, value in error_rates.items()},
            **gains,
        },
        claims=tuple(Claim(name, "<", 1.0) for name in claimed if name in gains),
        arrays={
            "histories": {name: each.history for name, each in fitted.items()},
            "losses": losses,
            "error_rates": error_rates,
            "changed": _examples(settings, images.train[0][:12], size),
        },
        model=fitted[tried[-1]].model,
        data=f"{images.description} and as many held out",
    )


def _remedies(settings: Settings, size: int) -> dict[str, Remedy]:
    everything = settings.augmentation(size=size, strength=0.5)
    return {
        "none": Remedy(),
        "early_stopping": Remedy(patience=settings.patience),
        "weight_decay": Remedy(weight_decay=settings.weight_decay),
        "dropout": Remedy(input_dropout=settings.input_dropout, dropout=settings.dropout),
        **{name: Remedy(settings.augmentation(name, size=size)) for name in _AUGMENTATIONS},
        # Together, each needs only half its strength.
        "all": Remedy(everything, settings.input_dropout / 2, settings.dropout / 2, settings.weight_decay / 2),
    }


def _flatten(images: jax.Array) -> jax.Array:
    return images.reshape(*images.shape[:-3], -1)


def _train(settings: Settings, session: Session, name: str, remedy: Remedy, images: Images) -> Fitted:
    key_model, key_fit = jax.random.split(jax.random.key(settings.seed))
    keys = jax.random.split(key_model, 3)
    hidden = settings.hidden_size
    network = Sequential(
        [
            remedy.augmentation,
            _flatten,
            Dropout(remedy.input_dropout),
            Linear(images.size, hidden, key=keys[0]),
            relu,
            Dropout(remedy.dropout),
            Linear(hidden, hidden, key=keys[1]),
            relu,
            Dropout(remedy.dropout),
            Linear(hidden, len(images.classes), key=keys[2]),
        ]
    )
    optimizer = optax.chain(weight_decay(remedy.weight_decay), momentum(settings.learning_rate, 0.9))
    return fit(
        network,
        descent(loss, optimizer),
        images.train,
        epochs=math.ceil(settings.steps / math.ceil(len(images.train[0]) / settings.batch_size)),
        batch_size=settings.batch_size,
        key=key_fit,
        validation=images.validation,
        metrics={"accuracy": correct},
        patience=remedy.patience,
        **session.training(f"regularization: {name}", f"checkpoint-{name}"),
    )


def _examples(settings: Settings, images: np.ndarray, size: int) -> dict[str, np.ndarray]:
    """Return the images as they are and after each augmentation."""
    key, examples = jax.random.key(settings.seed), jnp.asarray(images)
    changed = {
        name: remedy.augmentation(examples, key=key)[..., 0] for name, remedy in _remedies(settings, size).items()
    }
    return {name: np.asarray(changed[name]) for name in ("none", *_AUGMENTATIONS, "all")}


def plot(result: Result) -> dict[str, plots.Figure]:
    """Draw the learning curves, the test errors, and images after each augmentation."""
    return {
        "curves": _plot_curves(result.arrays["histories"]),
        "test-errors": _plot_errors(result.arrays),
        "augmented": _plot_augmented(result.arrays["changed"]),
    }


def _plot_curves(histories: dict) -> plots.Figure:
    columns = math.ceil(len(histories) / 2)
    fig, axes = plots.figure(
        2,
        columns,
        caption="Cross-entropy on the training images (mean over each epoch, during training) and on held-out ones. "
        "Without a remedy, the former goes to zero while the latter rises again. Early stopping keeps the lowest "
        "point.",
        width=2.5 + 1.5 * columns,
        height=4.6,
        sharex=True,
        sharey=True,
    )
    axes: Any = np.reshape(axes, (2, columns))
    for ax in axes.flat[len(histories) :]:
        ax.set_axis_off()
    for ax, (name, history) in zip(axes.flat, histories.items(), strict=False):
        epochs = np.arange(1, len(history["loss"]) + 1)
        ax.semilogy(epochs, history["loss"], label="training")
        ax.semilogy(epochs, history["validation_loss"], label="held out")
        ax.set_title(_words(name), fontsize=10)
        ax.set_xlabel("epoch")
        ax.tick_params(labelbottom=True)
    for ax in axes[:, 0]:
        ax.set_ylabel("E [nats]")
    plots.legend(axes[0, 0])
    return fig


def _plot_errors(arrays: dict) -> plots.Figure:
    fig, (left, right) = plots.figure(
        1,
        2,
        caption="Test errors with each remedy; the dashed line is without any.",
        height=3.8,
        sharey=True,
    )
    names = list(arrays["losses"])[::-1]
    for ax, values, label in (
        (left, [arrays["losses"][name] for name in names], "cross-entropy E [nats]"),
        (right, [100 * arrays["error_rates"][name] for name in names], "error rate [%]"),
    ):
        colors = [plots.COLORS["grey" if name == "none" else "blue"] for name in names]
        ax.barh(range(len(names)), values, color=colors, height=0.7)
        ax.axvline(values[-1], color=plots.COLORS["grey"], linestyle="--", linewidth=1)
        ax.set_xlabel(label)
        ax.grid(False, axis="y")
    left.set_yticks(range(len(names)), [_words(name) for name in names])
    return fig


def _plot_augmented(changed: dict) -> plots.Figure:
    fig, axes = plots.figure(
        caption="Original training images, and the same after each augmentation; every training step sees a different "
        "one. Combined, each has half its strength.",
        height=4.6,
    )
    plots.show_strips(axes, list(changed.values()), [_words(name) for name in changed], low=0.0)
    return fig


def _words(name: str) -> str:
    return name.replace("_", " ")
