"""Delayed recall by a plain recurrent network: how far back it learns, and how far back its gradient reaches."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float

from neuraxis import plots
from neuraxis.data import delayed_recall
from neuraxis.engine import Chain, descent, evaluate, fit
from neuraxis.experiment import Session
from neuraxis.experiments.shared.through_time import gradient_norms, last_output
from neuraxis.functions.activations import softmax
from neuraxis.functions.losses import categorical_cross_entropy_with_logits, one_hot
from neuraxis.layers import Linear
from neuraxis.recurrent import BPTT, RNN, LossOverTime

_SYMBOLS = 8
_STEPS_PER_EPOCH = 20
_SEQUENCES = 400  # on which accuracy and gradients are measured


def measure(
    delays: Sequence[int],
    *,
    noise: float,
    hidden_size: int,
    steps: int,
    batch_size: int,
    learning_rate: float,
    seed: int,
    session: Session,
) -> tuple[dict[str, float], dict[str, Any]]:
    """Train a network for each delay, by the gradient written by hand; give metrics and what is drawn of them."""
    keys = jax.random.split(jax.random.key(seed), 3)
    begun = Chain(RNN(_SYMBOLS + 1, hidden_size, key=keys[0]), Linear(hidden_size, _SYMBOLS, key=keys[1]))
    optimizer = optax.chain(optax.clip_by_global_norm(1.0), optax.adam(learning_rate))
    accuracy, before, after = {}, {}, {}
    for delay in delays:
        x, t = delayed_recall(200 * batch_size, delay, symbols=_SYMBOLS, noise=noise, seed=seed)
        at_the_end = LossOverTime(_loss, np.eye(delay + 2, dtype=np.float32)[-1])
        fitted = fit(
            begun,
            descent(at_the_end, optimizer, gradient=BPTT(at_the_end, _slope)),
            (x, np.repeat(t[:, None], delay + 2, axis=1)),
            epochs=-(-steps // _STEPS_PER_EPOCH),
            steps=_STEPS_PER_EPOCH,
            batch_size=batch_size,
            key=keys[2],
            **session.training(f"delay {delay}", f"delay-{delay}"),
        )
        test = delayed_recall(_SEQUENCES, delay, symbols=_SYMBOLS, noise=noise, seed=seed + 1)
        accuracy[delay] = evaluate(fitted.model, _correct, test)
        before[delay], after[delay] = (gradient_norms(m, _last_loss, *test) for m in (begun, fitted.model))
    longest = before[max(delays)]
    metrics = {f"accuracy_delay_{delay}": value for delay, value in accuracy.items()} | {
        "accuracy_shortest_delay": accuracy[min(delays)],
        "accuracy_longest_delay": accuracy[max(delays)],
        "gradient_factor_per_step": float((longest[1] / longest[-1]) ** (1 / max(1, len(longest) - 2))),
        "gradient_share_reaching_the_longest_delay": float(longest[1] / longest[-1]),
    }
    return metrics, {"accuracy": accuracy, "norms_before": before, "norms_after": after}


def _loss(z: Array, t: Any) -> Array:
    return categorical_cross_entropy_with_logits(z, one_hot(t, _SYMBOLS))


def _slope(z: Array, t: Any) -> Array:
    return softmax(z) - one_hot(t, _SYMBOLS)


def _last_loss(model: Any, x: Any, t: Any) -> Array:
    return _loss(last_output(model, x), t)


def _correct(model: Any, x: Any, t: Any, *, key: Any = None) -> Float[Array, " batch"]:
    return (jnp.argmax(last_output(model, x), axis=-1) == t).astype(x.dtype)


def plot(arrays: dict[str, Any]) -> plots.Figure:
    """Draw accuracy against delay, and the gradient against the steps that it has gone back."""
    fig, (left, right) = plots.figure(
        1,
        2,
        caption="Left: fraction of symbols recalled after a delay; a separate network is trained for each delay, with "
        "the same number of steps. Right: norm of the gradient of the error with respect to the state a given number "
        "of steps before the end, relative to that for the last state: before training, where it is the same for all "
        "delays (grey), and after (colours). Marks show when the symbol is presented.",
        height=3.6,
    )
    accuracy = arrays["accuracy"]
    left.plot(list(accuracy), [100 * value for value in accuracy.values()], "o-")
    left.axhline(100 / _SYMBOLS, color=plots.COLORS["grey"], ls="--", label="chance")
    left.set_xscale("log", base=2)
    left.set_xticks(list(accuracy), [str(delay) for delay in accuracy])
    left.set(xlabel="delay [steps]", ylabel="recalled [%]", ylim=(0, 105), title="Recall")
    plots.legend(left, loc="lower left")
    before = arrays["norms_before"]
    longest = before[max(before)]
    right.semilogy(*_back(longest), color=plots.COLORS["grey"], lw=2.5, label="before training")
    for (delay, norms), color in zip(arrays["norms_after"].items(), plots.COLORS.values(), strict=False):
        steps, relative = _back(norms)
        right.semilogy(steps, relative, color=color, label=f"delay {delay}")
        right.plot(steps[-1], relative[-1], "o", color=color, ms=4)
    right.set(xlabel="steps before the end", ylabel="gradient, relative", title="Gradient through time")
    right.set_ylim(1e-9, 100)
    plots.legend(right, ncols=2)
    return fig


def _back(norms: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Get norms relative to the last by the number of steps that they lie back, down to the state after the symbol."""
    return np.arange(len(norms) - 1), norms[:0:-1] / norms[-1]
