"""Batch normalisation: a deep logistic network learns with it, but not without it.

The derivative of the logistic function is at most ¼, so almost nothing is left of a gradient after many logistic
layers. Batch normalisation keeps the input of every neuron at mean 0 and variance 1, where the derivative is largest
and the layer's gradient is multiplied by its γ/σ. Two pairs of networks are trained in the same way:

- deep ones: without batch normalisation the network stays at chance level, with it the network learns;
- shallow ones, which learn either way: the number of epochs until they classify 97 % of the held-out images correctly.

One neuron of the shallow networks is monitored: the 15th, 50th and 85th percentiles of the input of its logistic
function, over the held-out images, as in figure 1 of the paper.

Source: Ioffe & Szegedy, Batch normalization, ICML (2015), section 4.1.
"""

import math
from dataclasses import dataclass
from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.nn.initializers import glorot_normal

from neuraxis import check, plots
from neuraxis.engine import Fitted, descent, evaluate, fit
from neuraxis.experiment import Claim, Result, Session, check_settings
from neuraxis.experiments.shared import memory
from neuraxis.experiments.shared.images import Images, load
from neuraxis.feedforward.classification import correct, measuring_loss
from neuraxis.functions.activations import logistic
from neuraxis.layers import BatchNorm, Linear, Sequential

PLACE = ("Feedforward networks and learning", 11)
EQUATIONS = r"""
\hat h = \frac{h - \mu}{\sqrt{\sigma^2 + \epsilon}}, \qquad y = \gamma \hat h + \beta
"""

_LOWEST_ACCURACY = {"mnist": 0.97, "digits": 0.93}
_GOAL = 0.97
_PERCENTILES = (15, 50, 85)
_MOMENTUM = 0.9


@dataclass(frozen=True)
class Settings:
    """Settings of the experiment."""

    data: Literal["auto", "mnist", "digits"] = "auto"
    """Data set; "auto" uses MNIST if it is available, otherwise scikit-learn's digits."""
    deep: int = 8
    """Hidden layers of the deep networks."""
    shallow: int = 3
    """Hidden layers of the shallow networks."""
    hidden_size: int = 100
    """Neurons in each hidden layer."""
    deep_steps: int = 5500
    """Training steps of the deep networks, rounded up to whole epochs; about ten epochs of MNIST."""
    shallow_steps: int = 6600
    """Training steps of the shallow networks, likewise."""
    batch_size: int = 100
    """Images per training step."""
    learning_rate: float = 0.1
    """Initial learning rate; it decays to zero along a cosine."""
    training_images: int = 60_000
    """Maximum number of training images."""
    seed: int = 0
    """Seed for the weights, the order of the images, and the held-out split."""

    def __post_init__(self):
        check_settings(self)
        check.whole(deep=self.deep, shallow=self.shallow, hidden_size=self.hidden_size)
        check.whole(deep_steps=self.deep_steps, shallow_steps=self.shallow_steps)
        check.whole(minimum=2, batch_size=self.batch_size)
        check.whole(training_images=self.training_images)
        check.positive(learning_rate=self.learning_rate)

    def memory(self) -> float:
        """Estimate the minimum memory of a run [bytes]."""
        depth = max(self.deep, self.shallow)
        examples = min(self.batch_size, self.training_images)
        layer = self.hidden_size * (self.hidden_size + 1 + 2.0 * examples)
        return 4.0 * memory.NUMBER * depth * layer


QUICK = Settings(data="digits", deep=6, deep_steps=300, shallow_steps=400)


def run(settings: Settings, session: Session = Session()) -> Result:
    """Train both pairs of networks, and measure."""
    images = load(settings.data, settings.training_images, settings.seed)
    depths = {"deep": (settings.deep, settings.deep_steps), "shallow": (settings.shallow, settings.shallow_steps)}
    percentiles = {f"percentile_{percent}": _percentile(percent) for percent in _PERCENTILES}
    metrics = {"deep": {}, "shallow": percentiles}
    fitted = {
        f"{name}_{how}": _train(
            settings,
            images,
            depth,
            steps,
            how == "with",
            metrics[name],
            session.training(f"{name}, {how}", f"checkpoint-{name}-{how}"),
        )
        for name, (depth, steps) in depths.items()
        for how in ("without", "with")
    }
    accuracies = {f"{name}_test_accuracy": evaluate(f.model, correct, images.test) for name, f in fitted.items()}
    epochs = {
        f"epochs_to_97_percent_{how}": _epochs_to(_GOAL, fitted[f"shallow_{how}"].history["accuracy"])
        for how in ("with", "without")
    }
    frequency = np.bincount(images.test[1]).max() / len(images.test[1])
    return Result(
        metrics={
            **accuracies,
            **epochs,
            "chance": float(frequency),
            "epochs_ratio": epochs["epochs_to_97_percent_with"] / epochs["epochs_to_97_percent_without"],
        },
        claims=(
            # Chance, which is to take all for the most frequent class, and a little.
            Claim("deep_without_test_accuracy", "<=", 0.2),
            Claim("deep_with_test_accuracy", ">=", _LOWEST_ACCURACY[images.name]),
            Claim("epochs_ratio", "<", 1.0),
        ),
        arrays={"histories": {name: f.history for name, f in fitted.items()}},
        model=fitted["deep_with"].model,
        data=images.description,
    )


def _train(
    settings: Settings, images: Images, depth: int, steps: int, normalise: bool, metrics: dict, training: dict
) -> Fitted:
    key_model, key_fit = jax.random.split(jax.random.key(settings.seed))
    sizes = (images.size, *(settings.hidden_size,) * depth)
    steps_per_epoch = math.ceil(len(images.train[0]) / settings.batch_size)
    epochs = math.ceil(steps / steps_per_epoch)
    learning_rate = optax.cosine_decay_schedule(settings.learning_rate, epochs * steps_per_epoch)
    return fit(
        _network(sizes, len(images.classes), normalise, key_model),
        descent(measuring_loss, optax.sgd(learning_rate, _MOMENTUM)),
        images.train,
        epochs=epochs,
        batch_size=settings.batch_size,
        key=key_fit,
        validation=images.validation,
        metrics={"accuracy": correct, **metrics},
        **training,
    )


def _network(sizes: tuple[int, ...], classes: int, normalise: bool, key: jax.Array) -> Sequential:
    keys = jax.random.split(key, len(sizes))
    layers = []
    for in_size, out_size, layer_key in zip(sizes, sizes[1:], keys, strict=False):
        layers.append(Linear(in_size, out_size, key=layer_key, initializer=glorot_normal()))
        layers += [BatchNorm(out_size)] if normalise else []
        layers.append(logistic)
    last = Linear(sizes[-1], classes, key=keys[-1], initializer=glorot_normal())
    return Sequential([*layers, last])


def _percentile(percent: int):
    """Measure a percentile over the batch of what goes into the last hidden layer's first logistic function."""

    def measure(model, x, labels, *, key=None):
        into_logistic = Sequential(model.layers[:-2])(x)[:, 0]
        # One number for each image, as `fit` averages them: the same one for all.
        return jnp.full(len(x), jnp.percentile(into_logistic, percent))

    return measure


def _epochs_to(goal: float, accuracy: np.ndarray) -> float:
    """Count the epochs until the accuracy first reaches the goal; one more than there were where it never does."""
    reached = np.flatnonzero(accuracy >= goal)
    return float(reached[0] + 1 if len(reached) else len(accuracy) + 1)


def plot(result: Result) -> dict[str, plots.Figure]:
    """Draw the accuracies over training, and the input of one neuron."""
    return {
        "accuracy": _plot_accuracy(result.arrays["histories"]),
        "neuron-input": _plot_percentiles(result.arrays["histories"]),
    }


def _plot_accuracy(histories: dict) -> plots.Figure:
    fig, axes = plots.figure(
        1,
        2,
        caption="Accuracy on held-out images after each epoch, with and without batch normalisation. The dashed line "
        "marks the 97 % to be reached.",
        height=3.4,
    )
    for ax, depth in zip(axes, ("deep", "shallow"), strict=True):
        for how, color in (("with", "blue"), ("without", "orange")):
            accuracy = histories[f"{depth}_{how}"]["accuracy"]
            ax.plot(np.arange(1, len(accuracy) + 1), 100 * accuracy, "o-", ms=3, color=plots.COLORS[color], label=how)
        ax.set(ylabel="held-out accuracy [%]", title=f"{depth.capitalize()} network")
        plots.epochs_along(ax)
    axes[0].set_ylim(bottom=0)
    axes[1].axhline(100 * _GOAL, color=plots.COLORS["grey"], linestyle="--", linewidth=1)
    axes[0].legend(fontsize=9, frameon=False, title="batch normalisation", loc="center right")
    return fig


def _plot_percentiles(histories: dict) -> plots.Figure:
    fig, axes = plots.figure(
        1,
        2,
        caption="Input of the logistic function of one neuron in the last hidden layer of the shallow network: "
        "median, and 15th and 85th percentiles, over the held-out images, after each epoch.",
        height=3.2,
        sharey=True,
    )
    for ax, how in zip(axes, ("without", "with"), strict=True):
        low, median, high = (histories[f"shallow_{how}"][f"percentile_{p}"] for p in _PERCENTILES)
        epochs = np.arange(1, len(median) + 1)
        ax.fill_between(epochs, low, high, color=plots.COLORS["sky"], alpha=0.4, linewidth=0)
        ax.plot(epochs, median, "o-", ms=3, color=plots.COLORS["blue"])
        ax.set(title=f"{how.capitalize()} batch normalisation")
        plots.epochs_along(ax)
    axes[0].set_ylabel("input of the neuron")
    return fig
