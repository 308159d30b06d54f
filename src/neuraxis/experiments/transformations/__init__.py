"""Transformations: what populations of neurons compute when they are connected.

Population A drives population B with the value decoded from A, or with any function of it. Decoding and encoding takes
N·D + D·M weights; multiplied out, W = D E, they are the N·M individual weights that a brain would have. Both compute
the same: drives and outputs agree up to rounding, and only the cost differs.

So a network is a composition of functions. Here a communication channel transmits a signal, a population squares it,
one with two dimensions multiplies two signals, and a chain applies 2x² − 1 twice, which is a polynomial of degree four.
Each runs with steady rates and with spikes, and is compared with the same network with exact functions and the same
synapses.

Source: Eliasmith & Anderson, Neural Engineering (MIT Press, 2003), chapters 6 and 7.
"""

from dataclasses import dataclass

import jax
import numpy as np

from neuraxis import check, plots
from neuraxis.experiment import Claim, Result, check_range, check_settings, check_some, check_steps
from neuraxis.experiments.shared.memory import NUMBER
from neuraxis.experiments.transformations import cost, figures, networks

PLACE = ("Population coding", 2)
MEASURES_TIME = True
EQUATIONS = r"""
\hat f(x) = \sum_i a_i d_i, \qquad
\text{drive}_j = \frac{\text{gain}_j}{r} \langle e_j, \hat f(x)\rangle + \text{bias}_j

\text{drive}_j = \sum_i a_i W_{ij} + \text{bias}_j, \qquad W_{ij} = \frac{\text{gain}_j}{r} \langle d_i, e_j \rangle
"""


@dataclass(frozen=True)
class Settings:
    """Settings of the experiment."""

    neurons: int = 200
    """Neurons per dimension of a population."""
    noise: float = 0.1
    """Standard deviation of the noise that decoders are solved for, as a share of the highest rate."""
    tau_s: float = 10.0
    """Time constant of all synapses [ms]."""
    cutoff: float = 2.0
    """Highest frequency of the signals [Hz]."""
    duration: float = 5000.0
    """Simulated time of each network [ms]."""
    sizes: tuple[int, ...] = (50, 100, 200, 500, 1000, 2000)
    """Population sizes at which the cost of factored and full weights is measured."""
    steps: int = 200
    """Steps of a timed simulation."""
    seed: int = 0
    """Seed for the populations and the signals."""

    def __post_init__(self):
        check_settings(self)
        check.whole(10, neurons=self.neurons, steps=self.steps)
        check_range(1e-3, 10, noise=self.noise)
        check.positive(tau_s=self.tau_s)
        check_range(0.1, 100, cutoff=self.cutoff)
        check_some(sizes=self.sizes)
        check.whole(2, **{f"sizes[{i}]": n for i, n in enumerate(self.sizes)})
        check_steps(1.0, 1000, duration=self.duration)

    def memory(self) -> float:
        """Estimate the minimum memory of a run [bytes]: the largest ensemble's activities, and their products."""
        largest = float(max(*self.sizes, 2 * self.neurons))
        return NUMBER * (7 * largest * largest + self.duration * self.neurons)


QUICK = Settings(neurons=100, duration=2000.0, sizes=(50, 1000), steps=100)

_CLAIMS = (
    Claim("drive_difference", "<=", 1e-5),
    Claim("output_difference", "<=", 1e-5),
    Claim("output_difference_in_time", "<=", 1e-5),
    Claim("channel_spiking_rms_error", "<=", 0.05),
    Claim("square_spiking_rms_error", "<=", 0.06),
    Claim("product_spiking_rms_error", "<=", 0.06),
    Claim("chain_spiking_rms_error", "<=", 0.12),
    Claim("full_over_factored_time", ">=", 2.0),
)


def run(settings: Settings) -> Result:
    """Run the networks, and compare factored and full weights."""
    keys = jax.random.split(jax.random.key(settings.seed), 3)
    parts = networks.measure(keys[0], settings), cost.agreement(keys[1], settings), cost.times(keys[2], settings)
    metrics = {name: float(value) for found, _ in parts for name, value in found.items()}
    arrays = {name: np.asarray(value) for _, found in parts for name, value in found.items()}
    return Result(metrics, _CLAIMS, arrays)


def plot(result: Result) -> dict[str, plots.Figure]:
    """Plot the results."""
    return {
        "channel": figures.plot_channel(result),
        "functions": figures.plot_functions(result),
        "weights": figures.plot_weights(result),
        "cost": figures.plot_cost(result),
    }
