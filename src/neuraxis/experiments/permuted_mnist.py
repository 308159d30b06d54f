"""Permuted sequential MNIST: classify a digit from its pixels, one per step, in a scrambled order.

Every image is a sequence of 784 pixels, in one random order for all images, and the class has to be given after the
last pixel. Related pixels are hundreds of steps apart, so this tests memory, and whether gradients survive the way
back. The layer is a setting: minGRU, GRU, the plain recurrent network, or the Legendre memory unit. The gates of the
first two start with time constants spread evenly, on a logarithmic scale, from 1 step to the length of the sequence.
The memory of the last reaches back over the whole sequence; only the last step of its top layer is computed, with a
product where the others need a loop.

The default run trains a small network for two epochs, which takes minutes on two cores. Published results, such as
97.15 % for the Legendre memory unit, come from hours of training.

If MNIST is available (`neuraxis data fetch mnist`, or a folder named by NEURAXIS_DATA), it uses those images;
otherwise the 8×8 digits that come with scikit-learn, as sequences of 64 pixels.

Sources: Q. V. Le, N. Jaitly and G. E. Hinton, arXiv:1504.00941 (2015); C. Tallec and Y. Ollivier, Can recurrent neural
networks warp time?, ICLR (2018); A. Voelker, I. Kajić and C. Eliasmith, Legendre memory units, NeurIPS (2019).
"""

from dataclasses import dataclass
from functools import partial
from typing import Literal

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float, PRNGKeyArray

from neuraxis import check, plots
from neuraxis.data import pixel_sequences
from neuraxis.engine import descent, evaluate, fit
from neuraxis.experiment import Claim, Result, Session, check_settings
from neuraxis.experiments.shared import memory
from neuraxis.experiments.shared.images import find, split
from neuraxis.experiments.shared.stack import stack
from neuraxis.feedforward.classification import correct, loss
from neuraxis.layers import Flatten, Linear, Sequential
from neuraxis.recurrent import GRU, LMU, RNN, MinGRU

PLACE = ("Memory and sequences", 5)
EQUATIONS = r"""
y = \operatorname{softmax}\big(\operatorname{norm}(h_T)\, W + b\big)
"""

_LOWEST_ACCURACY = {"mnist": 0.8, "digits": 0.8}
_PIXELS = 784  # of MNIST
_REPORTS = 10  # during a training


@dataclass(frozen=True)
class Settings:
    """Settings of the experiment."""

    data: Literal["auto", "mnist", "fashion-mnist", "digits"] = "auto"
    """Data set; "auto" uses MNIST if it is available, otherwise scikit-learn's digits."""
    layer: Literal["min-gru", "gru", "rnn", "lmu"] = "min-gru"
    """Recurrent layer."""
    order: int = 256
    """Dimensions of the memory of a Legendre memory unit (`--layer lmu`)."""
    layers: int = 3
    """Number of stacked recurrent layers."""
    width: int = 64
    """Features in all layers."""
    steps: int = 4000
    """Training steps."""
    batch_size: int = 32
    """Images per training step."""
    learning_rate: float = 5e-3
    """Peak learning rate of Adam."""
    training_images: int = 60_000
    """Maximum number of training images."""
    test_images: int = 10_000
    """Maximum number of test images."""
    seed: int = 0
    """Seed for the order of the pixels, the weights, the order of the images, and the held-out split."""

    def __post_init__(self):
        check_settings(self)
        check.whole(
            layers=self.layers, order=self.order, width=self.width, steps=self.steps, batch_size=self.batch_size
        )
        check.whole(training_images=self.training_images, test_images=self.test_images)
        check.positive(learning_rate=self.learning_rate)

    def memory(self) -> float:
        """Estimate the minimum memory of a run [bytes]."""
        images = min(self.batch_size, self.training_images)
        return 6.0 * memory.NUMBER * images * _PIXELS * self.width * self.layers


QUICK = Settings(data="digits", layers=2, steps=300, width=24, batch_size=50)


def run(settings: Settings, session: Session = Session()) -> Result:
    """Train, and measure on the test images."""
    s = settings
    keys = jax.random.split(jax.random.key(s.seed), 3)
    dataset = pixel_sequences(find(s.data), permuted=True, seed=s.seed)
    used = min(len(dataset.train_x), s.training_images)
    held_out = max(1, min(500, used // 12))
    images = split(dataset, max(1, used - held_out), held_out, s.seed)
    train, validation, test = (_sequences(x, y) for x, y in (images.train, images.validation, images.test))
    test = test[0][: s.test_images], test[1][: s.test_images]
    steps = s.steps // (reports := min(_REPORTS, s.steps)) * reports
    rate = optax.warmup_cosine_decay_schedule(0.0, s.learning_rate, max(1, steps // 10), steps)
    fitted = fit(
        _network(s, train[0].shape[1], len(images.classes), *keys[:2]),
        descent(loss, optax.chain(optax.clip_by_global_norm(1.0), optax.adam(rate))),
        train,
        epochs=reports,
        steps=steps // reports,
        batch_size=s.batch_size,
        key=keys[2],
        validation=validation,
        metrics={"accuracy": correct},
        **session.training(s.layer),
    )
    return Result(
        metrics={
            "test_accuracy": evaluate(fitted.model, correct, test, batch_size=250),
            "training_loss": float(fitted.history["loss"][-1]),
            "passes": steps * s.batch_size / len(train[0]),
        },
        claims=(Claim("test_accuracy", ">=", _LOWEST_ACCURACY.get(images.name, 0.6), quick=0.35),),
        arrays={
            "history": fitted.history,
            "steps": steps,
            "chance": float(np.bincount(test[1]).max() / len(test[1])),
            "sequences": test[0][:10],
            "predicted": np.argmax(fitted.model(test[0][:10]), axis=-1),
            "labels": test[1][:10],
            "classes": images.classes,
        },
        model=fitted.model,
        data=f"{images.description}; one pixel per step, in a random order",
    )


def _sequences(x: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return sequences (count, pixel, 1) of vectors."""
    return x[..., None], labels


def _network(s: Settings, length: int, classes: int, key_first: PRNGKeyArray, key: PRNGKeyArray) -> Sequential:
    if s.layer == "lmu":
        return _lmu_network(s, length, classes, key)
    cell = {"min-gru": partial(_slow_min_gru, length), "gru": partial(_slow_gru, length), "rnn": RNN}[s.layer]
    first = Linear(1, s.width, key=key_first)
    layers = stack(cell, first, width=s.width, layers=s.layers, out_size=classes, count=1, key=key).layers
    return Sequential([*layers, Flatten(axes=2)])  # (batch, 1, class) to (batch, class)


def _lmu_network(s: Settings, length: int, classes: int, key: PRNGKeyArray) -> Sequential:
    """Make LMU → … → LMU, read at the last step → linear."""
    *keys, last = jax.random.split(key, s.layers + 1)
    sizes = (1, *(s.width for _ in keys))
    cells = [LMU(n, m, order=s.order, theta=length, key=k) for n, m, k in zip(sizes[:-1], sizes[1:], keys, strict=True)]
    return Sequential([*cells[:-1], AtLastStep(cells[-1]), Linear(s.width, classes, key=last)])


class AtLastStep(eqx.Module):
    """The output of a Legendre memory unit at the last step alone."""

    lmu: LMU

    def __call__(
        self, x: Float[Array, "... time feature"], *, key: PRNGKeyArray | None = None
    ) -> Float[Array, "... hidden"]:
        """Map (…, time, feature) to (…, hidden)."""
        return self.lmu.last(x)


def _slow_min_gru(length: int, in_size: int, hidden_size: int, *, key: PRNGKeyArray) -> MinGRU:
    model = MinGRU(in_size, hidden_size, key=key)
    return eqx.tree_at(lambda m: m.gate.bias, model, _spread(length, hidden_size))


def _slow_gru(length: int, in_size: int, hidden_size: int, *, key: PRNGKeyArray) -> GRU:
    model = GRU(in_size, hidden_size, key=key)
    bias = model.input.bias
    assert bias is not None  # its first part is that of the gate
    return eqx.tree_at(lambda m: m.input.bias, model, bias.at[:hidden_size].set(_spread(length, hidden_size)))


def _spread(length: int, size: int) -> Float[Array, " size"]:
    """Return biases b = −ln τ, with which gates σ(b) ≈ 1/τ forget within τ steps, for τ from 1 to the length."""
    return -jnp.linspace(0.0, np.log(length), size)


def plot(result: Result) -> dict[str, plots.Figure]:
    """Draw the learning, and what the network is shown."""
    return {"learning": _plot_learning(result.arrays), "sequences": _plot_sequences(result.arrays)}


def _plot_learning(arrays: dict) -> plots.Figure:
    fig, (left, right) = plots.figure(
        1,
        2,
        caption="Cross-entropy on the training images (mean between two reports, during training) and on held-out "
        "ones, and accuracy on held-out images. The dotted line marks guessing.",
        height=3.2,
    )
    history = arrays["history"]
    steps = arrays["steps"] * np.arange(1, len(history["loss"]) + 1) / len(history["loss"])
    for name, label in (("loss", "training"), ("validation_loss", "held out")):
        left.plot(steps, history[name], "o-", ms=3, label=label)
    left.set(xlabel="training step", ylabel="cross-entropy [nats]", title="Loss")
    left.set_ylim(bottom=0)
    plots.legend(left)
    right.plot(steps, 100 * history["accuracy"], "o-", ms=3, color=plots.COLORS["green"])
    right.axhline(100 * arrays["chance"], color=plots.COLORS["grey"], linestyle=":")
    right.set(xlabel="training step", ylabel="held-out accuracy [%]", title="Accuracy", ylim=(0, 100))
    return fig


def _plot_sequences(arrays: dict) -> plots.Figure:
    fig, axes = plots.figure(
        caption="The first ten test images as the network sees them, one pixel per step from left to right, each with "
        "its true and its predicted class.",
        height=3.4,
    )
    rows = arrays["sequences"][..., 0]
    axes.imshow(rows, cmap="Greys", aspect="auto", interpolation="nearest")
    for i in range(1, len(rows)):
        axes.axhline(i - 0.5, color=plots.COLORS["grey"], linewidth=0.5)
    names = arrays["classes"]
    pairs = zip(arrays["labels"], arrays["predicted"], strict=True)
    axes.set_yticks(range(len(rows)), [f"{names[label]} taken for {names[found]}" for label, found in pairs])
    axes.grid(False)
    axes.set(xlabel="time [steps]")
    return fig
