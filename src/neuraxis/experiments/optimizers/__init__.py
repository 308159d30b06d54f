"""Optimisers: descent and momentum in a valley, past a local minimum, and with different batch sizes.

In a valley with curvatures from λ_min to λ_max and their ratio k, gradient descent θ ← θ − κ∇E is stable only for
κ < 2/λ_max. With its best rate, 2/(λ_min + λ_max), its distance from the minimum falls by (k − 1)/(k + 1) in each step;
momentum, v ← βv + ∇E; θ ← θ − κv, reaches (√k − 1)/(√k + 1) with κ = 4/(√λ_max + √λ_min)² and β the square of that
factor. Weight decay moves the minimum from θ* to (H + λI)⁻¹ H θ*, with H the Hessian.

If a shallow minimum lies in front of a deeper one, descent stays in the first, and momentum rolls through it.

Stochastic gradient descent takes a step after each batch of examples, drawn without replacement, instead of one for all
of them. Batch sizes are compared by the steps and time to the same loss in classifying handwritten digits (MNIST if it
is available, otherwise the 8×8 digits that come with scikit-learn): small batches take more steps, the full batch more
time. Each size uses the learning rate that reduces the held-out loss most in a short trial.

Sources: Polyak, USSR Computational Mathematics and Mathematical Physics 4:1 (1964); Kingma & Ba, ICLR (2015); Shallue
et al., Journal of Machine Learning Research 20:112 (2019).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from neuraxis import check, plots
from neuraxis.errors import InputError
from neuraxis.experiment import Claim, Result, check_range, check_settings, check_some
from neuraxis.experiments.optimizers import landscapes
from neuraxis.experiments.optimizers.batch_sizes import Race, race
from neuraxis.experiments.shared import memory
from neuraxis.experiments.shared.images import load

PLACE = ("Feedforward networks and learning", 7)
MEASURES_TIME = True
EQUATIONS = r"""
\text{gradient descent:}\quad \theta \leftarrow \theta - \kappa \nabla E, \qquad
\text{momentum:}\quad v \leftarrow \beta v + \nabla E,\;\; \theta \leftarrow \theta - \kappa v

\text{weight decay:}\quad \theta \leftarrow \theta - \kappa \nabla E - \kappa \lambda \theta
"""

JUST_STABLE = (Claim("factor_just_below_stability", "<", 1.0),)
INTO_THE_DEEP_MINIMUM = (Claim("momentum_distance_from_deep_minimum", "<=", 1e-3),)

_NAMES = {"descent": "gradient descent", "momentum": "momentum", "adam": "Adam"}
_COLORS = dict(zip(_NAMES, plots.COLORS.values(), strict=False))


@dataclass(frozen=True)
class Settings:
    """Settings of the experiment."""

    condition: float = 50.0
    """Ratio k of the largest to the smallest curvature of the valley."""
    decay: float = 0.5
    """Rate λ of the weight decay in the valley."""
    valley_steps: int = 200
    """Steps in the valley."""
    landscape_rate: float = 0.05
    """Learning rate κ of descent, momentum and Adam in the landscape with two minima."""
    beta: float = 0.9
    """Momentum β in the landscape: the fraction of the velocity kept from step to step."""
    landscape_steps: int = 400
    """Steps in the landscape."""
    data: Literal["auto", "mnist", "digits"] = "auto"
    """Data set; "auto" uses MNIST if it is available, otherwise scikit-learn's digits."""
    batch_sizes: tuple[int, ...] = (8, 32, 128, 512)
    """Batch sizes to compare; the full batch is always added."""
    target_loss: float = 0.25
    """Held-out cross-entropy to be reached [nats]."""
    learning_rates: tuple[float, ...] = (0.05, 0.1, 0.2, 0.4, 0.8, 1.6)
    """Learning rates to choose from for each size."""
    training_images: int = 6000
    """Maximum number of training images."""
    seed: int = 0
    """Seed for the weights and the order of the images."""

    def __post_init__(self):
        check_settings(self)
        check.positive(
            decay=self.decay, landscape_rate=self.landscape_rate, target_loss=self.target_loss, condition=self.condition
        )
        check.fraction(beta=self.beta)
        check.whole(2, valley_steps=self.valley_steps, landscape_steps=self.landscape_steps)
        check.whole(training_images=self.training_images)
        if self.condition <= 1:
            raise InputError(f"condition must be more than 1, but is {self.condition}")
        check_range(1e-3, 2, target_loss=self.target_loss)  # without learning it is ln 10 = 2.3
        check_range(0, 1e4, condition=self.condition, decay=self.decay)
        check_some(batch_sizes=self.batch_sizes, learning_rates=self.learning_rates)
        for size in self.batch_sizes:
            check.whole(batch_sizes=size)
        for rate in self.learning_rates:
            check.positive(learning_rates=rate)

    def memory(self) -> float:
        """Estimate the minimum memory of a run [bytes]."""
        return 16.0 * memory.NUMBER * max(self.valley_steps, self.landscape_steps)


QUICK = Settings(data="digits", batch_sizes=(8, 128), learning_rates=(0.1, 0.4), target_loss=0.5)


def run(settings: Settings) -> Result:
    """Descend the valley and the landscape, and race batches of all sizes to the same loss."""
    valley, valley_paths = landscapes.valley(settings.condition, settings.decay, settings.valley_steps)
    landscape, landscape_paths = landscapes.landscape(settings.landscape_rate, settings.beta, settings.landscape_steps)
    images = load(settings.data, settings.training_images, settings.seed)
    full = len(images.train[0])
    sizes = [*(size for size in settings.batch_sizes if size < full), full]
    if len(sizes) == 1:
        raise InputError(f"batch_sizes must include one below the full batch, {full}, but are {settings.batch_sizes}")
    races = [race(images, size, settings.learning_rates, settings.target_loss, settings.seed) for size in sizes]
    return Result(
        metrics={**valley, **landscape, **_compare(races)},
        claims=(
            Claim("descent_deviation_from_theory", "<=", 0.02),
            Claim("momentum_deviation_from_theory", "<=", 0.02),
            *JUST_STABLE,
            Claim("factor_just_above_stability", ">", 1.0),
            Claim("decay_distance_from_fixed_point", "<=", 1e-5),
            Claim("descent_distance_from_shallow_minimum", "<=", 1e-3),
            *INTO_THE_DEEP_MINIMUM,
            Claim("full_batch_time_ratio", ">=", 2.0),
            Claim("full_batch_step_ratio", "<=", 0.5),
        ),
        arrays={
            "condition": settings.condition,
            "valley": valley_paths,
            "landscape": landscape_paths,
            "races": races,
            "target": settings.target_loss,
        },
        data=images.description,
    )


def _compare(races: list[Race]) -> dict[str, float]:
    *small, full = races
    named = [(f"batch_{one.batch_size}", one) for one in small] + [("full_batch", full)]
    return {
        **{f"{name}_seconds": one.seconds for name, one in named},
        **{f"{name}_steps": one.steps for name, one in named},
        **{f"{name}_learning_rate": one.learning_rate for name, one in named},
        "full_batch_time_ratio": full.seconds / min(one.seconds for one in small),
        "full_batch_step_ratio": full.steps / max(one.steps for one in small),
    }


def plot(result: Result) -> dict[str, plots.Figure]:
    """Draw the ways in the valley and the landscape, the effect of weight decay, and the race of the batch sizes."""
    arrays = result.arrays
    return {
        "valley": _plot_valley(arrays["valley"], arrays["condition"]),
        "decay": _plot_decay(arrays["valley"], arrays["condition"]),
        "landscape": _plot_landscape(arrays["landscape"]),
        "batch-sizes": _plot_races(arrays["races"], arrays["target"]),
    }


def _contours(axes, energy: Callable, x: tuple[float, float], y: tuple[float, float], levels: np.ndarray) -> None:
    grid = np.stack(np.meshgrid(np.linspace(*x, 200), np.linspace(*y, 200)), axis=-1)
    axes.contour(grid[..., 0], grid[..., 1], np.asarray(energy(grid)), levels, colors="#BBBBBB", linewidths=0.8)
    axes.grid(False)
    axes.set(xlabel="θ₁", ylabel="θ₂", xlim=x, ylim=y, aspect="equal")


def _plot_valley(paths: dict[str, np.ndarray], k: float) -> plots.Figure:
    fig, (left, right) = plots.figure(
        1,
        2,
        caption=f"A valley whose curvatures differ by a factor of {k:g}. Left: the first 40 steps of descent and "
        "momentum with optimal settings and of Adam, on contour lines of E. Right: the distance from the minimum; "
        "the dashed lines fall by (k − 1)/(k + 1) and (√k − 1)/(√k + 1) per step.",
        width=9.0,
        height=4.0,
    )
    _contours(left, landscapes.bowl(k, np.zeros(2)), (-12.0, 4.0), (-8.0, 6.0), k * np.geomspace(0.02, 30, 10))
    for name, label in _NAMES.items():
        distance = np.linalg.norm(paths[name], axis=1)
        left.plot(*paths[name][:41].T, "o-", ms=2.5, lw=1.2, color=_COLORS[name], label=label)
        right.semilogy(distance, color=_COLORS[name], label=label)
    left.plot(0, 0, "k+", ms=9)
    steps = np.arange(len(paths["descent"]))
    for ratio, label in ((k, "theory"), (np.sqrt(k), None)):
        theory = 2 * np.linalg.norm(paths["descent"][0]) * ((ratio - 1) / (ratio + 1)) ** steps
        right.semilogy(steps, theory, "--", lw=1.2, color=plots.COLORS["grey"], label=label)
    right.set(xlabel="step", ylabel="distance from the minimum")
    plots.legend(right, loc="lower left")
    return fig


def _plot_decay(paths: dict[str, np.ndarray], k: float) -> plots.Figure:
    fig, axes = plots.figure(
        caption="Weight decay in a valley with its minimum at the cross. The trajectory ends where the gradient of E "
        "+ (λ/2)‖θ‖² vanishes, at (H + λI)⁻¹Hθ* (ring); the grey line joins these points for all λ, from θ* to 0. "
        "Directions of low curvature shrink first.",
        height=3.8,
    )
    _contours(axes, landscapes.bowl(k, landscapes.MINIMUM), (-3.0, 5.0), (-5.5, 0.5), k * np.geomspace(0.01, 30, 10))
    axes.plot(*paths["decayed_minima"].T, color=plots.COLORS["grey"], label="minima for all λ")
    axes.plot(*paths["decay"].T, "o-", ms=2.5, lw=1.2, color=_COLORS["descent"], label="descent with weight decay")
    axes.plot(
        *paths["decay"][-1], "o", ms=10, mfc="none", mew=1.6, color=plots.COLORS["orange"], label="predicted end point"
    )
    axes.plot(*landscapes.MINIMUM, "k+", ms=9, label="minimum of E")
    plots.legend(axes, loc="upper left", bbox_to_anchor=(1, 1))
    return fig


def _plot_landscape(paths: dict[str, np.ndarray]) -> plots.Figure:
    fig, (left, right) = plots.figure(
        1,
        2,
        caption="A shallow minimum on the left and a deeper one on the right (crosses). Descent, momentum and Adam "
        "start at the same point with the same learning rate: momentum rolls over the barrier, the others stay.",
        width=9.0,
        height=4.0,
    )
    levels = np.concatenate([np.linspace(-0.34, 0.1, 10), np.geomspace(0.2, 4, 6)])
    _contours(left, landscapes.two_minima, (-2.0, 1.8), (-1.6, 1.6), levels)
    for name, label in _NAMES.items():
        left.plot(*paths[name].T, "o-", ms=2, lw=1.2, color=_COLORS[name], label=label)
        right.plot(np.asarray(landscapes.two_minima(paths[name])), color=_COLORS[name], label=label)
    for minimum, label in zip(landscapes.minima(), ("the two minima", None), strict=True):
        left.plot(*minimum, "k+", ms=9)
        energy = float(landscapes.two_minima(minimum))
        right.axhline(energy, color=plots.COLORS["grey"], ls="--", lw=1, label=label)
    right.set(xlabel="step", ylabel="E", xlim=(0, min(200, len(paths["descent"]) - 1)))
    plots.legend(right)
    return fig


def _plot_races(races: list[Race], target: float) -> plots.Figure:
    fig, (left, right) = plots.figure(
        1,
        2,
        caption=f"Steps (left) and time (right) until the held-out loss is {target:g}, against batch size; the last "
        "mark is the full batch. Grey numbers are the chosen learning rates.",
        width=9.0,
        height=3.6,
    )
    sizes = [one.batch_size for one in races]
    left.loglog(
        sizes, [one.steps for one in races], "o-", color=plots.COLORS["blue"], label="labelled with learning rate"
    )
    right.loglog(sizes, [one.seconds for one in races], "o-", color=plots.COLORS["orange"])
    for one in races:
        at = (one.batch_size, one.steps)
        left.annotate(
            f"{one.learning_rate:g}", at, (5, 5), textcoords="offset points", fontsize=9, color=plots.COLORS["grey"]
        )
    for axes, what in ((left, "steps to the loss"), (right, "time to the loss [s]")):
        axes.set_xticks(sizes, [str(size) for size in sizes])
        axes.minorticks_off()
        axes.set(xlabel="batch size", ylabel=what)
    plots.legend(left)
    return fig
