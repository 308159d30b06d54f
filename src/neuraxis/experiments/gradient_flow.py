"""Vanishing and exploding gradients: what happens to gradients on their way through many layers.

On the way back through a layer h′ = σ(h W) the gradient is multiplied by σ′ and by the weights, ‖∂E/∂h‖ ≤ max σ′ · ‖W‖
· ‖∂E/∂h′‖. The logistic function has σ′ ≤ ¼: with orthogonal weights, ‖W‖ = 1, the gradient shrinks by a factor of at
least 4 in every layer, and the first of a dozen layers receives nothing. With large weights it grows instead, layer by
layer. Both are measured here at the start of training, in networks that classify handwritten digits (MNIST if it is
available, otherwise the 8×8 digits that come with scikit-learn), and compared with the theory of wide networks: for
weights of variance s²/n the squared norm changes by χ = s² ⟨σ′(√q z)²⟩ in each layer, with q = s² ⟨σ(√q z)²⟩ and a
normal z.

Three things preserve the size of the gradient: ReLU with He initialisation (χ = 1), batch normalisation before the
logistic function, and residual blocks h′ = h + σ(h W). Training the networks shows the consequences.

Sources: Hochreiter, Diploma thesis, TU München (1991); Glorot & Bengio, AISTATS (2010); He et al., ICCV (2015) and CVPR
(2016); Ioffe & Szegedy, ICML (2015); Schoenholz et al., ICLR (2017).
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, NamedTuple

import equinox as eqx
import jax
import numpy as np
from jax.nn.initializers import orthogonal

from neuraxis import check, plots
from neuraxis.engine import Fitted, descent, evaluate, fit, gradient_flow, momentum
from neuraxis.experiment import Claim, Result, Session, check_range, check_settings, check_some
from neuraxis.experiments.shared import memory
from neuraxis.experiments.shared.images import Images, load
from neuraxis.feedforward.classification import correct, loss, measuring_loss
from neuraxis.functions.activations import Activation, logistic, relu, tanh
from neuraxis.functions.initializers import Initializer, he_normal
from neuraxis.layers import BatchNorm, Linear, Residual, Sequential

PLACE = ("Feedforward networks and learning", 9)
EQUATIONS = r"""
\nabla_{h^l} E = \left( \sigma'(z^l) \odot \nabla_{h^{l+1}} E \right) (W^l)^\top, \qquad
\lVert \nabla_{h^l} E \rVert \le \max \sigma' \; \lVert W^l \rVert \; \lVert \nabla_{h^{l+1}} E \rVert
"""

EXPLODING = (Claim("large_weights_least_growth_per_layer", ">=", 1.4),)
KEPT = (Claim("relu_he_factor_per_layer", ">=", 0.9), Claim("relu_he_factor_per_layer", "<=", 1.1))

_LARGE = 4.0  # scale of weights that are too large for tanh


class _Kind(NamedTuple):
    """A kind of network: how its weights are drawn, and what is made of a linear layer."""

    label: str
    initializer: Initializer
    block: Callable[[Linear], Callable]
    loss: Callable = loss


def _plain(activation: Activation) -> Callable[[Linear], Sequential]:
    return lambda linear: Sequential([linear, activation])


def _normalised(linear: Linear) -> Sequential:
    return Sequential([linear, BatchNorm(linear.weight.shape[1]), logistic])


def _residual(linear: Linear) -> Callable:
    block = _plain(logistic)(linear)
    return Residual(block) if linear.weight.shape[0] == linear.weight.shape[1] else block


_KINDS = {
    "logistic": _Kind("logistic, orthogonal weights", orthogonal(), _plain(logistic)),
    "large_weights": _Kind(f"tanh, weights {_LARGE:g}× as large", orthogonal(_LARGE), _plain(tanh)),
    "relu_he": _Kind("ReLU, He initialisation", he_normal, _plain(relu)),
    "batch_norm": _Kind("logistic, batch normalisation", orthogonal(), _normalised, measuring_loss),
    "residual": _Kind("logistic, residual blocks", orthogonal(), _residual),
}
_COLORS = dict(zip(_KINDS, plots.COLORS.values(), strict=False))
_SWEPT = {"logistic": logistic, "tanh": tanh, "ReLU": relu}


@dataclass(frozen=True)
class Settings:
    """Settings of the experiment."""

    data: Literal["auto", "mnist", "digits"] = "auto"
    """Data set; "auto" uses MNIST if it is available, otherwise scikit-learn's digits."""
    depth: int = 12
    """Number of hidden layers of equal width."""
    width: int = 128
    """Neurons in each layer."""
    measured_images: int = 256
    """Images over which the norms are computed."""
    scales: tuple[float, ...] = (0.5, 1.0, 1.4, 2.0, 4.0, 8.0, 16.0)
    """Scales s of orthogonal weights at which the factor per layer is measured."""
    steps: int = 600
    """Training steps of each kind of network, rounded up to whole epochs."""
    batch_size: int = 128
    """Images per training step."""
    learning_rate: float = 0.01
    """Learning rate κ of gradient descent with momentum."""
    training_images: int = 12_000
    """Maximum number of training images."""
    seed: int = 0
    """Seed for the weights, the order of the images, and the held-out split."""

    def __post_init__(self):
        check_settings(self)
        check.whole(
            width=self.width,
            measured_images=self.measured_images,
            steps=self.steps,
            batch_size=self.batch_size,
            training_images=self.training_images,
        )
        check.whole(4, depth=self.depth)
        check.positive(learning_rate=self.learning_rate)
        for scale in self.scales:
            check.positive(scales=scale)
            check_range(0, 1000, scales=scale)
        check_some(scales=self.scales)

    def memory(self) -> float:
        """Estimate the minimum memory of a run [bytes]."""
        examples = max(self.measured_images, min(self.batch_size, self.training_images))
        layer = self.width * (self.width + 1 + 2.0 * examples)
        return 4.0 * memory.NUMBER * (self.depth + 1) * layer


# As many images as whole batches need: a smaller last batch is one more program to compile for each network.
QUICK = Settings(data="digits", width=64, scales=(1.0, 4.0), steps=100, training_images=1396)


def run(settings: Settings, session: Session = Session()) -> Result:
    """Measure the flow at the start of learning, compare it with the theory, and train."""
    images = load(settings.data, settings.training_images, settings.seed)
    flows = {name: _flow(settings, images, _network(settings, images, kind)) for name, kind in _KINDS.items()}
    factors = {name: gradient[:-1] / gradient[1:] for name, (_, gradient) in flows.items()}
    sweep = {name: _sweep(settings, images, activation) for name, activation in _SWEPT.items()}
    fitted = {name: _train(settings, session, images, name) for name in _KINDS}
    accuracy = {name: evaluate(one.model, correct, images.test) for name, one in fitted.items()}
    deviation = max(np.max(np.abs(measured / theory - 1)) for measured, theory in sweep.values())
    metrics = {
        "logistic_least_shrink_per_layer": float(1 / factors["logistic"].max()),
        "large_weights_least_growth_per_layer": float(factors["large_weights"].min()),
        **{f"{name}_factor_per_layer": _mean(factors[name]) for name in _KINDS},
        "residual_max_change_per_layer": float(np.max(np.abs(factors["residual"] - 1))),
        "max_deviation_from_theory": float(deviation),
        **{f"{name}_test_accuracy": value for name, value in accuracy.items()},
    }
    return Result(
        metrics=metrics,
        claims=_claims(),
        arrays={
            "flows": flows,
            "scales": np.array(settings.scales),
            "sweep": sweep,
            "losses": {name: one.history["loss"] for name, one in fitted.items()},
            "accuracy": accuracy,
        },
        data=images.description,
    )


def _claims() -> tuple[Claim, ...]:
    return (
        Claim("logistic_least_shrink_per_layer", ">=", 4.0),
        *EXPLODING,
        *KEPT,
        Claim("batch_norm_factor_per_layer", ">=", 0.95),
        Claim("batch_norm_factor_per_layer", "<=", 1.1),
        Claim("residual_max_change_per_layer", "<=", 0.25),  # max σ′ ‖W‖
        Claim("max_deviation_from_theory", "<=", 0.05),
        Claim("logistic_test_accuracy", "<=", 0.2),
        Claim("large_weights_test_accuracy", "<=", 0.5),
        Claim("relu_he_test_accuracy", ">=", 0.85, quick=0.7),
        Claim("batch_norm_test_accuracy", ">=", 0.85, quick=0.7),
        Claim("residual_test_accuracy", ">=", 0.75, quick=0.4),
    )


def _network(settings: Settings, images: Images, kind: _Kind) -> Sequential:
    """Build a block from the pixels, `depth` blocks of equal width, and a linear layer to the classes."""
    sizes = [images.size, *[settings.width] * (settings.depth + 1), len(images.classes)]
    keys = jax.random.split(jax.random.key(settings.seed), len(sizes) - 1)
    *linears, last = (
        Linear(i, o, key=key, initializer=kind.initializer)
        for i, o, key in zip(sizes[:-1], sizes[1:], keys, strict=True)
    )
    return Sequential([*map(kind.block, linears), last])


def _flow(settings: Settings, images: Images, network: Sequential) -> tuple[np.ndarray, np.ndarray]:
    """Return the root mean square of the output of each block, and the norm of the gradient by it."""
    batch = tuple(array[: settings.measured_images] for array in images.train)
    flow = gradient_flow(network, loss, batch)
    blocks = [flow[f"layers[{i}]"] for i in range(settings.depth + 1)]
    return np.array([b.activation_rms for b in blocks]), np.array([b.gradient for b in blocks], np.float64)


def _mean(factors: np.ndarray) -> float:
    """Return the geometric mean over the later half of the layers, where the activations have settled."""
    return float(np.exp(np.mean(np.log(factors[len(factors) // 2 :]))))


def _sweep(settings: Settings, images: Images, activation: Activation) -> tuple[np.ndarray, np.ndarray]:
    """Return the factor per layer at every scale of orthogonal weights, as measured and as the theory has it."""
    network = _network(settings, images, _Kind("", orthogonal(), _plain(activation)))
    parameters, static = eqx.partition(network, eqx.is_array)
    measured = []
    for scale in settings.scales:
        scaled = eqx.combine(jax.tree.map(lambda weight, scale=scale: scale * weight, parameters), static)
        _, gradient = _flow(settings, images, scaled)
        measured.append(_mean(gradient[:-1] / gradient[1:]))
    theory = [_theory(activation, scale, settings.depth) for scale in settings.scales]
    return np.array(measured), np.array(theory)


def _theory(activation: Activation, scale: float, depth: int) -> float:
    """Return √χ for wide layers with weights of variance scale²/n."""
    z = np.linspace(-8, 8, 8001)
    density = np.exp(-(z**2) / 2) / np.sum(np.exp(-(z**2) / 2))
    q = scale**2
    for _ in range(depth):
        q = scale**2 * float(np.sum(density * np.square(activation(np.sqrt(q) * z))))
    return scale * float(np.sqrt(np.sum(density * np.square(activation.derivative(np.sqrt(q) * z)))))


def _train(settings: Settings, session: Session, images: Images, name: str) -> Fitted:
    kind = _KINDS[name]
    return fit(
        _network(settings, images, kind),
        descent(kind.loss, momentum(settings.learning_rate)),
        images.train,
        epochs=math.ceil(settings.steps / math.ceil(len(images.train[0]) / settings.batch_size)),
        batch_size=settings.batch_size,
        key=jax.random.key(settings.seed),
        **session.training(kind.label, f"checkpoint-{name}"),
    )


def plot(result: Result) -> dict[str, plots.Figure]:
    """Draw the flow through the layers, its factor against the size of the weights, and the learning."""
    return {
        "layers": _plot_layers(result.arrays["flows"]),
        "scales": _plot_scales(result.arrays["scales"], result.arrays["sweep"]),
        "learning": _plot_learning(result.arrays["losses"], result.arrays["accuracy"]),
    }


def _plot_layers(flows: dict[str, tuple[np.ndarray, np.ndarray]]) -> plots.Figure:
    fig, (left, right) = plots.figure(
        1,
        2,
        caption="Before training: the norm of the gradient with respect to the output of each layer, relative to the "
        "last (left), and the root mean square of the outputs (right). The gradient travels from right to left. The "
        "dashed line falls by a factor of 4 per layer.",
        width=9.0,
        height=4.2,
    )
    layers = np.arange(len(flows["logistic"][0]))
    for name, (activation, gradient) in flows.items():
        left.semilogy(layers, gradient / gradient[-1], "o-", ms=3, color=_COLORS[name], label=_KINDS[name].label)
        right.semilogy(layers, activation, "o-", ms=3, color=_COLORS[name])
    left.semilogy(layers, 4.0 ** (layers - layers[-1]), "--", color=plots.COLORS["grey"], label="¼ per layer")
    left.set(xlabel="layer", ylabel="‖∂E/∂h‖, last layer = 1", title="Gradient")
    right.set(xlabel="layer", ylabel="rms of h", title="Activation")
    fig.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=3, fontsize=9, frameon=False)
    return fig


def _plot_scales(scales: np.ndarray, sweep: dict[str, tuple[np.ndarray, np.ndarray]]) -> plots.Figure:
    fig, axes = plots.figure(
        caption="Factor of the gradient per layer, going back, against the scale s of orthogonal weights: measured "
        "(marks) and predicted by the theory of wide layers (lines). Below 1 the gradient vanishes, above 1 it "
        "explodes.",
        height=3.8,
    )
    for (name, (measured, theory)), color in zip(sweep.items(), plots.COLORS.values(), strict=False):
        axes.loglog(scales, theory, color=color, label=name)
        axes.loglog(scales, measured, "o", ms=5, color=color)
    axes.axhline(1, color=plots.COLORS["grey"], ls="--")
    axes.set_xticks(scales, [f"{scale:g}" for scale in scales])
    axes.minorticks_off()
    axes.set(xlabel="scale s of the weights", ylabel="factor per layer")
    plots.legend(axes)
    return fig


def _plot_learning(losses: dict[str, np.ndarray], accuracy: dict[str, float]) -> plots.Figure:
    fig, (left, right) = plots.figure(
        1,
        2,
        caption="Training with momentum, all with the same learning rate: the loss on the training images (mean over "
        "each epoch), and the final error rate on the test images.",
        width=9.0,
        height=3.6,
    )
    for place, (name, loss_of_epoch) in enumerate(losses.items()):
        left.semilogy(np.arange(1, len(loss_of_epoch) + 1), loss_of_epoch, "o-", ms=4, color=_COLORS[name])
        right.barh(place, 100 * (1 - accuracy[name]), color=_COLORS[name])
    left.set(ylabel="cross-entropy [nats]", title="Loss")
    plots.epochs_along(left)
    right.set_yticks(range(len(losses)), [_KINDS[name].label for name in losses])
    right.invert_yaxis()
    right.set(xlabel="error rate [%]", xlim=(0, 100), title="Error")
    return fig
