"""Figures of the experiment."""

from typing import Any

import numpy as np

from neuraxis import plots

_WAYS = {"values": ("relaxing the values", "orange"), "errors": ("relaxing the errors", "blue")}
_COLORS = {"plain": "grey", "states": "orange", "errors": "sky", "weak": "blue", "backprop": "green"}


def plot_relaxation(a: dict[str, Any]) -> plots.Figure:
    """Draw how the energy falls in both relaxations."""
    fig, both = plots.figure(
        1,
        2,
        sharey=True,
        caption="Energy above equilibrium, relative to its initial value, against steps of relaxation: by the values "
        "of the nodes and by their errors, in untrained networks of tanh nodes with a weak clamp. Each curve ends "
        "when the remaining distance to equilibrium is a thousandth of the initial one.",
        height=3.4,
    )
    for axes, race in zip(both, a["race"].values(), strict=True):
        for name, (label, color) in _WAYS.items():
            steps, excess = race[name]
            axes.plot(steps, excess, color=plots.COLORS[color], label=label)
            axes.plot(steps[-1], excess[-1], "o", color=plots.COLORS[color], ms=5)
        axes.set(xscale="symlog", yscale="log", xlabel="steps of relaxation")
        axes.set_title(f"{race['layers']} layers of weights", loc="left")
        axes.set_xlim(left=0)
    both[0].set(ylabel="F above equilibrium (initial: 1)")
    both[0].set_ylim(bottom=max(1e-9, both[0].get_ylim()[0]))
    plots.legend(both[0], loc="upper right")
    return fig


def plot_cosine(a: dict[str, Any]) -> plots.Figure:
    """Draw the angle between the weight changes of predictive coding and of backpropagation."""
    fig, axes = plots.figure(
        caption="One minus the cosine of the angle between the weight changes by predictive coding, at equilibrium, "
        "and by backpropagation, over all weights and biases, against the strength of the clamp at the labels.",
        width=5.5,
        height=3.4,
    )
    for (name, cosine), color in zip(a["cosines"].items(), ("orange", "blue"), strict=True):
        axes.loglog(1 / a["variances"], np.maximum(1 - cosine, 1e-9), "o-", ms=4, color=plots.COLORS[color], label=name)
    axes.axhline(1e-3, color=plots.COLORS["grey"], linestyle="--", linewidth=1, label="cosine 0.999")
    axes.set(xlabel="clamp strength, 1/ν¹", ylabel="1 − cosine", title="Weight changes vs backpropagation")
    plots.legend(axes, loc="upper left")
    return fig


def plot_learning(a: dict[str, Any], m: dict[str, float]) -> plots.Figure:
    """Draw the errors on held-out images over the training of the shallow networks."""
    fig, axes = plots.figure(
        caption="Error rate on held-out images after every epoch, for networks with the same initial weights and the "
        "same batches. In brackets: test accuracy.",
        height=3.8,
    )
    for name, learner in a["shallow"].items():
        test = m.get(f"accuracy_{name}", m["accuracy"])
        _curve(axes, learner["accuracy"], _COLORS[name], f"{learner['label']} ({test:.2%})", name == "backprop")
    axes.set(yscale="log", ylabel="error rate [%]", title="Learning")
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.yaxis.set_minor_formatter(lambda value, _: f"{value:g}" if f"{value:e}"[0] in "235" else "")
    axes.set_ylim(top=2.2 * axes.get_ylim()[1])
    plots.epochs_along(axes)
    plots.legend(axes, loc="upper right")
    return fig


def plot_depth(a: dict[str, Any], m: dict[str, float]) -> plots.Figure:
    """Draw how the deep networks learn, and what errors reach their layers."""
    fig, (left, right) = plots.figure(
        1,
        2,
        caption=f"Networks with {a['layers']} layers of weights. Left: error rate on held-out images after every "
        "epoch; in brackets: test accuracy. Right: errors of each layer of an untrained network, from the labels on "
        "(root mean square), after a relaxation as in training, and at equilibrium; in double precision, since "
        "single precision ends at about 1e-8 of the values.",
        height=3.6,
    )
    for name, learner in a["deep"].items():
        test = m.get(f"deep_accuracy_{name}", m["deep_accuracy"])
        color = {"states": "orange", "errors": "blue", "backprop": "green"}[name]
        _curve(left, learner["accuracy"], color, f"{learner['label']} ({test:.1%})", name == "backprop")
    left.set(ylabel="error rate [%]", title="Learning")
    left.set_ylim(bottom=0, top=1.35 * left.get_ylim()[1])
    plots.epochs_along(left)
    plots.legend(left, loc="upper right")
    marks = {
        "values": ("o-", "orange", "values"),
        "errors": ("o-", "blue", "errors"),
        "rest": ("--", "grey", "at rest"),
    }
    for name, (mark, color, label) in marks.items():
        error = np.maximum(a["reach"][name], 1e-20)
        right.semilogy(np.arange(1, len(error) + 1), error, mark, ms=4, color=plots.COLORS[color], label=label)
    right.set_xticks(range(1, len(a["reach"]["rest"]) + 1, max(1, len(a["reach"]["rest"]) // 5)))
    right.set(xlabel="layer, from the labels", ylabel="root mean square of ε", title="Errors that arrive")
    plots.legend(right, loc="center right")
    return fig


def plot_prototypes(a: dict[str, Any]) -> plots.Figure:
    """Show what the network generates for each label, above the mean image of the class."""
    fig, axes = plots.figure(
        caption="Images generated by the network with one label clamped at its top, and the mean of the training "
        "images with that label.",
        height=1.9,
    )
    rows = [np.clip(plots.squares(a[name]), 0, 1) for name in ("prototypes", "means")]
    plots.show_strips(axes, rows, ("generated", "mean of class"), low=0.0)
    return fig


def plot_completion(a: dict[str, Any]) -> plots.Figure:
    """Show images of which the lower half was hidden."""
    fig, axes = plots.figure(
        caption="One test image of each class; the clamped part, with the free pixels in grey; the completed image; "
        "and the same with the lower half of the mean training image instead.",
        height=3.4,
    )
    rows = [plots.squares(row) for row in a["completed"].values()]
    plots.show_strips(axes, rows, tuple(a["completed"]), low=0.0)
    return fig


def _curve(axes: Any, accuracy: np.ndarray, color: str, label: str, dashed: bool) -> None:
    epochs, line = np.arange(1, len(accuracy) + 1), "o--" if dashed else "o-"
    axes.plot(epochs, 100 * (1 - np.asarray(accuracy)), line, ms=4, color=plots.COLORS[color], label=label)
