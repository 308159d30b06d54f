"""Figures of the experiment."""

from typing import Any

import numpy as np

from neuraxis import plots
from neuraxis.experiment import Result
from neuraxis.experiments.rbm.small import NAMES
from neuraxis.experiments.shared import scorer

_COLORS = {"cd": "orange", "pcd": "blue", "centred": "green"}
_FILTERS = 100


def plot_likelihood(result: Result) -> plots.Figure:
    """Draw the exact likelihood of the small machines over their training, and the training of the large one."""
    a, m = result.arrays, result.metrics
    fig, (left, right) = plots.figure(
        1,
        2,
        caption="Left: exact mean log-likelihood of held-out images under the small machine after every epoch, for "
        "three learning rules that differ only in their chains and gradients. Right: mean pseudo-log-likelihood of "
        "held-out images under the large machine, estimated from one pixel of each image.",
        height=3.4,
    )
    for name, curve in a["curves"].items():
        label = f"{NAMES[name]} (test images {_signed(m[f'small_{name}_log_likelihood'])})"
        left.plot(np.arange(1, len(curve) + 1), curve, "o-", ms=3, color=plots.COLORS[_COLORS[name]], label=label)
    left.set(ylabel="log-likelihood [nats]", title="Small machine")
    low, high = left.get_ylim()
    left.set_ylim(low - 0.35 * (high - low), high)  # room for the legend
    plots.legend(left, loc="lower right")
    watched = -a["history"]["validation_loss"]
    right.plot(np.arange(1, len(watched) + 1), watched, "o-", ms=3, color=plots.COLORS["blue"])
    right.set(ylabel="pseudo-log-likelihood [nats]", title="Large machine")
    for axes in (left, right):
        plots.epochs_along(axes)
    return fig


def plot_annealing(result: Result) -> plots.Figure:
    """Draw what the single chains give for ln Z, and their means."""
    a, m = result.arrays, result.metrics
    fig, (left, right) = plots.figure(
        1,
        2,
        caption="ln Z from each chain of annealed importance sampling, forward and reverse (bars), and the logarithm "
        "of the mean weight, or of the mean inverse weight for the reverse direction (lines), which err on opposite "
        "sides.",
        height=3.4,
    )
    for axes, name in ((left, "small"), (right, "large")):
        found = a[name]
        everything = np.concatenate([found[way][2] for way in ("forward", "reverse")])
        bins = np.linspace(everything.min(), everything.max(), 30)
        for way, color in (("forward", "blue"), ("reverse", "orange")):
            value, error, chains = found[way]
            axes.hist(chains, bins, alpha=0.45, color=plots.COLORS[color])
            label = f"{way}: {value:.2f} ± {error:.2f}"
            axes.axvline(value, color=plots.COLORS[color], label=label)
        axes.set(xlabel="ln Z [nats]", ylabel="chains")
        axes.yaxis.get_major_locator().set_params(integer=True)
        axes.set_ylim(0, 1.45 * axes.get_ylim()[1])  # room for the legend
    left.axvline(a["small"]["exact"], color="#222222", linestyle="--", label=f"exact: {a['small']['exact']:.2f}")
    left.set_title("Small machine")
    both = [f"{_signed(m[f'log_likelihood_{way}'])} {way}" for way in ("forward", "reverse")]
    right.set_title("Large machine")
    right.set_xlabel(f"ln Z [nats]\n(test images: {' and '.join(both)})")
    for axes in (left, right):
        plots.legend(axes, loc="upper right")
    return fig


def plot_filters(a: dict[str, Any]) -> plots.Figure:
    """Draw the weights of the hidden units with the largest ones."""
    filters = a["filters"]
    largest = np.argsort(-np.linalg.norm(filters, axis=1))[:_FILTERS]
    shown = filters[largest] / np.abs(filters[largest]).max(1, keepdims=True)
    fig, axes = plots.figure(
        caption=f"Weights of {len(shown)} hidden units of the large machine, those with the largest norm, each divided "
        "by its largest weight: black pixels make the unit more likely to be on, white ones less.",
        width=6.0,
        height=6.0 * -(-len(shown) // 10) / 10,
    )
    plots.image_grid(axes, plots.squares(shown), 10, low=-1.0)
    return fig


def plot_samples(a: dict[str, Any]) -> plots.Figure:
    """Draw chains on their way from noise, and where others have arrived."""
    fig, (left, right) = plots.figure(
        1,
        2,
        caption="Left: ten chains of Gibbs sampling that start from noise, after the given number of sweeps. Right: "
        "chains after the last sweep. Shown are the probabilities from which the pixels are drawn.",
        width=9.0,
        height=4.2,
    )
    names = [f"{sweeps}" for sweeps in a["sweeps"]]
    plots.show_strips(left, list(plots.squares(a["strip"])), names, low=0.0)
    left.set(ylabel="sweeps", title="From noise")
    plots.image_grid(right, plots.squares(a["samples"][:80]), 10)
    right.set_title("Samples")
    return fig


def plot_completion(a: dict[str, Any]) -> plots.Figure:
    """Draw test images, what is shown of them, and what the machine makes of that."""
    fig, axes = plots.figure(
        caption="Test images; what the machine sees of them, with the grey half hidden; one completion by Gibbs "
        "sampling with the known pixels clamped; and the mean over the second half of the sweeps.",
        height=2.6,
    )
    rows = {"original": "original", "shown": "known", "completed": "sample", "mean": "mean"}
    strips = [plots.squares(a["completed"][name]) for name in rows.values()]
    plots.show_strips(axes, strips, list(rows), low=0.0)
    return fig


def plot_scores(a: dict[str, Any]) -> plots.Figure:
    """Draw what the classifier thinks of the samples."""
    return scorer.plot_table(a["scores"])


def _signed(number: float) -> str:
    return f"{number:.1f}".replace("-", "−")
