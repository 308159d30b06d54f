"""The figures: learning curves, samples of what the networks write, and where the heads look."""

import textwrap
from collections.abc import Mapping

import numpy as np

from neuraxis import plots
from neuraxis.plots import COLORS

CHARACTERS = 20  # of the text over which the attention is drawn
_NAMES = {"2017": ("2017 network, AdamW", COLORS["blue"]), "modern": ("modern network, Muon", COLORS["orange"])}
_LINES, _WIDTH = 18, 46  # of a sample


def learning(histories: Mapping[str, Mapping[str, np.ndarray]], steps: int) -> plots.Figure:
    """Draw the losses against the steps; one point is `steps` of them."""
    fig, axes = plots.figure(
        caption="Loss in nats per character: on held-out text after every twentieth of training (solid), and on the "
        "training text, averaged since the previous point (dotted). The weights of the lowest solid point are kept.",
        height=3.6,
    )
    for name, history in histories.items():
        label, color = _NAMES[name]
        taken = steps * np.arange(1, len(history["loss"]) + 1)
        axes.plot(taken, history["validation_loss"], "-o", ms=3, color=color, label=f"{label}, held out")
        axes.plot(taken, history["loss"], ":", color=color, label=f"{label}, training")
    axes.set(xlabel="step", ylabel="loss [nats per character]", title="Next character")
    plots.legend(axes)
    return fig


def samples(written: Mapping[str, str]) -> plots.Figure:
    """Show what the networks wrote."""
    fig, axes = plots.figure(
        1,
        2,
        caption="Text written by the networks, one character at a time, starting from the end of a line.",
        width=8.5,
        height=3.4,
    )
    for ax, (name, text) in zip(axes, written.items(), strict=True):
        lines = [part for line in text.strip("\n").split("\n") for part in textwrap.wrap(line, _WIDTH) or [""]]
        ax.text(0, 1, "\n".join(lines[:_LINES]), va="top", family="monospace", fontsize=8.5, parse_math=False)
        ax.set_title(_NAMES[name][0])
        ax.axis("off")
    return fig


def attention(maps: np.ndarray, text: str) -> plots.Figure:
    """Draw the weights of every head (block, head, time, time) over a text."""
    blocks, heads, length, _ = maps.shape
    fig, axes = plots.figure(
        blocks,
        heads,
        caption="Attention of the heads of the modern network: each row of a map is a query character, its columns "
        "are the characters up to it, and darker means a larger weight.",
        width=8.5,
        height=8.5 * blocks / heads + 0.4,
        sharex=True,
        sharey=True,
    )
    letters = [character if character.isprintable() else "↵" for character in text]
    for (block, head), ax in np.ndenumerate(np.reshape(axes, (blocks, heads))):
        ax.imshow(maps[block, head], cmap="Blues", vmin=0, vmax=1)
        ax.set_title(f"block {block + 1}, head {head + 1}", fontsize=9)
        ax.set_xticks(range(length), letters, fontsize=6)
        ax.set_yticks(range(length), letters, fontsize=6)
        ax.tick_params(length=0)
        ax.grid(False)
    fig.supxlabel("attended character", fontsize=10)
    fig.supylabel("query character", fontsize=10)
    return fig
