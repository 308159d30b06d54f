"""Gated recurrent unit: it learns the adding problem over 200 steps, which the plain recurrent network does not.

Two numbers of a long sequence are marked, one in its first half and one in its second, and their sum is required at the
end. The best constant answer, 1, has a mean squared error of 1/6. A plain recurrent network does no better: hardly any
gradient reaches back from the end to the marks. The gated one can preserve h, with g ≈ 0 in h ← g ⊙ h̃ + (1 − g) ⊙ h,
and then the gradient is preserved, too. Initially g ≈ ½, where its gradient shrinks no less; it learns to open this
path.

Both networks have the same number of hidden neurons, batches, optimiser and gradient clipping.

Sources: K. Cho et al., EMNLP (2014); S. Hochreiter and J. Schmidhuber, Neural Computation 9:1735 (1997), task 4; in
this form Q. V. Le, N. Jaitly and G. E. Hinton, arXiv:1504.00941 (2015).
"""

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float

from neuraxis import check, plots
from neuraxis.data import adding_problem
from neuraxis.engine import Chain, descent, evaluate, fit
from neuraxis.experiment import Claim, Result, Session, check_range, check_settings
from neuraxis.experiments.shared import memory
from neuraxis.experiments.shared.through_time import gradient_norms, last_output
from neuraxis.layers import Linear
from neuraxis.recurrent import GRU, RNN

PLACE = ("Memory and sequences", 3)
EQUATIONS = r"""
\begin{split}
g &= \sigma(h W_g + x U_g + b_g) \qquad \text{gate: how much of } h \text{ is replaced,} \\
r &= \sigma(h W_r + x U_r + b_r) \qquad \text{reset: how much of } h \text{ the candidate sees,} \\
\tilde h &= \tanh((h \odot r)\, W + x U + b) \qquad \text{candidate,} \\
h &\leftarrow g \odot \tilde h + (1 - g) \odot h
\end{split}
"""

_CELLS = {"gru": GRU, "rnn": RNN}
_TITLES = {"gru": "GRU", "rnn": "plain recurrent network"}
_STEPS_PER_EPOCH = 16  # of the curve
_TEST, _MEASURED = 2000, 100  # sequences


@dataclass(frozen=True)
class Settings:
    """Settings of the experiment."""

    length: int = 200
    """Steps of a sequence."""
    hidden_size: int = 64
    """Hidden neurons of each network."""
    sequences: int = 16_384
    """Training sequences."""
    steps: int = 512
    """Training steps, rounded up to a multiple of 16."""
    batch_size: int = 64
    """Sequences per training step."""
    learning_rate: float = 1e-2
    """Initial learning rate of Adam for the GRU; it decays to 0."""
    rnn_learning_rate: float = 1e-3
    """Learning rate of Adam for the plain network."""
    seed: int = 0
    """Seed for weights, sequences and order."""

    def __post_init__(self):
        check_settings(self)
        check.whole(
            hidden_size=self.hidden_size, sequences=self.sequences, steps=self.steps, batch_size=self.batch_size
        )
        check_range(2, 100_000, length=self.length)
        check_range(self.batch_size, 10**9, sequences=self.sequences)
        check.positive(learning_rate=self.learning_rate, rnn_learning_rate=self.rnn_learning_rate)

    def memory(self) -> float:
        """Estimate the minimum memory of a run [bytes]."""
        drawn = 2.0 * (self.sequences + _TEST) * self.length
        kept = 5.0 * max(self.batch_size, _MEASURED) * self.length * self.hidden_size
        return memory.NUMBER * (drawn + kept + 12.0 * self.hidden_size**2)


QUICK = Settings(length=50, hidden_size=32, sequences=4096, steps=240)


def run(settings: Settings, session: Session = Session()) -> Result:
    """Train both networks, and measure error and gradient."""
    s = settings
    drawn = adding_problem(s.sequences, s.length, seed=s.seed)
    test = adding_problem(_TEST, s.length, seed=s.seed + 1)
    some = tuple(array[:_MEASURED] for array in test)
    rates = {"gru": s.learning_rate, "rnn": s.rnn_learning_rate}
    errors, curves, norms, models = {}, {}, {}, {}
    epochs = -(-s.steps // _STEPS_PER_EPOCH)
    for name, cell in _CELLS.items():
        keys = jax.random.split(jax.random.key(s.seed), 3)
        begun = Chain(cell(2, s.hidden_size, key=keys[0]), Linear(s.hidden_size, 1, key=keys[1]))
        falling = optax.cosine_decay_schedule(rates[name], epochs * _STEPS_PER_EPOCH)
        fitted = fit(
            begun,
            descent(_squared, optax.chain(optax.clip_by_global_norm(1.0), optax.adam(falling))),
            drawn,
            epochs=epochs,
            steps=_STEPS_PER_EPOCH,
            batch_size=s.batch_size,
            key=keys[2],
            **session.training(_TITLES[name], name),
        )
        errors[name], curves[name] = evaluate(fitted.model, _squared, test), fitted.history["loss"]
        norms[name] = {"before": _norms(begun, some), "after": _norms(fitted.model, some)}
        models[name] = fitted.model
    metrics = {f"{name}_test_error": value for name, value in errors.items()}
    metrics |= {
        f"{name}_gradient_{when}_learning_reaching_the_first_step": float(found[1] / found[-1])
        for name, both in norms.items()
        for when, found in both.items()
    }
    return Result(
        metrics={**metrics, "error_of_the_best_constant": float(np.mean((test[1] - 1) ** 2))},
        claims=(Claim("gru_test_error", "<", 0.01), Claim("rnn_test_error", ">=", 0.1)),
        arrays={"curves": curves, "norms": norms},
        model=models["gru"],
    )


def _squared(model: Any, x: Any, t: Any, *, key: Any = None) -> Float[Array, " batch"]:
    return jnp.sum((last_output(model, x) - t) ** 2, axis=-1)


def _norms(model: Chain, test: Any) -> np.ndarray:
    return gradient_norms(model, _squared, *test)


def plot(result: Result) -> dict[str, plots.Figure]:
    """Draw the learning curves, and how far the gradient reaches back."""
    return {"adding": _plot_curves(result), "gradient": _plot_norms(result.arrays["norms"])}


def _plot_curves(result: Result) -> plots.Figure:
    fig, axes = plots.figure(
        caption="Mean squared error of the sum during training (means over 16 training steps). Dashed: the error of "
        "the best constant answer.",
        height=3.6,
    )
    for name, curve in result.arrays["curves"].items():
        steps = _STEPS_PER_EPOCH * np.arange(1, len(curve) + 1)
        axes.semilogy(steps, curve, label=_TITLES[name])
    constant = result.metrics["error_of_the_best_constant"]
    axes.axhline(constant, color=plots.COLORS["grey"], ls="--", label="best constant answer")
    axes.set(xlabel="training step", ylabel="mean squared error", title="The adding problem")
    plots.legend(axes)
    return fig


def _plot_norms(norms: dict[str, dict[str, np.ndarray]]) -> plots.Figure:
    fig, panels = plots.figure(
        1,
        2,
        caption="Norm of the gradient of the error with respect to the state a given number of steps before the end, "
        "relative to that for the last state; mean over 100 sequences, before and after training.",
        height=3.4,
        sharey=True,
    )
    for axes, (name, both) in zip(panels, norms.items(), strict=True):
        for when, found in both.items():
            axes.semilogy(found[:0:-1] / found[-1], label=f"{when} training")
        axes.set(xlabel="steps before the end", title=_TITLES[name])
        plots.legend(axes)
    panels[0].set(ylabel="gradient, relative", ylim=(1e-16, 10))
    return fig
