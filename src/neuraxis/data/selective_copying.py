"""Selective copying: memorise tokens that appear at random times, ignore the rest, and reproduce them in order."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Int

from neuraxis import check
from neuraxis.errors import InputError


class SelectiveCopying(NamedTuple):
    """Examples of the task: `x` is the input, `labels` are the targets at the last steps."""

    x: Int[np.ndarray, "example time"]
    labels: Int[np.ndarray, "example memorized"]


def selective_copying(
    examples: int, *, length: int = 4096, memorized: int = 16, tokens: int = 14, seed: int = 0
) -> SelectiveCopying:
    """Draw examples of the task with NumPy's default generator.

    The first `length` steps contain `memorized` tokens from 1 to `tokens`, drawn independently, at different random
    times; all other steps are blank, 0. They are followed by `memorized` copies of the marker `tokens` + 1, at each of
    which the next token is to be produced. Since the distances between tokens are random, no fixed delay solves the
    task: the content has to decide what is memorised.

    Args:
        examples: number of examples.
        length: number of steps before the output; x has length + memorized steps.
        memorized: number of tokens to memorise.
        tokens: number of different tokens; with blank and marker there are `tokens` + 2 symbols, 16 by default.
        seed: random seed.

    Returns:
        `x`, (example, length + memorized), and `labels`, (example, memorized), integers from 0 to `tokens` + 1.

    Raises:
        InputError: for sizes that are not positive, more tokens to memorise than there are steps, or a negative seed.

    Source: Gu and Dao, Mamba: linear-time sequence modeling with selective state spaces, arXiv:2312.00752 (2023),
    section 4.1.1, whose sizes are the defaults; the task without random times is from Arjovsky, Shah and Bengio,
    Unitary evolution recurrent neural networks, ICML (2016).
    """
    check.whole(examples=examples, length=length, memorized=memorized, tokens=tokens)
    check.whole(0, seed=seed)
    if memorized > length:
        raise InputError(f"memorized must be at most length, {length}, but is {memorized}")
    check.array_fits("examples, length and memorized", (examples, length + memorized))
    random = np.random.default_rng(int(seed))
    labels = random.integers(1, tokens + 1, (examples, memorized), np.int32)
    x = np.zeros((examples, length + memorized), np.int32)
    for row, said in zip(x, labels, strict=True):
        row[np.sort(random.choice(length, memorized, replace=False))] = said
    x[:, length:] = tokens + 1
    return SelectiveCopying(x, labels)
