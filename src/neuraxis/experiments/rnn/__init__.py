"""Recurrent network: backpropagation through time by hand, what it cannot learn, and windows of a long text.

The gradient of h_i = σ(x_i U + h_(i−1) W + b), written out as a recursion from the last step to the first, is compared
with `jax.grad` on random networks: for whole sequences, and truncated to windows between which the state is carried
over.

With this gradient, plain recurrent networks learn to recall a symbol after a delay filled with noise. They succeed only
if the delay is short: on the way back through time the gradient is multiplied at every step by Wᵀ and σ′ ≤ 1, shrinks
exponentially, and does not reach the step at which the symbol was shown.

A text is too long for one sequence. If it is learnt in windows of k steps, with the state carried over from each to the
next, a network knows more than the gradient reaches; if the state is reset for every window, short windows leave it
without context.

Sources: P. J. Werbos, Proceedings of the IEEE 78:1550 (1990); Y. Bengio, P. Simard and P. Frasconi, IEEE Transactions
on Neural Networks 5:157 (1994); R. J. Williams and J. Peng, Neural Computation 2:490 (1990).
"""

from dataclasses import dataclass

from neuraxis import check, data, plots
from neuraxis.experiment import Claim, Result, Session, check_range, check_settings, check_some
from neuraxis.experiments.rnn import agreement, recall, text
from neuraxis.experiments.shared import memory

PLACE = ("Memory and sequences", 2)
EQUATIONS = r"""
h_i = \sigma(x_i U + h_{i-1} W + b), \qquad y_i = \sigma(h_i V + c), \qquad E = \sum_i \alpha_i\, L(y_i, t_i)
"""

_MOST_STEPS = 100_000
# Text, and the loss that the best of the networks stays below in the default run.
_HIGHEST_LOSS = {"shakespeare": 2.05, "tiny-shakespeare": 2.05, "sonnets": 2.3}


@dataclass(frozen=True)
class Settings:
    """Settings of the experiment."""

    lengths: tuple[int, ...] = (5, 20, 80)
    """Lengths of the sequences on which the hand-written gradient is compared with that of JAX [steps]."""
    networks: int = 20
    """Random networks compared at each length."""
    delays: tuple[int, ...] = (5, 10, 20, 40, 80)
    """Steps between a symbol and its recall; a network is trained for each."""
    noise: float = 0.3
    """Standard deviation of the noise during the delay."""
    recall_hidden_size: int = 32
    """Hidden neurons of the networks that recall."""
    recall_steps: int = 600
    """Training steps for each delay, rounded up to a multiple of 20."""
    recall_learning_rate: float = 3e-3
    """Learning rate of Adam for recall."""
    windows: tuple[int, ...] = (5, 20, 50)
    """Window lengths for the text [steps]."""
    characters: int = 400_000
    """Maximum number of training characters."""
    streams: int = 32
    """Parts of the text read in parallel; also the batch size of the recall."""
    text_hidden_size: int = 128
    """Hidden neurons of the networks that read the text."""
    text_epochs: int = 2
    """Epochs over the text."""
    text_learning_rate: float = 2e-3
    """Learning rate of Adam for the text."""
    seed: int = 0
    """Seed for weights, sequences and order."""

    def __post_init__(self):
        check_settings(self)
        check.whole(
            networks=self.networks,
            recall_hidden_size=self.recall_hidden_size,
            recall_steps=self.recall_steps,
            characters=self.characters,
            streams=self.streams,
            text_hidden_size=self.text_hidden_size,
            text_epochs=self.text_epochs,
        )
        check_some(lengths=self.lengths, delays=self.delays, windows=self.windows)
        for name, least in (("lengths", 1), ("delays", 0), ("windows", 1)):
            for value in getattr(self, name):
                check_range(least, _MOST_STEPS, **{name: value})
        check_range(self.streams * (max(self.windows) + 1), 10**9, characters=self.characters)
        check_range(1, 200, streams=self.streams)
        check.not_negative(noise=self.noise)
        check.positive(recall_learning_rate=self.recall_learning_rate, text_learning_rate=self.text_learning_rate)

    def memory(self) -> float:
        """Estimate the minimum memory of a run [bytes]."""
        recalled = self.streams * (max(self.delays) + 2) * (9 * 200.0 + 5.0 * self.recall_hidden_size)
        read = 4.0 * self.text_hidden_size * (self.text_hidden_size + self.streams * max(self.windows))
        return memory.NUMBER * (recalled + read + 4.0 * self.characters)


QUICK = Settings(
    lengths=(20,),
    networks=5,
    delays=(5, 40),
    recall_steps=300,
    windows=(5, 20),
    characters=50_000,
    text_hidden_size=64,
    text_epochs=2,
)


def run(settings: Settings, session: Session = Session()) -> Result:
    """Compare the gradients, train on the delays, then on the text."""
    s, source = settings, data.find_text(("shakespeare", "tiny-shakespeare", "sonnets"))
    deviations = agreement.measure(s.lengths, s.networks, window=4, seed=s.seed)
    recalled, curves = recall.measure(
        s.delays,
        noise=s.noise,
        hidden_size=s.recall_hidden_size,
        steps=s.recall_steps,
        batch_size=s.streams,
        learning_rate=s.recall_learning_rate,
        seed=s.seed,
        session=session,
    )
    read, losses, model = text.measure(
        source,
        s.windows,
        characters=s.characters,
        streams=s.streams,
        hidden_size=s.text_hidden_size,
        epochs=s.text_epochs,
        learning_rate=s.text_learning_rate,
        seed=s.seed,
        session=session,
    )
    worst = {name: max(float(found.max()) for found in lengths.values()) for name, lengths in deviations.items()}
    return Result(
        metrics={
            "max_deviation": worst["whole"],
            "max_deviation_truncated": worst["truncated"],
            **recalled,
            **read,
        },
        claims=(
            Claim("max_deviation", "<=", 1e-5),
            Claim("max_deviation_truncated", "<=", 1e-5),
            Claim("accuracy_shortest_delay", ">=", 0.99),
            Claim("accuracy_longest_delay", "<=", 0.5),
            Claim("gradient_factor_per_step", "<=", 0.95),
            Claim("best_loss", "<=", _HIGHEST_LOSS[source.name], quick=2.7),
            Claim("gain_by_carrying_shortest_window", ">=", 0.1),
        ),
        arrays={"deviations": deviations, "recall": curves, "text": losses},
        model=model,
        data=source.description,
    )


def plot(result: Result) -> dict[str, plots.Figure]:
    """Draw the deviations, recall and gradient, and the losses of the text."""
    return {
        "recall": recall.plot(result.arrays["recall"]),
        "text": text.plot(result.arrays["text"]),
        "deviations": agreement.plot(result.arrays["deviations"]),
    }
