"""Figures of the experiment."""

from typing import Any

import numpy as np

from neuraxis import plots
from neuraxis.experiments.adversarial_attack.measures import CURVES

_COLOURS = {
    "FGSM": "sky",
    "PGD": "blue",
    "APGD-CE": "orange",
    "FAB": "green",
    "DeepFool": "purple",
    "bisection": "gold",
}
_TITLES = {"plain": "normal training", "robust": "adversarial training"}


def plot_curves(a: dict[str, Any]) -> plots.Figure:
    """Draw the accuracy of both networks against ε."""
    fig, axes = plots.figure(
        1,
        2,
        caption="Accuracy on test images under attack, against the largest change of a pixel that the attack may make "
        f"(ℓ∞). The network on the right was trained on images changed by up to {a['epsilon']:g} (dotted).",
        width=8.0,
        height=3.4,
        sharey=True,
    )
    for ax, (name, curves) in zip(axes, a["curves"].items(), strict=True):
        for attack in CURVES:
            ax.plot(
                curves["epsilons"], 100 * curves[attack], "o-", ms=4, color=plots.COLORS[_COLOURS[attack]], label=attack
            )
        ax.axvline(a["epsilon"], ls=":", lw=1, color=plots.COLORS["grey"])
        ax.set(xlabel="ε (pixels range from 0 to 1)", title=_TITLES[name].capitalize(), ylim=(-3, 103))
    axes[0].set_ylabel("accuracy [%]")
    plots.legend(axes[0])
    axes[1].legend(axes[1].lines[-1:], ["ε in training"], frameon=False, fontsize=9, loc="lower left")
    return fig


def plot_images(a: dict[str, Any]) -> plots.Figure:
    """Draw images, what PGD adds to them, and what comes of it, for both networks."""
    shown, names = a["shown"], a["classes"]
    columns = len(shown["plain"]["x"])
    fig, axes = plots.figure(
        5,
        columns,
        caption="Test images with their labels; the perturbation by PGD for the normally trained network (grey is no "
        f"change, black +{a['epsilon']:g}, white −{a['epsilon']:g}), and the class it then predicts; the same for the "
        "adversarially trained network.",
        width=1.05 * columns,
        height=6.6,
    )
    plots.show_images(axes[0], list(shown["plain"]["x"]), [names[label] for label in shown["plain"]["label"]])
    for first, name in ((1, "plain"), (3, "robust")):
        part = shown[name]
        plots.show_images(axes[first + 1], list(part["changed"]), [f"→ {names[found]}" for found in part["predicted"]])
        for ax, x, changed in zip(axes[first], part["x"], part["changed"], strict=True):
            ax.imshow(changed - x, cmap="gray_r", vmin=-a["epsilon"], vmax=a["epsilon"], interpolation="nearest")
            ax.set_axis_off()
    for row, text in (
        (0, "image"),
        (1, "perturbation,\nnormal training"),
        (2, "attacked"),
        (3, "perturbation,\nadversarial\ntraining"),
        (4, "attacked"),
    ):
        axes[row, 0].text(-0.25, 0.5, text, transform=axes[row, 0].transAxes, ha="right", va="center", fontsize=9)
    return fig


def plot_table(a: dict[str, Any]) -> plots.Figure:
    """Draw what each attack leaves of either network."""
    percent = lambda share: f"{100 * share:.1f} %"
    reports, parts = a["reports"], a["reports"]["plain"].attacks["ensemble"].parts
    rows = [["none", *(percent(report.clean_accuracy) for report in reports.values())]]
    for name in reports["plain"].attacks:
        if name in parts or name == "ensemble":
            continue
        rows.append([name, *(percent(report.attacks[name].accuracy) for report in reports.values())])
    rows += [[f"{name} (of the ensemble)", *(percent(report.attacks[name].accuracy) for report in reports.values())]
             for name in parts]  # fmt: skip
    rows.append(["ensemble", *(percent(report.attacks["ensemble"].accuracy) for report in reports.values())])
    if a["reports_l2"]:
        rows += [[f"{name}, ℓ2", *(percent(report.attacks[name].accuracy) for report in a["reports_l2"].values())]
                 for name in a["reports_l2"]["plain"].attacks]  # fmt: skip
    in_l2 = f", and ‖δ‖₂ ≤ {a['epsilon_l2']:g} for ℓ2" if a["reports_l2"] else ""
    return plots.table(
        ["attack", "normal training", "adversarial training"],
        rows,
        caption=f"Accuracy under each attack, with changes of at most ε = {a['epsilon']:g} in every pixel{in_l2}. Each "
        "attack was tried on all correctly classified images, those of the ensemble on the images that withstood the "
        "previous ones.",
    )


def plot_masked(a: dict[str, Any]) -> plots.Figure:
    """Draw what the attacks leave of the network whose gradient is hidden, beside the same network as it is."""
    as_it_is = a["reports"]["plain"].attacks
    return plots.table(
        ["attack", "original", "logits × 10 000"],
        [
            [name, f"{100 * as_it_is[name].accuracy:.1f} %", f"{100 * share:.1f} %"]
            for name, share in a["masked"].items()
        ],
        caption="Accuracy under attack of the normal network, and of the same with its logits multiplied by 10 000, "
        "which changes no answer. PGD maximises the cross-entropy, whose gradient is then lost to rounding; Square "
        "uses no gradient, and APGD-T maximises the DLR loss, which does not depend on the scale. The evaluation "
        "warns: " + " Also: ".join(a["warnings"]),
    )


def plot_minimal(a: dict[str, Any]) -> plots.Figure:
    """Draw how large the smallest changes are."""
    fig, axes = plots.figure(
        1,
        2,
        caption="The smallest perturbations found by three attacks: cumulative fraction of images that are "
        "misclassified after a change of at most the given size (ℓ∞, the largest change of any pixel).",
        width=8.0,
        height=3.4,
        sharey=True,
    )
    most = max(norms.max() for found in a["minimal"].values() for norms in found.values() if norms.size)
    for ax, (name, found) in zip(axes, a["minimal"].items(), strict=True):
        for attack, norms in found.items():
            share = 100 * np.arange(1, len(norms) + 1) / max(1, len(norms))
            ax.step(np.sort(norms), share, where="post", color=plots.COLORS[_COLOURS[attack]], label=attack)
        ax.set(xlabel="size of the perturbation, ℓ∞", title=_TITLES[name].capitalize(), xlim=(0, 1.02 * most))
    axes[0].set_ylabel("images [%]")
    plots.legend(axes[1])
    return fig


def plot_others(a: dict[str, Any]) -> plots.Figure:
    """Draw what is left of the other kinds of network."""
    reports = a["others"]
    percent = lambda share: f"{100 * share:.1f} %"
    return plots.table(
        ["attack", *reports],
        [
            ["none", *(percent(report.clean_accuracy) for report in reports.values())],
            *(
                [name, *(percent(report.attacks[name].accuracy) for report in reports.values())]
                for name in next(iter(reports.values())).attacks
            ),
        ],
        caption=f"Accuracy under attack, ε = {a['epsilon']:g} in every pixel, of a perceptron, of a spiking "
        "classifier, whose spikes have a surrogate gradient, and of a network trained by predictive coding.",
    )
