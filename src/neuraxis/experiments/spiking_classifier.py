"""Spiking classifier: spiking neurons learn to classify handwritten digits by surrogate gradients.

A layer of leaky integrate-and-fire neurons receives an image as a constant current and drives ten output neurons by its
spikes. The class whose neuron fires most often is the answer. A spike is a step function of the potential, without a
useful derivative, so training propagates a surrogate derivative back through all time steps instead; everything else is
as for any network: Adam on the softmax cross-entropy.

In addition to the fully trained network, short training runs on a part of the images compare three surrogates, two ways
to encode the image as spikes (the rate of each pixel's spikes, or the time of a single one) and two other readouts, the
mean and the maximum potential of output neurons that do not fire.

If MNIST is available (`neuraxis data fetch mnist`, or a folder named by NEURAXIS_DATA), it uses those 28×28 images;
otherwise the 8×8 digits that come with scikit-learn.

Sources: Neftci, Mostafa & Zenke, IEEE Signal Processing Magazine 36:51 (2019); Eshraghian et al., Proceedings of the
IEEE 111:1016 (2023).
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np

from neuraxis import check, plots
from neuraxis.engine import Fitted, evaluate
from neuraxis.experiment import Claim, Result, Session, check_settings, check_some
from neuraxis.experiments.shared import memory
from neuraxis.experiments.shared.image_classifier import train
from neuraxis.experiments.shared.images import Images, load
from neuraxis.feedforward.classification import correct, loss
from neuraxis.functions.surrogates import Arctan, FastSigmoid, Triangular
from neuraxis.neurons import DiscreteLIF
from neuraxis.spiking import SpikingClassifier, latency_code, max_potential, mean_potential, rate_code

PLACE = ("Neurons", 6)
EQUATIONS = r"""
v \leftarrow \beta v + I, \qquad s = H(v - v_{th}), \qquad v \leftarrow v\,(1 - s)
"""

_LOWEST_ACCURACY = {"mnist": 0.97, "digits": 0.94, "fashion-mnist": 0.85}
_SURROGATES = {"arctan": Arctan(), "fast-sigmoid": FastSigmoid(), "triangular": Triangular()}
_VARIANTS: dict[str, dict[str, Any]] = {
    **{name: {"surrogate": surrogate} for name, surrogate in _SURROGATES.items()},
    "rate-code": {"coding": rate_code},
    "latency-code": {"coding": latency_code},
    "mean-potential": {"readout": mean_potential},
    "max-potential": {"readout": max_potential},
}
_Variant = Literal[
    "arctan", "fast-sigmoid", "triangular", "rate-code", "latency-code", "mean-potential", "max-potential"
]


@dataclass(frozen=True)
class Settings:
    """Settings of the experiment."""

    data: Literal["auto", "mnist", "fashion-mnist", "digits"] = "auto"
    """Data set; "auto" uses MNIST if it is available, otherwise scikit-learn's digits."""
    hidden_sizes: tuple[int, ...] = (512,)
    """Neurons in each hidden layer."""
    tau_m: float = 20.0
    """Membrane time constant [ms]."""
    dt: float = 1.0
    """Time step [ms]."""
    time_steps: int = 25
    """Time steps for which an image is shown."""
    steps: int = 2000
    """Training steps, rounded up to whole epochs; about five epochs of MNIST."""
    variants: tuple[_Variant, ...] = tuple(_VARIANTS)  # pyright: ignore[reportAssignmentType]
    """Short training runs to compare: arctan, constant current and spike count, or one of these changed."""
    comparison_steps: int = 200
    """Training steps of each short run, rounded up to whole epochs."""
    comparison_images: int = 6400
    """Maximum number of training images in the short runs."""
    batch_size: int = 128
    """Images per training step."""
    learning_rate: float = 2e-3
    """Initial learning rate."""
    training_images: int = 60_000
    """Maximum number of training images."""
    seed: int = 0
    """Seed for the weights, the order of the images, the spikes of the rate code, and the held-out split."""

    def __post_init__(self):
        check_settings(self)
        check.whole(
            steps=self.steps,
            batch_size=self.batch_size,
            training_images=self.training_images,
            time_steps=self.time_steps,
            comparison_steps=self.comparison_steps,
            comparison_images=self.comparison_images,
        )
        check_some(hidden_sizes=self.hidden_sizes)
        for size in self.hidden_sizes:
            check.whole(hidden_sizes=size)
        check.positive(learning_rate=self.learning_rate, tau_m=self.tau_m, dt=self.dt)

    def memory(self) -> float:
        """Estimate the minimum memory of a run [bytes]."""
        examples = min(self.batch_size, self.training_images)
        return memory.perceptron(self.hidden_sizes, examples * self.time_steps)


QUICK = Settings(
    data="digits",
    hidden_sizes=(128,),
    time_steps=15,
    steps=300,
    variants=("rate-code",),  # each more takes seconds to compile
    comparison_steps=100,
    comparison_images=2000,
)


def run(settings: Settings, session: Session = Session()) -> Result:
    """Train in full, measure on the test images, and train in short what it is compared with."""
    images = load(settings.data, settings.training_images, settings.seed)
    model = _classifier(settings, images)
    fitted = _train(settings, session, "main", model, images, settings.steps)
    accuracy = evaluate(fitted.model, correct, images.test)
    compared = {name: _train_shortly(settings, session, name, images) for name in settings.variants}
    activity = _activity(fitted.model, images)
    return Result(
        metrics={
            "test_accuracy": accuracy,
            "test_errors": float(round((1 - accuracy) * len(images.test[1]))),
            "test_loss": evaluate(fitted.model, loss, images.test),
            "hidden_rate_hz": float(activity["hidden_rate"]),
            **{f"{name.replace('-', '_')}_accuracy": value for name, value in compared.items()},
        },
        claims=(Claim("test_accuracy", ">=", _LOWEST_ACCURACY[images.name]),),
        arrays={"history": fitted.history, "compared": compared, **activity},
        model=fitted.model,
        data=images.description,
    )


def _classifier(settings: Settings, images: Images, surrogate: Callable = Arctan(), **how: Any):  # noqa: B008
    return SpikingClassifier(
        (images.size, *settings.hidden_sizes, len(images.classes)),
        key=jax.random.fold_in(jax.random.key(settings.seed), 0),
        neurons=DiscreteLIF(tau_m=settings.tau_m, surrogate=surrogate),
        steps=settings.time_steps,
        dt=settings.dt,
        **how,
    )


def _train_shortly(settings: Settings, session: Session, name: str, images: Images) -> float:
    """Train one variant on a part of the images, and give its accuracy on the test images."""
    model = _classifier(settings, images, **_VARIANTS[name])
    part = tuple(array[: settings.comparison_images] for array in images.train)
    images = images._replace(train=part)
    fitted = _train(settings, session, name, model, images, settings.comparison_steps, watch=False)
    return evaluate(fitted.model, correct, images.test, key=jax.random.fold_in(jax.random.key(settings.seed), 2))


def _train(settings: Settings, session: Session, name: str, model, images: Images, steps: int, *, watch=True) -> Fitted:
    return train(
        model,
        images,
        steps=steps,
        batch_size=settings.batch_size,
        learning_rate=settings.learning_rate,
        key=jax.random.fold_in(jax.random.key(settings.seed), 1),
        watch=watch,
        **session.training(name, f"checkpoint-{name}"),
    )


def _activity(model: SpikingClassifier, images: Images) -> dict[str, Any]:
    """Return the spikes for one test image, and for all of them the share read correctly after each step."""
    x, labels = (jnp.asarray(array[:2000]) for array in images.test)

    def right_and_rate(state, output):
        return jnp.mean(jnp.argmax(output[-1], axis=-1) == labels), jnp.mean(output[0])

    trace = model.run(x, record=right_and_rate)
    right, spikes_per_step = trace.record
    one = model.run(x[0]).record
    return {
        "times": np.asarray(trace.times),
        "accuracy_in_time": np.asarray(right),
        "hidden_rate": float(np.mean(spikes_per_step)) * 1000 / model.dt,
        "image": np.asarray(x[0]),
        "label": images.classes[labels[0]],
        "hidden_spikes": np.asarray(one[-2]),
        # The last entry counts the output neurons' spikes.
        "output_spikes": np.diff(np.asarray(one[-1]), axis=0, prepend=0),
        "classes": images.classes,
    }


def plot(result: Result) -> dict[str, plots.Figure]:
    """Draw the spikes for one image, the learning, and the comparison."""
    return {
        "spikes": _plot_spikes(result.arrays),
        "learning": _plot_learning(result.arrays),
        "surrogates": _plot_surrogates(),
        "comparison": _plot_comparison(result.arrays["compared"]),
    }


def _plot_spikes(arrays: dict) -> plots.Figure:
    hidden, output, times = arrays["hidden_spikes"], arrays["output_spikes"], arrays["times"]
    fig, (top, bottom) = plots.figure(
        2,
        1,
        caption="Activity for one test image, the current into the hidden neurons: spikes of all hidden neurons that "
        "fire, and of the output neurons. The class whose neuron fires most is the answer; the image (on the right) "
        f"is a {arrays['label']}.",
        height=5.0,
        ratios=(3.0, 1.4),
        sharex=True,
    )
    firing = np.flatnonzero(hidden.any(axis=0))
    step, neuron = np.nonzero(hidden[:, firing])
    plots.raster(top, times[step], neuron)
    top.set(xlabel="", ylabel="hidden neuron", title=f"{len(firing)} of {hidden.shape[1]} hidden neurons fire")
    step, neuron = np.nonzero(output)
    plots.raster(bottom, times[step], neuron, s=18, color=plots.COLORS["orange"])
    bottom.set(ylabel="class", title="Output neurons")
    bottom.set_yticks(range(len(arrays["classes"])), arrays["classes"], fontsize=8)
    bottom.set_ylim(-0.6, len(arrays["classes"]) - 0.4)
    side = math.isqrt(arrays["image"].size)
    inset = top.inset_axes((1.01, 0.62, 0.18, 0.38))
    inset.imshow(arrays["image"].reshape(side, side), cmap="gray_r")
    inset.set_axis_off()
    return fig


def _plot_learning(arrays: dict) -> plots.Figure:
    fig, (left, middle, right) = plots.figure(
        1,
        3,
        caption="Training: the loss on the training images (mean over each epoch, during training) and on held-out "
        "ones; the error rate on held-out images; and the error rate on test images after training, against the time "
        "at which the answer is read.",
        width=9.0,
        height=3.2,
    )
    plots.loss_curves(left, arrays["history"])
    plots.error_curve(middle, arrays["history"]["accuracy"])
    right.semilogy(arrays["times"], 100 * np.maximum(1 - arrays["accuracy_in_time"], 1e-4), color=plots.COLORS["green"])
    right.set(xlabel="time [ms]", ylabel="test error rate [%]", title="Answer in time")
    return fig


def _plot_surrogates() -> plots.Figure:
    fig, axes = plots.figure(
        caption="Surrogate for the derivative of a spike in training, against the distance of the potential from the "
        "threshold.",
        height=3.0,
    )
    u = np.linspace(-1.5, 1.5, 601)
    for name, surrogate in _SURROGATES.items():
        axes.plot(u, np.asarray(surrogate.derivative(jnp.asarray(u))), label=name)
    axes.set(xlabel="potential − threshold", ylabel="surrogate derivative", title="Surrogates")
    plots.legend(axes)
    return fig


def _plot_comparison(compared: dict[str, float]) -> plots.Figure:
    fig, axes = plots.figure(
        caption="Test accuracy after short training runs on a part of the images: with the arctan surrogate, a "
        "constant current and a spike count, and with one of these changed: the surrogate derivative, the coding of "
        "the images, or the readout of the output neurons.",
        height=3.2,
    )
    places = np.arange(len(compared))[::-1]
    colors = {"surrogate": "blue", "coding": "green", "readout": "orange"}
    for place, (name, accuracy) in zip(places, compared.items(), strict=True):
        (changed,) = _VARIANTS[name]
        value = 100 * accuracy
        axes.plot(value, place, "o", color=plots.COLORS[colors[changed]], ms=8)
        axes.annotate(
            f"{value:.1f}", (value, place), xytext=(8, 0), textcoords="offset points", va="center", fontsize=9
        )
    for changed, color in colors.items():
        axes.plot([], [], "o", color=plots.COLORS[color], ms=8, label=changed)
    plots.legend(axes, loc="center left")
    axes.set_yticks(places, [name.replace("-", " ") for name in compared])
    axes.margins(x=0.12)
    axes.set(xlabel="test accuracy [%]", title="Short runs with a different …")
    return fig
