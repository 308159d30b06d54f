"""The adding problem: add two numbers that are far apart in a sequence."""

import numpy as np
from jaxtyping import Float

from neuraxis import check


def adding_problem(
    count: int, length: int, *, seed: int = 0
) -> tuple[Float[np.ndarray, "count length 2"], Float[np.ndarray, "count 1"]]:
    """Draw sequences x of pairs (number, marker), and targets t: the sum of the two numbers whose marker is 1.

    Numbers are uniform in [0, 1). All markers but two are 0; one of the two is in the first half of the sequence and
    one in the second, at uniformly random places. The mean squared error of the best constant output, 1, is the
    variance of t: ⟨(t − 1)²⟩ = 1/6.

    Args:
        count: number of sequences.
        length: number of steps.
        seed: random seed.

    Raises:
        InputError: for arguments that are not integers, a negative count, or fewer than 2 steps.

    Source: S. Hochreiter and J. Schmidhuber, Long short-term memory, Neural Computation 9:1735 (1997), task 4; in this
    form Q. V. Le, N. Jaitly and G. E. Hinton, arXiv:1504.00941 (2015).
    """
    check.whole(0, count=count, seed=seed)
    check.whole(2, length=length)
    check.array_fits("count and length", (count, length, 2))
    random = np.random.default_rng(seed)
    x = np.zeros((count, length, 2), np.float32)
    x[..., 0] = random.random((count, length), np.float32)
    rows, half = np.arange(count), length // 2
    for first, last in ((0, half), (half, length)):
        x[rows, random.integers(first, last, count), 1] = 1
    return x, np.sum(x[..., 0] * x[..., 1], axis=-1, keepdims=True)
