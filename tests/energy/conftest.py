import itertools
from typing import NamedTuple

import jax
import numpy as np
import pytest
from scipy.special import logsumexp


@pytest.fixture(autouse=True)
def precision_left_to_the_models():
    """Energies ask for full precision themselves: "the energy never rises" must hold whatever the process is set to."""
    with jax.default_matmul_precision("tensorfloat32"):
        yield


class Enumerated(NamedTuple):
    """A small restricted Boltzmann machine, and all its states, in double precision."""

    parameters: tuple[np.ndarray, np.ndarray, np.ndarray, float]  # W, b, c and T
    v: np.ndarray
    h: np.ndarray
    energy: np.ndarray  # (visible state, hidden state)
    log_partition: float
    joint: np.ndarray  # P(v, h)


@pytest.fixture(scope="session")
def enumerated():
    """Make machines at random and count their states."""

    def make(visible: int, hidden: int, temperature: float = 1.0, scale: float = 1.0, seed: int = 0) -> Enumerated:
        random = np.random.default_rng(seed)
        W, b, c = (scale * random.normal(size=size) for size in ((visible, hidden), visible, hidden))
        W, b, c = (a.astype(np.float32).astype(float) for a in (W, b, c))  # so that single precision holds them
        v, h = (np.array(list(itertools.product((0.0, 1.0), repeat=size))) for size in (visible, hidden))
        energy = -(v @ W @ h.T) - (v @ b)[:, None] - (h @ c)[None]
        log_partition = float(logsumexp(-energy / temperature))
        return Enumerated(
            (W, b, c, temperature), v, h, energy, log_partition, np.exp(-energy / temperature - log_partition)
        )

    return make
