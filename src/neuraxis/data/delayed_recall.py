"""Delayed recall: a symbol is seen once and asked for later."""

import numpy as np
from jaxtyping import Float, Int

from neuraxis import check


def delayed_recall(
    count: int, delay: int, *, symbols: int = 8, noise: float = 0.0, seed: int = 0
) -> tuple[Float[np.ndarray, "count time feature"], Int[np.ndarray, " count"]]:
    """Draw sequences x that show a symbol, then noise for `delay` steps, then a cue; t is the symbol to name then.

    Symbols and cue are vectors (symbols + 1) with a single 1, the cue at the last place; between them, all entries are
    normal numbers of mean 0. So a sequence has delay + 2 steps, and chance is right in 1/symbols of the cases.

    Args:
        count: number of sequences.
        delay: steps between symbol and cue.
        symbols: how many different ones there are.
        noise: standard deviation of the noise; 0 leaves blanks, so that there are as many different sequences as
            symbols.
        seed: of the draw.

    Raises:
        InputError: for numbers that are not whole, a negative count, delay or noise, or no symbol.

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
