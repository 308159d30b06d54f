"""Words of a real text: which are near each other."""

import re

import numpy as np

from neuraxis import data, plots
from neuraxis.language import Sentences, WordVectors

# Pairs that a reader of Shakespeare would put together.
RELATED = """
    king queen, father mother, brother sister, husband wife, son daughter, uncle nephew, lord lady, gold silver,
    sun moon, heaven hell, eyes tears, bread meat, sword dagger, war peace, horse foot, flesh blood, head neck,
    cheek lips, rome romans, crown throne, duke earl, france england, thunder lightning, sea ship, summer winter,
    day night, morning evening, black white, ears eyes, hands arms
"""
GROUPS = {
    "family": "father mother brother sister son daughter husband wife uncle nephew cousin",
    "rank": "king queen prince duke earl lord lady knight emperor princess",
    "body": "eye hand heart head tongue arm lips cheek breast foot",
    "war": "sword battle war soldiers army enemy drum arms fight march",
    "nature": "sun moon stars sea wind earth fire water tree flower",
    "places": "rome england france london venice milan naples scotland egypt athens",
}
SHOWN = ["king", "love", "death", "sword", "night", "father", "horse", "gold", "sea", "rome", "fool", "heart"]
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
_END = re.compile(r"[.!?;:]+\s|\n\s*\n")
_NEAREST = 10


def words(line: str) -> list[str]:
    """Return the words of a line in small letters."""
    return _WORD.findall(line.lower())


def read(path: str) -> tuple[Sentences, str]:
    """Return the sentences of a file, or of Shakespeare where none is named, and what text it is.

    In a file each line is a sentence; that may be of any size.
    """
    if path:
        return Sentences(path, words), path
    text = data.find_text(("shakespeare", "tiny-shakespeare", "sonnets"))
    return Sentences([words(part) for part in _END.split(text.content)]), text.description


def related_found(vectors: WordVectors) -> tuple[float, int]:
    """Get the fraction of the related pairs of which one word is among the ten nearest of the other, and their number.

    The fraction is NaN where the vocabulary holds none of them.
    """
    related = [pair.split() for pair in RELATED.split(",")]
    known = [(a, b) for a, b in related if a in vectors and b in vectors]
    near = lambda a, b: b in dict(vectors.most_similar(a, count=_NEAREST))
    return (float(np.mean([near(a, b) or near(b, a) for a, b in known])) if known else float("nan")), len(known)


def chosen(vectors: WordVectors) -> list[str]:
    """Choose a dozen words to show: those of Shakespeare, or else frequent long ones."""
    own = [word for word in SHOWN if word in vectors]
    return own if len(own) == len(SHOWN) else _frequent(vectors)[: len(SHOWN)]


def _frequent(vectors: WordVectors) -> list[str]:
    """Return frequent words, but for the most frequent, which hold sentences together and mean little."""
    long = [word for word in vectors if len(word) > 3] or list(vectors)
    return long[min(30, max(0, len(long) - 40)) :][:40]


def plot_neighbours(vectors: WordVectors) -> plots.Figure:
    """Write the nearest words of some words in a table."""
    shown = chosen(vectors)
    fig, axes = plots.figure(
        caption="Words, their counts, and the words whose vectors point in the most similar directions, each with the "
        "cosine of the angle between them.",
        width=8.6,
        height=0.6 + 0.3 * len(shown),
    )
    axes.set_axis_off()
    axes.set(xlim=(0, 1), ylim=(len(shown) - 0.5, -0.5))
    for row, word in enumerate(shown):
        near = "   ".join(f"{other} {cosine:.2f}" for other, cosine in vectors.most_similar(word, count=6))
        count = "" if vectors.counts is None else f"{vectors.counts[vectors.index(word)]}"
        axes.text(0.0, row, word, va="center", weight="bold")
        axes.text(0.17, row, count, va="center", ha="right", color=plots.COLORS["grey"])
        axes.text(0.2, row, near, va="center")
    return fig


def plot_map(vectors: WordVectors) -> plots.Figure:
    """Draw some words in the plane in which they differ most."""
    groups = {name: [word for word in group.split() if word in vectors] for name, group in GROUPS.items()}
    if sum(map(len, groups.values())) < 40:
        groups = {"frequent words": _frequent(vectors)}
    shown = [word for group in groups.values() for word in group]
    places = plane(np.stack([vectors[word] for word in shown]))
    fig, axes = plots.figure(
        caption="Vectors of some words, normalised to length one, in the plane of their first two principal "
        "components.",
        width=7.5,
        height=5.6,
    )
    draw_words(axes, places, shown, [name for name, group in groups.items() for _ in group])
    axes.set(xlabel="first principal component", ylabel="second principal component")
    return fig


def plane(vectors: np.ndarray) -> np.ndarray:
    """Project vectors, brought to length one, on their two largest principal components."""
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    unit = unit - unit.mean(axis=0)
    places = unit @ np.linalg.svd(unit, full_matrices=False)[2][:2].T
    return np.pad(places, ((0, 0), (0, 2 - places.shape[1])))  # of a single word there is but one component


def draw_words(axes, places: np.ndarray, words: list[str], groups: list[str]) -> None:
    """Write words at their places, in a colour for each group."""
    colors = dict(zip(dict.fromkeys(groups), plots.COLORS.values(), strict=False))
    for group, color in colors.items():
        axes.plot(*places[[g == group for g in groups]].T, ".", color=color, ms=4, label=group)
    for place, word, group in zip(places, words, groups, strict=True):
        axes.annotate(word, place, (3, 2), textcoords="offset points", fontsize=8, color=colors[group])
    plots.legend(axes, ncols=3, loc="upper center", bbox_to_anchor=(0.5, -0.12), markerscale=2)
