"""Selective copying by one and by several layers of minGRU."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float

from neuraxis import plots
from neuraxis.data import SelectiveCopying
from neuraxis.engine import Fitted, descent, fit
from neuraxis.experiments.shared.stack import stack
from neuraxis.functions import logistic
from neuraxis.functions.losses import categorical_cross_entropy_with_logits, one_hot
from neuraxis.layers import Embedding, Residual, Sequential
from neuraxis.recurrent import MinGRU

_REPORTS = 20  # during a training


def loss(model, x, labels, *, key=None) -> Float[Array, " batch"]:
    """Cross-entropy of the answer, mean over its steps."""
    logits = model(x, key=key)
    return jnp.mean(categorical_cross_entropy_with_logits(logits, one_hot(labels, logits.shape[-1])), axis=-1)


def named(model, x, labels, *, key=None) -> Float[Array, " batch"]:
    """Share of the tokens of each answer that are right."""
    return jnp.mean((jnp.argmax(model(x, key=key), axis=-1) == labels).astype(float), axis=-1)


def network(key: jax.Array, symbols: int, *, width: int, layers: int, memorized: int) -> Sequential:
    """Make embedding, layers of minGRU, and logits at the steps of the answer."""
    key_first, key = jax.random.split(key)
    first = Embedding(symbols, width, key=key_first)
    return stack(MinGRU, first, width=width, layers=layers, out_size=symbols, count=memorized, key=key)


def train(
    model: Sequential,
    training: SelectiveCopying,
    held_out: SelectiveCopying,
    *,
    steps: int,
    batch_size: int,
    learning_rate: float,
    key: jax.Array,
    **session,
) -> Fitted:
    """Train by Adam, with a rate that rises over a tenth of the steps and then falls along a cosine."""
    reports = min(_REPORTS, steps)
    steps = steps // reports * reports
    rate = optax.warmup_cosine_decay_schedule(0.0, learning_rate, max(1, steps // 10), steps)
    return fit(
        model,
        descent(loss, optax.chain(optax.clip_by_global_norm(1.0), optax.adam(rate))),
        training,
        epochs=reports,
        steps=steps // reports,
        batch_size=batch_size,
        key=key,
        validation=held_out,
        metrics={"accuracy": named},
        **session,
    )


def gates(model: Any, x: np.ndarray) -> np.ndarray:
    """Return the gates of every layer for one sequence, mean over features: (layer, time)."""
    found, h = [], model.layers[0](x)
    for block in model.layers[1:]:
        if isinstance(block, Residual) and isinstance(block.inner, Sequential):
            norm, cell = block.inner.layers[:2]
            assert isinstance(cell, MinGRU)
            found.append(np.mean(logistic(cell.gate(norm(h))), axis=-1))
            h = block(h)
    return np.array(found)


def plot_learning(arrays: dict) -> plots.Figure:
    """Draw the share of right tokens over the training, for every number of layers."""
    fig, axes = plots.figure(
        caption="Selective copying: fraction of tokens recalled correctly, on held-out sequences, during training. "
        "The dotted line marks guessing.",
        height=3.4,
    )
    for layers, history in arrays["accuracies"].items():
        steps = arrays["steps"] * np.arange(1, len(history) + 1) / len(history)
        axes.plot(steps, 100 * history, "o-", ms=3, label=f"{layers} layer{'s' * (layers > 1)}")
    axes.axhline(100 / arrays["tokens"], color=plots.COLORS["grey"], linestyle=":")
    axes.set(xlabel="training step", ylabel="tokens recalled correctly [%]", ylim=(0, 102))
    plots.legend(axes, loc="center right")
    return fig


def plot_gates(arrays: dict) -> plots.Figure:
    """Draw when the gates of every layer open for one sequence."""
    values, x, mark = arrays["gates"], arrays["example"], arrays["tokens"] + 1
    fig, axes = plots.figure(
        len(values),
        1,
        caption="Gates g of the deepest network for one sequence, mean over the features of each layer. Vertical "
        "lines mark the tokens to remember; the answer is given in the shaded steps.",
        height=1.0 + 1.3 * len(values),
        sharex=True,
    )
    for i, (ax, row) in enumerate(zip(np.atleast_1d(axes), values, strict=True)):
        for t in np.flatnonzero((x > 0) & (x < mark)):
            ax.axvline(t, color=plots.COLORS["orange"], linewidth=1)
        ax.axvspan(np.argmax(x == mark) - 0.5, len(x) - 0.5, color=plots.COLORS["sky"], alpha=0.3, linewidth=0)
        ax.plot(row, color=plots.COLORS["blue"])
        ax.set(ylim=(0, 1), ylabel="mean gate", title=f"Layer {i + 1}")
    np.atleast_1d(axes)[-1].set_xlabel("time [steps]")
    return fig
