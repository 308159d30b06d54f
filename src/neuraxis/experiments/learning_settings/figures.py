"""The figures of the learning settings."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from neuraxis import plots
from neuraxis.experiments.learning_settings.tasks import STEPS
from neuraxis.experiments.shared import code_map

_TITLES = {
    "regression": "Regression",
    "classification": "Classification",
    "unsupervised": "Unsupervised",
    "reinforcement": "Reinforcement",
}


def curves(arrays: Mapping[str, Any]) -> plots.Figure:
    """Draw how each setting learns."""
    fig, axes = plots.figure(
        2,
        2,
        caption="Learning in the four settings, measured after every epoch on data not used for training: distance "
        "from the noiseless curve; error rate on digits; error of digits reconstructed from two numbers, compared "
        "with two principal components; steps for which the pole stays up, averaged over 100 episodes.",
        height=5.6,
    )
    histories, grey = arrays["histories"], {"color": plots.COLORS["grey"], "ls": "--", "lw": 1.2}
    measured = {
        "regression": np.sqrt(2 * histories["regression"]["validation_loss"]),
        "classification": 100 * (1 - histories["classification"]["accuracy"]),
        "unsupervised": histories["unsupervised"]["validation_loss"],
        "reinforcement": histories["reinforcement"]["steps_held"],
    }
    labels = ("rms error", "error rate [%]", "squared error ½‖y − x‖²", "steps balanced")
    for ax, (name, values), label in zip(axes.flat, measured.items(), labels, strict=True):
        ax.plot(np.arange(1, len(values) + 1), values, "o-" if len(values) <= 30 else "-", ms=4)
        ax.set(title=_TITLES[name], ylabel=label)
        plots.epochs_along(ax)
    regression, _, unsupervised, reinforcement = axes.flat
    regression.set_yscale("log")
    regression.axhline(arrays["noise"], label="noise of the data", **grey)
    unsupervised.axhline(arrays["pca_error"], label="two principal components", **grey)
    reinforcement.axhline(475, label="475 of 500", **grey)
    reinforcement.set_ylim(0, 1.08 * STEPS)
    for ax in (regression, unsupervised):
        plots.legend(ax, loc="upper right")
    plots.legend(reinforcement, loc="lower right")
    return fig


def learnt(arrays: Mapping[str, Any]) -> plots.Figure:
    """Draw what each setting learnt."""
    fig, axes = plots.figure(
        2,
        2,
        caption="What was learnt. The curve found in noisy points; test digits with their predicted classes (orange: "
        "wrong); the code of two numbers, in which digits cluster by class (colour) although no label was shown; the "
        "angle of the pole in five episodes, before and after training.",
        width=8.5,
        height=7.0,
    )
    _regression(axes[0, 0], arrays)
    _classification(axes[0, 1], arrays)
    _codes(axes[1, 0], arrays)
    _angles(axes[1, 1], arrays)
    for ax, title in zip(axes.flat, _TITLES.values(), strict=True):
        ax.set_title(title)
    return fig


def _regression(ax, arrays) -> None:
    x, truth, found = arrays["curve"]
    ax.scatter(*(p[:, 0] for p in arrays["points"]), s=8, color=plots.COLORS["grey"], lw=0, alpha=0.6, label="data")
    ax.plot(x, truth, "--", color=plots.COLORS["orange"], label="without noise")
    ax.plot(x, found, color=plots.COLORS["blue"], label="network")
    ax.set(xlabel="x", ylabel="y")
    plots.legend(ax)


def _classification(ax, arrays) -> None:
    """Show some digits, the misclassified ones among them first."""
    rows, columns = 4, 6
    wrong = arrays["predicted"] != arrays["labels"]
    shown = np.argsort(~wrong, kind="stable")[: rows * columns // 3]
    shown = np.concatenate([np.flatnonzero(~wrong)[: rows * columns - len(shown)], shown])
    side = int(np.sqrt(arrays["images"].shape[-1]))
    for place, i in enumerate(shown):
        row, column = divmod(place, columns)
        left, top = column * 1.5, -row * 1.6
        image = arrays["images"][i].reshape(side, side)
        ax.imshow(image, cmap="gray_r", extent=(left, left + 1, top - 1, top), interpolation="nearest")
        color = plots.COLORS["orange"] if wrong[i] else "#222222"
        ax.text(left + 1.05, top - 0.95, str(arrays["predicted"][i]), fontsize=10, color=color)
    ax.set(xlim=(-0.1, columns * 1.5), ylim=(-rows * 1.6 + 0.5, 0.1), aspect="equal")
    ax.set_axis_off()


def _codes(ax, arrays) -> None:
    code_map.scatter(ax, arrays["codes"], arrays["labels"], [str(digit) for digit in range(10)], size=10.0)
    ax.set(xlabel="code, first dimension", ylabel="code, second dimension")
    ax.legend(title="digit", loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False, fontsize=9, markerscale=2)


def _angles(ax, arrays) -> None:
    for (name, angles), color in zip(arrays["angles"].items(), ("orange", "blue"), strict=True):
        lines = ax.plot(arrays["seconds"], angles, color=plots.COLORS[color], lw=0.9)
        lines[0].set_label(name)
    for limit in (-12, 12):
        ax.axhline(limit, color=plots.COLORS["grey"], ls="--", lw=1.2)
    ax.set(xlabel="time [s]", ylabel="angle of the pole [°]", ylim=(-16, 16))
    plots.legend(ax, loc="upper right", ncols=2)
