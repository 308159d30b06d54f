"""Backpropagation by hand: the layer recursion agrees with automatic differentiation, and learns digits.

The gradient of a feedforward network, written out as a recursion from the last layer to the first, is compared with
`jax.grad` on random networks of one to six layers, with each pair of output activation and matching loss: tanh neurons
before identity and squared error, logistic ones before logistic and Bernoulli cross-entropy, ReLU ones before softmax
and categorical cross-entropy. The deviation is the largest ‖by hand − jax.grad‖ / ‖jax.grad‖ over weights and biases.

Then a network learns to classify handwritten digits with these gradients and momentum, v ← βv + ∇E; θ ← θ − κv: MNIST
if it is available, otherwise the 8×8 digits that come with scikit-learn.

Sources: Rumelhart, Hinton & Williams, Nature 323:533 (1986); Polyak, USSR Computational Mathematics and Mathematical
Physics 4:1 (1964).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from neuraxis import check, plots
from neuraxis.autodiff import backprop
from neuraxis.engine import Fitted, descent, evaluate, fit, momentum
from neuraxis.experiment import Claim, Result, Session, check_settings, check_some
from neuraxis.experiments.shared import memory
from neuraxis.experiments.shared.images import Images, load
from neuraxis.functions.activations import Activation, identity, logistic, relu, softmax, tanh
from neuraxis.functions.losses import (
    Loss,
    bernoulli_cross_entropy_with_logits,
    categorical_cross_entropy_with_logits,
    one_hot,
    squared_error,
)

PLACE = ("Feedforward networks and learning", 5)
EQUATIONS = r"""
\nabla_{z^l} E = \sigma'(z^l) \odot \left( \nabla_{z^{l+1}} E \; (W^{l+1})^\top \right), \qquad
\nabla_{W^l} E = (h^l)^\top \, \nabla_{z^l} E, \qquad
\nabla_{b^l} E = \sum_{\text{rows}} \nabla_{z^l} E

\theta \leftarrow \theta - \kappa \, \nabla_\theta E
"""

_LOWEST_ACCURACY = {"mnist": 0.975, "digits": 0.96}
# Activations of the hidden layers and of the output, and the loss that matches it, as a function of the last z.
_KINDS: dict[str, tuple[Activation, Activation, Loss]] = {
    "tanh, then identity": (tanh, identity, squared_error),
    "logistic, then logistic": (logistic, logistic, bernoulli_cross_entropy_with_logits),
    "ReLU, then softmax": (relu, softmax, categorical_cross_entropy_with_logits),
}


@dataclass(frozen=True)
class Settings:
    """Settings of the experiment."""

    depths: tuple[int, ...] = (1, 2, 3, 4, 5, 6)
    """Numbers of layers of the random networks."""
    networks: int = 20
    """Random networks compared, for each depth and each pair of output and loss."""
    data: Literal["auto", "mnist", "digits"] = "auto"
    """Data set; "auto" uses MNIST if it is available, otherwise scikit-learn's digits."""
    hidden_sizes: tuple[int, ...] = (256,)
    """Neurons in each hidden layer of the trained network."""
    steps: int = 4700
    """Training steps, rounded up to whole epochs; about ten epochs of MNIST."""
    batch_size: int = 128
    """Images per training step."""
    learning_rate: float = 0.05
    """Learning rate κ."""
    beta: float = 0.9
    """Momentum β: the fraction of the velocity kept from step to step."""
    training_images: int = 60_000
    """Maximum number of training images."""
    seed: int = 0
    """Seed for the random networks, the weights and the order of the images."""

    def __post_init__(self):
        check_settings(self)
        check.whole(
            networks=self.networks,
            steps=self.steps,
            batch_size=self.batch_size,
            training_images=self.training_images,
        )
        for size in self.hidden_sizes:
            check.whole(hidden_sizes=size)
        for depth in self.depths:
            check.whole(depths=depth)
        check_some(depths=self.depths)
        check.positive(learning_rate=self.learning_rate)
        check.fraction(beta=self.beta)

    def memory(self) -> float:
        """Estimate the minimum memory of a run [bytes]."""
        random = 2.0 * memory.NUMBER * self.networks * 40 * (40 * max(self.depths) + 16)
        return random + memory.perceptron(self.hidden_sizes, min(self.batch_size, self.training_images))


QUICK = Settings(data="digits", depths=(1, 2, 3), hidden_sizes=(128,), steps=1500)


def run(settings: Settings, session: Session = Session()) -> Result:
    """Compare with `jax.grad`, then train and measure on the test images."""
    random = np.random.default_rng(settings.seed)
    deviations = {depth: _deviations(depth, settings.networks, random) for depth in settings.depths}
    images = load(settings.data, settings.training_images, settings.seed)
    fitted = _learn(images, settings, session)
    worst = {f"max_deviation_depth_{depth}": max(map(max, kinds.values())) for depth, kinds in deviations.items()}
    return Result(
        metrics={
            "max_deviation": max(worst.values()),
            **worst,
            "test_accuracy": evaluate(fitted.model, _correct, images.test),
            "training_loss": float(fitted.history["loss"][-1]),
        },
        claims=(
            Claim("max_deviation", "<=", 1e-5),
            Claim("test_accuracy", ">=", _LOWEST_ACCURACY[images.name]),
        ),
        arrays={"deviations": deviations, "history": fitted.history},
        model=fitted.model,
        data=images.description,
    )


def _deviations(depth: int, networks: int, random: np.random.Generator) -> dict[str, list[float]]:
    """Return the deviation from `jax.grad` of random networks of each kind."""
    found = {}
    for kind, (activation, output, loss) in _KINDS.items():
        sizes = random.integers(2, 40, depth + 1).tolist()
        layers = _random_layers(sizes, random, networks)
        x, y = (random.normal(size=(networks, 16, size)).astype(np.float32) for size in (sizes[0], sizes[-1]))
        compare = jax.vmap(partial(_deviation, activation=activation, output=output, loss=loss))
        with jax.default_matmul_precision("float32"):  # GPUs round products to three digits unless told not to
            found[kind] = jax.jit(compare)(layers, x, y).tolist()
    return found


def _deviation(
    layers: list, x: Array, y: Array, *, activation: Activation, output: Activation, loss: Loss
) -> Float[Array, ""]:
    t = output(y)  # a target that such an output can reach

    def mean_loss(layers):
        z, _ = backprop.forward(layers, x, activation)
        return jnp.mean(loss(z[-1], t))

    by_hand = jax.tree.leaves(backprop.gradients(layers, x, t, activation=activation, output=output))
    by_jax = jax.tree.leaves(jax.grad(mean_loss)(layers))
    norm = jnp.linalg.norm
    return jnp.max(jnp.stack([norm(a - b) / norm(b) for a, b in zip(by_hand, by_jax, strict=True)]))


def _random_layers(
    sizes: Sequence[int], random: np.random.Generator, *lead: int
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Draw weights of variance 2/n_in and small biases, (*lead, in, out) and (*lead, out) for each layer."""
    return [
        (
            (random.normal(size=(*lead, n, m)) * np.sqrt(2 / n)).astype(np.float32),
            (0.1 * random.normal(size=(*lead, m))).astype(np.float32),
        )
        for n, m in pairwise(sizes)
    ]


# --- learning by the gradients of the recursion ---


def _loss(layers: list, x: Array, labels: Array, *, key: Any = None) -> Float[Array, " batch"]:
    z, _ = backprop.forward(layers, x, relu)
    return categorical_cross_entropy_with_logits(z[-1], one_hot(labels, layers[-1][1].size))


def _loss_and_gradient(layers: list, x: Array, labels: Array, *, key: Any = None) -> tuple[Array, list]:
    t = one_hot(labels, layers[-1][1].size)
    return _loss(layers, x, labels), backprop.gradients(layers, x, t, activation=relu, output=softmax)


def _correct(layers: list, x: Array, labels: Array, *, key: Any = None) -> Float[Array, " batch"]:
    z, _ = backprop.forward(layers, x, relu)
    return (jnp.argmax(z[-1], axis=-1) == labels).astype(x.dtype)


def _learn(images: Images, settings: Settings, session: Session) -> Fitted:
    sizes = (images.size, *settings.hidden_sizes, len(images.classes))
    return fit(
        _random_layers(sizes, np.random.default_rng(settings.seed)),
        descent(_loss, momentum(settings.learning_rate, settings.beta), gradient=_loss_and_gradient),
        images.train,
        epochs=math.ceil(settings.steps / math.ceil(len(images.train[0]) / settings.batch_size)),
        batch_size=settings.batch_size,
        key=jax.random.key(settings.seed),
        validation=images.validation,
        metrics={"accuracy": _correct},
        **session.training("backprop"),
    )


def plot(result: Result) -> dict[str, plots.Figure]:
    """Draw the deviations against the depth, and the learning curves."""
    return {
        "deviations": _plot_deviations(result.arrays["deviations"]),
        "learning": plots.learning_curves(
            result.arrays["history"], "Training with momentum and the gradients of the recursion"
        ),
    }


def _plot_deviations(deviations: dict[int, dict[str, list[float]]]) -> plots.Figure:
    fig, axes = plots.figure(
        caption="Deviation of the hand-written gradient from jax.grad, relative to its size: one mark for each random "
        "network, the largest deviation over its weights and biases; networks that agree to the last bit are at the "
        "lower edge. Both sides compute in float32, whose rounding error is 6·10⁻⁸.",
        height=3.6,
    )
    lowest = 1e-9
    for place, (kind, color) in enumerate(zip(_KINDS, plots.COLORS.values(), strict=False)):
        for i, (depth, kinds) in enumerate(deviations.items()):
            across = depth + 0.27 * (place - 1) + np.linspace(-0.1, 0.1, len(kinds[kind]))
            label = kind if i == 0 else None
            axes.plot(across, np.maximum(kinds[kind], lowest), "o", ms=3, color=color, alpha=0.7, label=label)
    axes.axhline(1e-5, color=plots.COLORS["grey"], ls="--", label="bound")
    axes.set_yscale("log")
    axes.set_xticks(list(deviations))
    axes.set(xlabel="layers", ylabel="relative deviation", ylim=(0.7 * lowest, 1e-3))
    plots.legend(axes, loc="upper center", ncols=4)
    return fig
