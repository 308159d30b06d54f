"""As `word2vec`, of two million words made at random by Zipf's law, with a vocabulary of about 50 000."""

import numpy as np

from benchmarks.harness import Workload
from benchmarks.word2vec import of


def workload(quick: bool) -> Workload:
    """Sentences of 20 words."""
    random = np.random.default_rng(0)
    chance = 1 / np.arange(10, 60_010)
    numbers = random.choice(len(chance), (1000 if quick else 100_000, 20), p=chance / chance.sum())
    return of("Zipf", [[str(number) for number in sentence] for sentence in numbers], epochs=1 if quick else 3)
