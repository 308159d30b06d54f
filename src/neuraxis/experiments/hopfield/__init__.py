"""Hopfield network: falling energy, the limit of 0.138 N memories, digits restored, attention as memory.

Patterns of ±1 are stored with Hebb's rule and recalled by updating one neuron after another. Three results:

The energy never rises. Handwritten digits with flipped pixels are restored while the energy is tracked through every
single flip. With Hebbian weights, the energy times twice the number of patterns is an integer, so it is compared
exactly, without rounding.

Memory fails abruptly. Up to about 0.138 N random patterns are recalled with few errors; beyond that, recall breaks
down. The curve of Amit, Gutfreund and Sompolinsky holds for infinitely many neurons; a finite network fails more
gradually and slightly later. The errors of a first update follow ½ erfc(1/√(2α)) at load α = M/N.

The modern network, whose update is attention, stores far more: as many images as there are pixels, each recalled from a
noisy version.

Sources: J. J. Hopfield, PNAS 79:2554 (1982); D. J. Amit, H. Gutfreund and H. Sompolinsky, Phys. Rev. Lett. 55:1530
(1985); H. Ramsauer et al., Hopfield networks is all you need, ICLR 2021.
"""

from dataclasses import dataclass

import jax

from neuraxis import check, data, plots
from neuraxis.errors import InputError
from neuraxis.experiment import Claim, Result, check_settings
from neuraxis.experiments.hopfield import capacity, digits, modern
from neuraxis.experiments.shared import memory

PLACE = ("Memory and sequences", 1)
EQUATIONS = r"""
E(x) = -\tfrac12\, x W x^\top - b\, x^\top

x_i \leftarrow \operatorname{sign}\,(xW + b)_i

\tau_w \frac{dW}{dt} = \frac1M X^\top X - I, \qquad\text{hence}\qquad W = \frac1M X^\top X - I
"""


@dataclass(frozen=True)
class Settings:
    """Settings of the experiment."""

    neurons: int = 2000
    """Neurons of the networks that store random patterns."""
    networks: int = 3
    """Random networks for each load."""
    probes: int = 100
    """Patterns recalled in each network."""
    max_sweeps: int = 300
    """Maximum number of sweeps in a recall."""
    digits: int = 10
    """Digits to store in the classical network, one of each class; at most one for every 20 pixels."""
    flipped: float = 0.2
    """Fraction of a digit's pixels that are flipped."""
    trials: int = 20
    """Corrupted versions of each digit."""
    images: int = 1000
    """Images to store in the modern network, at most as many as there are pixels."""
    noise: float = 1.0
    """Noise on the image to be recalled, relative to its contrast."""
    beta: float = 3.0
    """Inverse temperature β of the modern network."""
    seed: int = 0
    """Seed for the random patterns, the corruption and the order of updates."""

    def __post_init__(self) -> None:
        check_settings(self)
        check.whole(20, neurons=self.neurons)
        check.whole(networks=self.networks, probes=self.probes, max_sweeps=self.max_sweeps, trials=self.trials)
        check.whole(digits=self.digits)
        check.whole(2, images=self.images)  # one has no contrast to the mean of all
        check.not_negative(flipped=self.flipped, noise=self.noise)
        check.positive(beta=self.beta)
        if self.flipped > 0.5:
            raise InputError(f"flipped must be at most 0.5, but is {self.flipped}")

    def memory(self) -> float:
        """Estimate the minimum memory of a run [bytes]."""
        weights = 2.0 * memory.NUMBER * self.neurons**2
        return weights + 4.0 * memory.NUMBER * self.neurons * self.probes


QUICK = Settings(neurons=500, networks=2, probes=25, digits=5, trials=5, images=100)

_CLAIMS = (
    Claim("largest_energy_rise_of_a_flip", "<=", 0.0),
    Claim("overlap_at_load_0_13", ">=", 0.97, quick=0.94),
    Claim("overlap_at_load_0_18", "<=", 0.6, quick=0.75),
    Claim("half_recalled_load", ">=", 0.13),
    Claim("half_recalled_load", "<=", 0.17),
    Claim("one_step_error_deviation_percent", "<=", 5.0, quick=15.0),
    Claim("digit_pixels_right_after", ">=", 0.99),
    Claim("digits_restored_exactly", ">=", 0.95),
    Claim("modern_retrieved_from_noise", ">=", 1.0),
)


def run(settings: Settings) -> Result:
    """Store random patterns at rising loads, then digits, then images in the modern network."""
    s, keys = settings, jax.random.split(jax.random.key(settings.seed), 3)
    source = data.find(("mnist", "digits")).scaled()
    parts = (
        capacity.measure(keys[0], neurons=s.neurons, networks=s.networks, probes=s.probes, max_sweeps=s.max_sweeps),
        digits.measure(keys[1], source, digits=s.digits, flipped=s.flipped, trials=s.trials, max_sweeps=s.max_sweeps),
        modern.measure(keys[2], source, images=s.images, noise=s.noise, beta=s.beta),
    )
    metrics = {name: float(value) for numbers, _ in parts for name, value in numbers.items()}
    arrays = {name: value for _, part in parts for name, value in part.items()}
    return Result(metrics, _CLAIMS, arrays, data=source.description)


def plot(result: Result) -> dict[str, plots.Figure]:
    """Draw the falling energy with the digits, the capacity curve, and the modern network's images."""
    return {
        "energy": digits.plot(result.arrays),
        "capacity": capacity.plot(result.arrays),
        "modern": modern.plot(result.arrays),
    }
