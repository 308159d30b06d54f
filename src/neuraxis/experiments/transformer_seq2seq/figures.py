"""What the run is drawn as."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from neuraxis import plots
from neuraxis.data.written_dates import Pair

_TESTS = {"known_forms": "Trained formats", "new_forms": "New formats"}


def learning(history: Mapping[str, np.ndarray], steps: int) -> plots.Figure:
    """Draw loss and share of exact dates against the steps."""
    fig, (left, right) = plots.figure(
        1,
        2,
        caption="Training: the cross-entropy per character on training pairs (mean since the last point, during "
        "training) and on other days, and the fraction of these other days whose ISO form is correct in every "
        "character.",
        height=3.2,
    )
    at = steps * np.arange(1, len(history["loss"]) + 1)
    for name, label in {"loss": "training", "validation_loss": "other days"}.items():
        left.semilogy(at, history[name], "o-", ms=4, label=label)
    left.set(xlabel="training step", ylabel="cross-entropy [nats/character]", title="Loss")
    plots.legend(left)
    right.plot(at, 100 * history["exact"], "o-", ms=4, color=plots.COLORS["orange"])
    right.set(xlabel="training step", ylabel="exactly right [%]", title="Dates", ylim=(0, 103))
    return fig


def attention(examples: Sequence[tuple[str, str, np.ndarray]]) -> plots.Figure:
    """Draw, for each example, how much each written character looks at each character of the date."""
    fig, axes = plots.figure(
        2,
        2,
        caption="Attention of the decoder: each row is a character that it writes, each column one of the date that "
        "it reads, and darker means more. Mean over all heads of all blocks; every row sums to 1.",
        width=9.0,
        height=7.6,
    )
    for ax, (text, written, weights) in zip(np.ravel(axes), examples, strict=True):
        ax.imshow(weights, cmap="Blues", vmin=0, aspect="auto", interpolation="nearest")
        ax.set_xticks(range(len(text)), [character.replace(" ", "␣") for character in text], family="monospace")
        ax.set_yticks(range(len(written)), list(written), family="monospace")
        ax.tick_params(length=0, labelsize=10)
        ax.grid(False)
        ax.set(xlabel="read", ylabel="written")
        ax.set_title(f"{text}  →  {written}", fontsize=9, fontweight="normal")
    return fig


def dates(tests: Mapping[str, Sequence[tuple[Pair, str]]], wrong: Sequence[tuple[Pair, str]]) -> plots.Figure:
    """Show some dates of each test with what was read, and the first mistakes."""
    blocks = {_TESTS[name]: rows for name, rows in tests.items()} | {"The first mistakes": wrong}
    lines = sum(len(rows) + 2 for rows in blocks.values())
    fig, axes = plots.figure(
        caption="Test dates as written and as translated by the network, with the correct form where it is wrong.",
        height=0.24 * (lines + 2),
    )
    axes.set_axis_off()
    axes.set(xlim=(0, 1), ylim=(lines, -1.5))
    for x, heading in ((0.02, "written"), (0.60, "given"), (0.80, "right")):
        axes.text(x, -1, heading, color=plots.COLORS["grey"], fontsize=9)
    line = 0
    for title, rows in blocks.items():
        axes.text(0, line, title if rows else f"{title}: none", fontweight="bold")
        for pair, found in rows:
            line += 1
            _row(axes, line, pair, found)
        line += 2
    return fig


def _row(axes: Any, line: int, pair: Pair, found: str) -> None:
    right = found == pair.iso
    axes.text(0.02, line, pair.written, family="monospace")
    axes.text(0.60, line, found, family="monospace", color=plots.COLORS["green" if right else "orange"])
    if not right:
        axes.text(0.80, line, pair.iso, family="monospace", color=plots.COLORS["grey"])
