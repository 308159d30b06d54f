"""Delayed recall: a symbol is presented once and has to be recalled later."""

import numpy as np
from jaxtyping import Float, Int

from neuraxis import check


def delayed_recall(
    count: int, delay: int, *, symbols: int = 8, noise: float = 0.0, seed: int = 0
) -> tuple[Float[np.ndarray, "count time feature"], Int[np.ndarray, " count"]]:
    """Draw sequences x of a symbol, then noise for `delay` steps, then a cue, and targets t: the symbol to recall.

    Symbols and cue are one-hot vectors (symbols + 1), the cue at the last index; between them, all entries are Gaussian
    noise with mean 0. A sequence thus has delay + 2 steps, and the accuracy at chance is 1/symbols.

    Args:
        count: number of sequences.
        delay: number of steps between symbol and cue.
        symbols: number of different symbols.
        noise: standard deviation of the noise; with 0, sequences with the same symbol are identical.
        seed: random seed.

    Raises:
        InputError: for sizes that are not integers, a negative count, delay or noise, or no symbol.

    Source: Y. Bengio, P. Simard and P. Frasconi, Learning long-term dependencies with gradient descent is difficult,
    IEEE Transactions on Neural Networks 5:157 (1994), whose latching task is this one with two classes.
    """
    check.whole(0, count=count, delay=delay, seed=seed)
    check.whole(symbols=symbols)
    check.not_negative(noise=noise)
    check.one_number(noise=noise)
    check.array_fits("count, delay and symbols", (count, delay + 2, symbols + 1))
    random = np.random.default_rng(seed)
    t = random.integers(0, symbols, count).astype(np.int32)
    x = np.float32(noise) * random.standard_normal((count, delay + 2, symbols + 1), np.float32)
    x[:, [0, -1]] = 0
    x[np.arange(count), 0, t] = 1
    x[:, -1, symbols] = 1
    return x, t
