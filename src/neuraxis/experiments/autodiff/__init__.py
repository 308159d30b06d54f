"""Automatic differentiation: an expression graph checks its rules, draws itself and learns digits.

Computing with variables builds a graph of the operations; traversing it backward gives the gradient with respect to
every variable. Each operation's rule is compared with `jax.grad` and with central differences, both in float64. A
network then learns to classify handwritten digits by the classic loop: y = net(x); E = loss(y, t); zero_grad; backward;
θ ← θ − κ ∂E/∂θ. The digits are MNIST if it is available, otherwise the 8×8 ones that come with scikit-learn.

Inside `jax.jit`, and hence inside `fit`, the same code runs on JAX arrays, once, while JAX traces it. The time of the
compiled program is compared with that of `jax.grad` (the ratio depends on what else the machine is doing).

Sources: Linnainmaa, BIT 16:146 (1976); Baydin, Pearlmutter, Radul & Siskind, Journal of Machine Learning Research
18:153 (2018).
"""

import math
import time
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import ArrayLike

from neuraxis import check, plots
from neuraxis.autodiff import Network, Var, check_gradients, cross_entropy, ops, value_and_grad
from neuraxis.autodiff.graph import FILLS, STROKES, Drawing, Node, lay_out
from neuraxis.autodiff.network import forward
from neuraxis.engine import Fitted, descent, fit, gradient_descent
from neuraxis.experiment import Claim, Result, Session, check_settings
from neuraxis.experiments.autodiff.cases import CASES, Case
from neuraxis.experiments.shared import memory
from neuraxis.experiments.shared.images import find

PLACE = ("Feedforward networks and learning", 6)
EQUATIONS = r"""
\frac{\partial E}{\partial x_i} = \sum_{\text{uses } f \text{ of } x_i}
\frac{\partial E}{\partial y}\,\frac{\partial f}{\partial x_i}
"""

_LOWEST_ACCURACY = {"mnist": 0.975, "digits": 0.96}


@dataclass(frozen=True)
class Settings:
    """Settings of the experiment."""

    data: Literal["auto", "mnist", "digits"] = "auto"
    """Data set; "auto" uses MNIST if it is available, otherwise scikit-learn's digits."""
    hidden_sizes: tuple[int, ...] = (256,)
    """Neurons in each hidden layer."""
    steps: int = 9380
    """Training steps, rounded up to whole epochs; about ten epochs of MNIST."""
    batch_size: int = 64
    """Images per training step."""
    learning_rate: float = 0.2
    """Learning rate κ."""
    training_images: int = 60_000
    """Maximum number of training images."""
    timed_steps: int = 100
    """Number of timings of each compiled gradient."""
    seed: int = 0
    """Seed for the weights and the order of the images."""

    def __post_init__(self):
        check_settings(self)
        check.whole(
            steps=self.steps,
            batch_size=self.batch_size,
            training_images=self.training_images,
            timed_steps=self.timed_steps,
        )
        for size in self.hidden_sizes:
            check.whole(hidden_sizes=size)
        check.positive(learning_rate=self.learning_rate)

    def memory(self) -> float:
        """Estimate the minimum memory of a run [bytes]."""
        return memory.perceptron(self.hidden_sizes, min(self.batch_size, self.training_images))


QUICK = Settings(data="digits", hidden_sizes=(64,), steps=2500, timed_steps=20)


def run(settings: Settings, session: Session = Session()) -> Result:
    """Check every rule, train, measure on the test images, and time the compiled gradients."""
    deviations = _deviations()
    images = find(settings.data).flat()
    count = min(len(images.train_x), settings.training_images)
    sizes = (images.train_x.shape[-1], *settings.hidden_sizes, len(images.classes))
    targets = np.eye(len(images.classes), dtype=np.float32)[images.train_y[:count]]
    fitted = _train(sizes, images.train_x[:count], targets, settings, session)
    right = np.argmax(forward(fitted.model, images.test_x), axis=-1) == images.test_y
    losses = fitted.history["loss"]
    tape_ms, jax_ms = _compiled_times(sizes, settings)
    return Result(
        metrics={
            "max_deviation_from_jax": max(d["jax.grad"] for d in deviations.values()),
            "max_deviation_from_differences": max(d["central differences"] for d in deviations.values()),
            "rules": float(len(CASES)),
            "test_accuracy": float(np.mean(right)),
            "training_loss": float(losses[-1]),
            "jitted_tape_ms": tape_ms,
            "jitted_jax_grad_ms": jax_ms,
            "jax_grad_over_tape_time": jax_ms / tape_ms,
        },
        claims=(
            Claim("max_deviation_from_jax", "<=", 1e-12),
            Claim("max_deviation_from_differences", "<=", 1e-7),
            Claim("test_accuracy", ">=", _LOWEST_ACCURACY[images.name]),
        ),
        arrays={"deviations": deviations, "losses": losses, "drawing": lay_out(_example())},
        model=fitted.model,
        data=f"{images.description}, {count} of them used for training",
    )


def _deviations() -> dict[str, dict[str, float]]:
    """Compare the tape's gradients of Σ r f, r random, with those of JAX and of differences, all in float64."""
    with jax.enable_x64(True):
        by_jax = jax.jit(lambda arguments: {name: _by_jax(case, arguments[name]) for name, case in CASES.items()})(
            {name: case.arguments for name, case in CASES.items()}
        )
    found = {}
    for name, case in CASES.items():
        variables = [Var(x) for x in case.arguments]
        y = case.tape(*variables)
        y.backward(_weights(y.shape))
        by_tape = (y.val, *(v.grad for v in variables))
        found[name] = {
            "jax.grad": max(map(_relative, by_tape, by_jax[name])),
            "central differences": check_gradients(case.tape, *case.arguments).relative,
        }
    return found


def _by_jax(case: Case, arguments: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return the value of a case and the gradients by its arguments."""
    value, back = jax.vjp(case.jax, *arguments)
    return value, *back(jnp.asarray(_weights(value.shape)))


def _weights(shape: tuple[int, ...]) -> np.ndarray:
    return np.random.default_rng(0).normal(size=shape)


def _relative(found: ArrayLike, expected: ArrayLike) -> float:
    return float(np.max(np.abs(np.subtract(found, expected)) / (1 + np.abs(expected))))


def _loss(layers: Any, x: Any, t: Any, *, key: Any = None) -> Any:
    """Return −Σ_k t_k ln softmax(z)_k for each example."""
    return -ops.sum(ops.log_softmax(forward(layers, x)) * t, axis=-1)


def _loss_and_gradient(layers: Any, x: Any, t: Any, *, key: Any = None) -> tuple[Any, Any]:
    """Go through the classic loop up to the step: y = net(x), the loss, and backward on fresh variables."""
    variables = [(Var(W), Var(b)) for W, b in layers]
    losses = _loss(variables, x, t)
    ops.mean(losses).backward()
    return losses.val, [(W.grad, b.grad) for W, b in variables]


def _train(sizes: tuple[int, ...], x: np.ndarray, t: np.ndarray, settings: Settings, session: Session) -> Fitted:
    """Learn by stochastic gradient descent."""
    net = Network(sizes, key=jax.random.key(settings.seed))
    return fit(
        [(W.val, b.val) for W, b in net.layers],
        descent(_loss, gradient_descent(settings.learning_rate), gradient=_loss_and_gradient),
        (x, t),
        epochs=math.ceil(settings.steps / math.ceil(len(x) / settings.batch_size)),
        batch_size=settings.batch_size,
        key=jax.random.key(settings.seed),
        **session.training("autodiff"),
    )


def _compiled_times(sizes: tuple[int, ...], settings: Settings) -> tuple[float, float]:
    """Time the gradient of the network's loss by the tape and by `jax.grad`, both compiled, in turns; medians [ms]."""

    def tape_loss(layers: Any, x: Any, t: Any) -> Any:
        return cross_entropy(forward(layers, x), t)

    def jax_loss(layers: Any, x: Any, t: Any) -> Any:
        z = forward(layers, x, jax.nn.relu)
        return -jnp.sum(jax.nn.log_softmax(z) * t) / len(x)

    net = Network(sizes, key=jax.random.key(settings.seed))
    layers = jax.device_put([(W.val, b.val) for W, b in net.layers])
    x = jax.random.uniform(jax.random.key(1), (settings.batch_size, sizes[0]))
    t = jnp.eye(sizes[-1])[jnp.arange(settings.batch_size) % sizes[-1]]
    steps = [jax.jit(value_and_grad(tape_loss)), jax.jit(jax.value_and_grad(jax_loss))]
    times: tuple[list[float], list[float]] = ([], [])
    for turn in range(settings.timed_steps + 1):
        for step, taken in zip(steps, times, strict=True):
            began = time.perf_counter()
            jax.block_until_ready(step(layers, x, t))
            if turn > 0:  # the first one compiles
                taken.append(time.perf_counter() - began)
    return 1e3 * float(np.median(times[0])), 1e3 * float(np.median(times[1]))


def _example() -> Var:
    """A logistic neuron with two inputs and its squared error, with all gradients."""
    x = [Var(0.5, "x₁"), Var(-1.0, "x₂")]
    w = [Var(2.0, "w₁"), Var(1.5, "w₂")]
    z = x[0] * w[0] + x[1] * w[1] + Var(0.25, "b")
    z.name = "z"
    y = ops.logistic(z)
    y.name = "y"
    error = 0.5 * (y - 1.0) ** 2
    error.name = "E"
    error.backward(keep_graph=True)
    return error


def plot(result: Result) -> dict[str, plots.Figure]:
    """Draw a graph, the deviations of the rules, and the learning curve."""
    return {
        "graph": _plot_graph(result.arrays["drawing"]),
        "rules": _plot_rules(result.arrays["deviations"]),
        "learning": _plot_learning(result.arrays["losses"]),
    }


def _plot_graph(drawing: Drawing) -> plots.Figure:
    fig, axes = plots.figure(
        caption="The expression graph of a logistic neuron with two inputs and its squared error E = ½(y − 1)². Each "
        "box shows its value and, after ∂, the gradient of E with respect to it. Values are computed from the top "
        "down, gradients from the bottom up; each arrow multiplies by its derivative.",
        width=drawing.width / 90,
        height=drawing.height / 90,
    )
    t = np.linspace(0, 1, 30)
    for points in drawing.edges:
        for (x, y), (to_x, to_y) in pairwise(points):
            axes.plot(x + (to_x - x) * (3 * t**2 - 2 * t**3), y + (to_y - y) * t, color="#555555", lw=1)
        x, y = points[-1]
        axes.fill([x - 4, x, x + 4], [y - 7, y, y - 7], color="#555555")
    for node in drawing.nodes:
        axes.fill(*_outline(node), facecolor=FILLS[node.kind], edgecolor=STROKES[node.kind], lw=1)
        for i, line in enumerate(node.lines):
            height = node.y + node.height * ((i + 0.5) / len(node.lines) - 0.5) * 0.75
            weight = "bold" if i == 0 else "normal"
            axes.text(node.x, height, line, ha="center", va="center", fontsize=8.5, fontweight=weight)
    axes.set(xlim=(0, drawing.width), ylim=(drawing.height, 0), aspect="equal")
    axes.set_axis_off()
    return fig


def _outline(node: Node) -> tuple[np.ndarray, np.ndarray]:
    """Return the outline of a box with round corners."""
    corner = 4 if node.kind == "operation" else node.height / 2.5
    angle = np.linspace(0, np.pi / 2, 12) + np.arange(4)[:, None] * np.pi / 2
    side = np.array([[1, 1], [-1, 1], [-1, -1], [1, -1]])[..., None]
    across = node.x + side[:, 0] * (node.width / 2 - corner) + corner * np.cos(angle)
    down = node.y + side[:, 1] * (node.height / 2 - corner) + corner * np.sin(angle)
    return across.ravel(), down.ravel()


def _plot_rules(deviations: dict[str, dict[str, float]]) -> plots.Figure:
    fig, axes = plots.figure(
        caption="Largest deviation of each operation's gradient, over all arguments and entries, relative to 1 + its "
        "size: from jax.grad it is rounding error (exact agreement is at the left edge), from central differences "
        "the error of the differences.",
        height=7.0,
    )
    lowest = 1e-18
    rows = np.arange(len(deviations))
    for source, color in (("jax.grad", plots.COLORS["blue"]), ("central differences", plots.COLORS["orange"])):
        values = [max(d[source], lowest) for d in deviations.values()]
        axes.plot(values, rows, "o", ms=4.5, color=color, label=f"from {source}")
    axes.set_xscale("log")
    axes.set_yticks(rows, [name.replace("_", " ") for name in deviations], fontsize=7.5)
    axes.set(xlabel="relative deviation", xlim=(0.5 * lowest, 1e-6), ylim=(len(rows) - 0.3, -2.2))
    plots.legend(axes, loc="upper left", ncols=2)
    return fig


def _plot_learning(losses: np.ndarray) -> plots.Figure:
    fig, axes = plots.figure(
        caption="Training with the classic loop: the loss on the training images, averaged over each epoch.",
        height=3.2,
    )
    plots.loss_curves(axes, {"loss": losses})
    return fig
