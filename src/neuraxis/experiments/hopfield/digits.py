"""Handwritten digits in a Hopfield network: restored from flipped pixels while the energy falls."""

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from neuraxis import plots
from neuraxis.data import Dataset
from neuraxis.energy.hopfield import Hopfield
from neuraxis.values import compiled


def measure(
    key: jax.Array, source: Dataset, *, digits: int, flipped: float, trials: int, max_sweeps: int
) -> tuple[dict, dict]:
    """Store digits, flip pixels, recall, and follow the energy of one recall of each digit; metrics and arrays."""
    pictures, labels = _without_margin(source.train_x > 0.5, source.train_y)
    signs = np.where(pictures, np.int8(1), np.int8(-1)).reshape(len(pictures), -1)
    count = min(digits, len(source.classes), signs.shape[1] // 20)
    chosen = weakly_correlated(signs, labels, count)
    patterns = signs[chosen[np.argsort(labels[chosen])]].astype(np.float32)
    network = Hopfield.store(patterns)

    flips, order = jax.random.split(key)
    flip = jax.random.bernoulli(flips, flipped, (trials, *patterns.shape))
    corrupted = jnp.where(flip, -patterns, patterns)
    recalled = network.recall(corrupted, key=order, max_sweeps=max_sweeps)
    energies = _energies(network, patterns, corrupted[0], order, int(recalled.sweeps.max()))
    right = np.asarray(recalled.x == patterns)
    metrics = {
        "largest_energy_rise_of_a_flip": max(np.diff(e).max(initial=0) for e in energies) / (2 * count),
        "flips_followed": sum(len(e) - 1 for e in energies),
        "digits_stored": count,
        "digit_pixels_right_before": np.mean(corrupted == patterns),
        "digit_pixels_right_after": right.mean(),
        "digits_restored_exactly": right.all(-1).mean(),
    }
    images = [np.asarray(x).reshape((count, *pictures.shape[1:])) for x in (patterns, corrupted[0], recalled.x[0])]
    return metrics, {"digits": images, "energies": [e / (2 * count) for e in energies], "flipped": flipped}


def _without_margin(ink: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Cut pictures to their inner 20 × 20 pixels, and leave out those with ink beyond.

    That is MNIST's empty margin, which would only make all patterns alike.
    """
    inner = slice(margin := max(ink.shape[1] - 20, 0) // 2, ink.shape[1] - margin)
    box = ink[:, inner, inner]
    whole = ink.sum(axis=(1, 2)) == box.sum(axis=(1, 2))
    return box[whole], labels[whole]


def weakly_correlated(signs: np.ndarray, labels: np.ndarray, count: int) -> np.ndarray:
    """Choose `count` patterns of different classes whose overlaps are small, since Hebb's rule confuses similar ones.

    Among the 100 of each class with the most even numbers of −1 and 1, it starts from each one of the first class and
    adds the one that is least like those it has; it keeps the best set.
    """
    even = np.abs(signs.mean(-1))
    indices = [np.flatnonzero(labels == c) for c in np.unique(labels)]
    candidates = np.concatenate([i[np.argsort(even[i])[:100]] for i in indices])
    labels, patterns = labels[candidates], signs[candidates].astype(float)
    overlap = patterns @ patterns.T / signs.shape[1]
    best, least = [], np.inf
    for first in np.flatnonzero(labels == labels[0]):
        chosen = [first]
        while len(chosen) < count:
            crosstalk = np.where(np.isin(labels, labels[chosen]), np.inf, np.sum(overlap[chosen] ** 2, axis=0))
            chosen.append(np.argmin(crosstalk))
        crosstalk = np.sum(overlap[np.ix_(chosen, chosen)] ** 2)
        if crosstalk < least:
            best, least = chosen, crosstalk
    return candidates[best]


def _energies(network: Hopfield, patterns: np.ndarray, x: jax.Array, key: jax.Array, sweeps: int) -> list[np.ndarray]:
    """Return for each state 2M·E before the first and after each flip, as whole numbers."""
    count, size = patterns.shape
    orders = jnp.concatenate([jax.random.permutation(k, size) for k in jax.random.split(key, sweeps)])
    after = np.asarray(_follow(network, x, orders))
    states = np.concatenate([np.asarray(x)[None], after]).astype(float)
    # 2M·E = −x (XᵀX − M·I) xᵀ is a sum of whole numbers below 2⁵³, which float64 adds without rounding.
    scaled = patterns.astype(float).T @ patterns.astype(float) - count * np.eye(size)
    energies = []
    for path in np.moveaxis(states, 1, 0):
        flipped = np.concatenate([[True], np.any(np.diff(path, axis=0), axis=1)])
        path = path[flipped]
        energies.append(-np.sum(path * (path @ scaled), axis=-1))
    return energies


@compiled
def _follow(network: Hopfield, x: jax.Array, order: jax.Array) -> jax.Array:
    """All states of an asynchronous recall, one after each neuron's turn."""

    def turn(x, i):
        x = network.sweep(x, i[None])
        return x, x

    return lax.scan(turn, x, order)[1]


def plot(arrays: dict) -> plots.Figure:
    """Draw the digits before and after, and the energy of their recall."""
    fig, (top, bottom) = plots.figure(
        2,
        caption="Digits stored in a Hopfield network, the same with flipped pixels, and what the network recalls from "
        "them. Bottom: the energy during the recall of each digit; every flip of a neuron lowers it.",
        height=5.5,
    )
    flipped = f"{100 * arrays['flipped']:.0f} % flipped"
    plots.show_strips(top, arrays["digits"], ("stored", flipped, "recalled"), low=-1.0)
    for energy in arrays["energies"]:
        bottom.plot(energy, color=plots.COLORS["blue"], alpha=0.7, linewidth=1.2)
        bottom.plot(len(energy) - 1, energy[-1], "o", color=plots.COLORS["orange"], markersize=4)
    bottom.set(xlabel="flips of neurons", ylabel="energy E")
    bottom.locator_params(axis="x", integer=True)
    return fig
