"""Minimal GRU: streaming and parallel evaluation agree, and stacked layers copy selectively.

A minGRU's gates and candidates do not depend on its state, so the state is computed by a linear scan. Two results:

Step by step and in parallel over the whole sequence, it gives the same states, from any initial state and for any
length. The times of all methods are shown up to 65 536 steps; on a CPU the sequential scan is the fastest.

Selective copying: a few tokens appear at random times among blanks, and have to be repeated in order at the end. A
single layer decides what to keep from the current input, and cannot take into account how many tokens have come before;
with several layers, what the lower ones remember is input to the upper ones. The paper uses sequences of 4096 steps
with 16 tokens; here they are shorter, so that a run takes minutes.

Sources: L. Feng et al., Were RNNs all we needed?, arXiv:2410.01201 (2024); A. Gu and T. Dao, Mamba,
arXiv:2312.00752 (2023), section 4.1.1.
"""

from dataclasses import dataclass

import jax
import numpy as np

from neuraxis import check, data, plots
from neuraxis.engine import evaluate
from neuraxis.errors import InputError
from neuraxis.experiment import Claim, Result, Session, check_range, check_settings, check_some
from neuraxis.experiments.min_gru import copying, timing
from neuraxis.experiments.shared import memory

PLACE = ("Memory and sequences", 4)
EQUATIONS = r"""
g_t = \sigma(x_t W_g + b_g), \qquad \tilde h_t = x_t W + b, \qquad
h_t = (1 - g_t) \odot h_{t-1} + g_t \odot \tilde h_t
"""

_HELD_OUT, _TEST = 500, 2000  # sequences


@dataclass(frozen=True)
class Settings:
    """Settings of the experiment."""

    longest: int = 65_536
    """Length of the longest timed sequence [steps]."""
    rounds: int = 5
    """Number of timings of each method."""
    width: int = 64
    """Features in all layers."""
    layers: tuple[int, ...] = (1, 2, 3)
    """Numbers of layers; a network is trained for each."""
    length: int = 128
    """Length of the sequences to copy from [steps]."""
    memorized: int = 4
    """Tokens to remember."""
    tokens: int = 14
    """Different tokens."""
    steps: int = 2000
    """Training steps."""
    batch_size: int = 64
    """Sequences per training step."""
    learning_rate: float = 4e-3
    """Peak learning rate of Adam."""
    training_sequences: int = 50_000
    """Training sequences."""
    seed: int = 0
    """Seed for the weights, the sequences and their order."""

    def __post_init__(self):
        check_settings(self)
        check_some(layers=self.layers)
        check_range(16, 4**12, longest=self.longest)
        for depth in self.layers:
            check.whole(layers=depth)
        check.whole(rounds=self.rounds, width=self.width, length=self.length, memorized=self.memorized)
        check.whole(tokens=self.tokens, steps=self.steps, batch_size=self.batch_size)
        check.whole(training_sequences=self.training_sequences)
        check.positive(learning_rate=self.learning_rate)
        if self.memorized > self.length:
            raise InputError(f"memorized must be at most length, {self.length}, but is {self.memorized}")

    def memory(self) -> float:
        """Estimate the minimum memory of a run [bytes]."""
        steps = float(self.length + self.memorized)
        examples = min(self.batch_size, self.training_sequences)
        training = 8.0 * examples * steps * self.width * max(self.layers) + self.training_sequences * steps
        return memory.NUMBER * max(training, 4.0 * self.longest * self.width)


QUICK = Settings(
    longest=1024, width=48, layers=(1, 3), length=24, memorized=3, tokens=6, steps=240, training_sequences=20_000
)


def run(settings: Settings, session: Session = Session()) -> Result:
    """Compare the ways to run it, then train networks of different depth."""
    s, (key_time, *keys) = settings, jax.random.split(jax.random.key(settings.seed), 3)
    metrics, arrays = timing.measure(key_time, longest=s.longest, width=s.width, rounds=s.rounds)
    counts = (s.training_sequences, _HELD_OUT, _TEST)
    seeds = np.random.SeedSequence(s.seed).generate_state(len(counts))  # so that no two parts share sequences
    sizes = {"length": s.length, "memorized": s.memorized, "tokens": s.tokens}
    training, held_out, test = (
        data.selective_copying(count, **sizes, seed=int(seed)) for count, seed in zip(counts, seeds, strict=True)
    )
    histories, model = {}, None
    for depth in sorted(s.layers):
        fitted = copying.train(
            copying.network(keys[0], s.tokens + 2, width=s.width, layers=depth, memorized=s.memorized),
            training,
            held_out,
            steps=s.steps,
            batch_size=s.batch_size,
            learning_rate=s.learning_rate,
            key=keys[1],
            **session.training(f"layers: {depth}", f"checkpoint-{depth}"),
        )
        histories[depth], model = fitted.history["accuracy"], fitted.model
        metrics[f"accuracy_of_{depth}"] = evaluate(model, copying.named, test)
    return Result(
        metrics={**metrics, "guessing": 1 / s.tokens},
        claims=(
            Claim("largest_difference_sequential", "<=", 1e-5),
            Claim("largest_difference_parallel", "<=", 1e-5),
            Claim(f"accuracy_of_{max(s.layers)}", ">=", 0.99, quick=0.9),
            Claim(f"accuracy_of_{min(s.layers)}", "<=", 0.9),
        ),
        arrays={
            **arrays,
            "accuracies": histories,
            "steps": s.steps,
            "tokens": s.tokens,
            "example": test.x[0],
            "gates": copying.gates(model, test.x[0]),
        },
        model=model,
        data=f"{s.training_sequences} random sequences of {s.length + s.memorized} steps",
    )


def plot(result: Result) -> dict[str, plots.Figure]:
    """Draw the times, the learning, and the gates."""
    return {
        "time": timing.plot(result.arrays),
        "copying": copying.plot_learning(result.arrays),
        "gates": copying.plot_gates(result.arrays),
    }
