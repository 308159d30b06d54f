"""A text, character by character, learnt in windows: with the state carried on and without."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array

from neuraxis import plots
from neuraxis.data import Characters, Text
from neuraxis.engine import Chain, fit
from neuraxis.experiment import Session
from neuraxis.functions.losses import categorical_cross_entropy_with_logits, one_hot
from neuraxis.layers import Embedding, Linear
from neuraxis.recurrent import RNN, LossOverTime, truncated, windows

_HELD_OUT = 0.1  # share of the text, from its end
_MOST_HELD_OUT = 40_000  # characters


def measure(
    text: Text,
    widths: Sequence[int],
    *,
    characters: int,
    streams: int,
    hidden_size: int,
    epochs: int,
    learning_rate: float,
    seed: int,
    session: Session,
) -> tuple[dict[str, float], dict[str, Any], Chain]:
    """Train for every width of a window, with and without carrying the state; give metrics, losses and a model."""
    tokenizer = Characters.of(text.content)
    tokens = tokenizer.encode(text.content)
    cut = int((1 - _HELD_OUT) * len(tokens))
    learnt = _streams(tokens[max(0, cut - characters - 1) : cut], streams)
    held_out = _streams(tokens[cut:][: _MOST_HELD_OUT + 1], min(streams, (len(tokens) - cut - 1) // max(widths)))
    keys, count = jax.random.split(jax.random.key(seed), 4), tokenizer.size
    model = Chain(
        Embedding(count, hidden_size, key=keys[0]),
        RNN(hidden_size, hidden_size, key=keys[1]),
        Linear(hidden_size, count, key=keys[2]),
    )
    loss = LossOverTime(_loss)
    rule = truncated(loss, optax.chain(optax.clip_by_global_norm(1.0), optax.adam(learning_rate)), learnt[0])
    losses, models = {True: {}, False: {}}, {}
    for width in widths:
        x, t, begins = windows(*learnt, width)
        for carried in (True, False):
            name = "carried" if carried else "reset"
            fitted = fit(
                model,
                rule,
                (x, t, begins if carried else np.ones_like(begins)),
                epochs=epochs,
                batch_size=streams,
                shuffle=False,
                key=keys[3],
                **session.training(f"{width} steps, {name}", f"text-{width}-{carried}"),
            )
            # Measured as it was trained: over the whole text, or in windows that know nothing of each other.
            test = held_out if carried else windows(*held_out, width)[:2]
            losses[carried][width] = float(jnp.mean(jax.jit(loss)(fitted.model, *test)))
            models[carried, width] = fitted.model
    metrics = {f"loss_window_{width}": value for width, value in losses[True].items()}
    metrics |= {f"loss_window_{width}_not_carried": value for width, value in losses[False].items()}
    best = min(losses[True], key=losses[True].__getitem__)
    shortest = min(widths)
    metrics |= {
        "best_loss": losses[True][best],
        "gain_by_carrying_shortest_window": losses[False][shortest] - losses[True][shortest],
    }
    return metrics, {"losses": losses, "chance": float(np.log(count))}, models[True, best]


def _loss(z: Array, t: Array) -> Array:
    return categorical_cross_entropy_with_logits(z, one_hot(t, z.shape[-1]))


def _streams(tokens: np.ndarray, streams: int) -> tuple[np.ndarray, np.ndarray]:
    """Cut a text into so many parts; give their characters and, as targets, the next ones."""
    length = (len(tokens) - 1) // streams
    x, t = (tokens[first : first + streams * length].reshape(streams, length) for first in (0, 1))
    return x, t


def plot(arrays: dict[str, Any]) -> plots.Figure:
    """Draw the loss against the width of the windows."""
    fig, axes = plots.figure(
        caption="Loss per character of a held-out part of the text, against the window length k: the gradient reaches "
        "back at most k steps. The state is either carried over from window to window, or reset to 0 at the "
        "beginning of each. Every network has seen the same number of characters.",
        height=3.4,
    )
    for carried, label in ((True, "state carried over"), (False, "state reset")):
        losses = arrays["losses"][carried]
        axes.plot(list(losses), list(losses.values()), "o-", label=label)
    axes.set_xscale("log")
    axes.set_xticks(list(losses), [str(width) for width in losses])
    axes.minorticks_off()
    axes.set(
        xlabel="window length k [steps]", ylabel="loss [nats per character]", title="Characters of a held-out text"
    )
    plots.legend(axes)
    return fig
