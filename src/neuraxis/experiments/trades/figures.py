"""Figures of the experiment."""

from typing import Any

import numpy as np

from neuraxis import plots

_COLOURS = {"usual": "grey", "adversarial": "orange", "TRADES": "blue"}
_TITLES = {"usual": "normal training", "adversarial": "adversarial training", "TRADES": "TRADES"}


def plot_curves(a: dict[str, Any]) -> plots.Figure:
    """Draw the accuracy of the three networks against ε."""
    curves, fig, axes = a["curves"], *plots.figure(
        caption=f"Accuracy on {a['curves']['images']} test images under projected gradient descent, against the "
        "largest change of a pixel that it may make; at ε = 0 nothing is changed. Two networks were trained against "
        f"changes of up to {a['epsilon']:g} (dotted).",
        height=3.6,
    )  # fmt: skip
    for name, accuracy in curves["accuracy"].items():
        colour = plots.COLORS[_COLOURS[name]]
        axes.plot(curves["epsilons"], 100 * accuracy, "o-", ms=4, color=colour, label=_TITLES[name])
    axes.axvline(a["epsilon"], ls=":", lw=1, color=plots.COLORS["grey"])
    axes.set(xlabel="ε (pixels range from 0 to 1)", ylabel="accuracy [%]", ylim=(-3, 103))
    plots.legend(axes)
    return fig


def plot_trade_off(a: dict[str, Any]) -> plots.Figure:
    """Draw both accuracies against β."""
    fig, axes = plots.figure(
        caption=f"The trade-off with β: accuracy on the original test images, and under attack (ε = {a['epsilon']:g}, "
        f"{a['attack_steps']} steps), after {a['steps']['short']} training steps with that β.",
        height=3.4,
    )
    betas, found = list(a["betas"]), 100 * np.array(list(a["betas"].values()))
    axes.plot(betas, found[:, 0], "o-", color=plots.COLORS["green"], label="natural images")
    axes.plot(betas, found[:, 1], "o-", color=plots.COLORS["blue"], label="under attack")
    if min(betas) > 0:
        axes.set_xscale("log")
    axes.set_xticks(betas, [f"{beta:g}" for beta in betas])
    axes.minorticks_off()
    axes.set(xlabel="β, weight of the robustness term", ylabel="accuracy [%]")
    plots.legend(axes)
    return fig


def plot_learning(a: dict[str, Any]) -> plots.Figure:
    """Draw how both robust networks learn, and how ε grows meanwhile."""
    fig, (left, right, below) = plots.figure(
        1,
        3,
        caption="Accuracy on held-out images in the course of training, natural and under an attack with the full ε "
        "(10 steps), for adversarial training and for TRADES; and the ε used in training.",
        width=8.4,
        height=3.2,
    )
    steps = a["steps"]["long"]
    for ax, name in ((left, "adversarial"), (right, "TRADES")):
        history = a["histories"][name]
        at = steps * np.arange(1, len(history["accuracy"]) + 1) / len(history["accuracy"])
        ax.plot(at, 100 * history["accuracy"], "o-", ms=3, color=plots.COLORS["green"], label="natural images")
        ax.plot(at, 100 * history["robust_accuracy"], "o-", ms=3, color=plots.COLORS["blue"], label="under attack")
        ax.set(title=_TITLES[name].capitalize() if name != "TRADES" else name, xlabel="training step", ylim=(-3, 103))
    left.set_ylabel("accuracy [%]")
    plots.legend(left)
    below.plot(np.linspace(0, steps, len(a["shares"])), a["epsilon"] * np.array(a["shares"]))
    below.set(title="Growing ε", xlabel="training step", ylabel="ε", ylim=(0, None))
    return fig


def plot_seeds(a: dict[str, Any]) -> plots.Figure:
    """Draw the accuracies of each seed, with their mean."""
    fig, axes = plots.figure(
        caption=f"{len(a['seeds'])} TRADES runs that differ only in their seed (weights, order of the images, starting "
        f"points of the inner maximisation), of {a['steps']['short']} steps each: every point is a run, the lines are "
        "means.",
        height=3.2,
    )
    for i, (column, colour) in enumerate(zip(100 * a["seeds"].T, ("green", "blue"), strict=True)):
        across = i + 0.08 * (np.arange(len(column)) - (len(column) - 1) / 2)
        axes.plot(across, column, "o", color=plots.COLORS[colour])
        axes.plot([i - 0.25, i + 0.25], [column.mean()] * 2, color=plots.COLORS[colour], lw=1)
        text = f"mean {column.mean():.1f} %,\nat most {np.ptp(column):.2f} % apart"
        axes.text(i + 0.3, column.mean(), text, va="center")
    axes.set_xticks([0, 1], ["natural images", "under attack"])
    axes.margins(y=0.2)
    axes.set(xlim=(-0.6, 1.9), ylabel="accuracy [%]")
    axes.grid(axis="x", visible=False)
    return fig


def plot_images(a: dict[str, Any]) -> plots.Figure:
    """Draw images, and what the attack makes of them."""
    shown, names = a["shown"], a["classes"]
    columns = len(shown["x"])
    fig, axes = plots.figure(
        3,
        columns,
        caption="Test images that both networks classify correctly, with their labels; the attacked images for the "
        "normally trained network, and for that trained with TRADES, with every pixel changed by at most "
        f"{a['epsilon']:g}, and the class that the network then predicts.",
        width=1.05 * columns,
        height=4.2,
    )
    plots.show_images(axes[0], list(shown["x"]), [names[label] for label in shown["labels"]])
    for row, name, text in ((1, "usual", "attacked,\nusual"), (2, "TRADES", "attacked,\nTRADES")):
        plots.show_images(
            axes[row], list(shown[name]["changed"]), [f"→ {names[found]}" for found in shown[name]["predicted"]]
        )
        axes[row, 0].text(-0.25, 0.5, text, transform=axes[row, 0].transAxes, ha="right", va="center", fontsize=9)
    axes[0, 0].text(-0.25, 0.5, "image", transform=axes[0, 0].transAxes, ha="right", va="center", fontsize=9)
    return fig


def plot_ensemble(a: dict[str, Any]) -> plots.Figure:
    """Draw what each attack of the ensemble leaves."""
    return plots.table(
        ["attack", "accuracy"],
        [[name, f"{100 * share:.1f} %"] for name, share in a["parts"].items()],
        caption=f"Accuracy of the TRADES network on {a['ensemble_images']} test images under an ensemble of attacks (ε "
        f"= {a['epsilon']:g}), each tried on the images that withstood those above.",
    )
