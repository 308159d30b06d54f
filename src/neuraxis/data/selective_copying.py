"""Selective copying: remember tokens that come at chance times, pass over the rest, and say them in their order."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Int

from neuraxis import check
from neuraxis.errors import InputError


class SelectiveCopying(NamedTuple):
    """Examples of the task: `x` is what comes in, `labels` what is to be said at the last steps."""

    x: Int[np.ndarray, "example time"]
    labels: Int[np.ndarray, "example memorized"]


def selective_copying(
    examples: int, *, length: int = 4096, memorized: int = 16, tokens: int = 14, seed: int = 0
) -> SelectiveCopying:
    """Make examples of the task, by the numbers of NumPy's default generator.

    The first `length` steps hold `memorized` tokens from 1 to `tokens`, drawn independently, at different times drawn
    by chance; at all other times there is the blank, 0. Then the mark `tokens` + 1 comes `memorized` times, and at each
    of these steps the next of the tokens is to be named. Since their distances are random, no fixed delay solves the
    task: what is read decides what is kept.

    Args:
        examples: how many.
        length: steps before the answer; x has length + memorized steps.
        memorized: tokens to remember.
        tokens: different ones; with blank and mark there are `tokens` + 2 symbols, 16 by default.
        seed: the same seed gives the same examples.

    Returns:
        `x`, (example, length + memorized), and `labels`, (example, memorized), integers from 0 to `tokens` + 1.

    Raises:
        InputError: for numbers that are not positive, more tokens to remember than there are steps, or a negative seed.

    Source: Gu and Dao, Mamba: linear-time sequence modeling with selective state spaces, arXiv:2312.00752 (2023),
    section 4.1.1, whose sizes are those by default; the task without chance times is from Arjovsky, Shah and Bengio,
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
