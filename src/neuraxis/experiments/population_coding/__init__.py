"""Population coding: what noisy, spiking neurons represent together, and decoders learnt from an error signal.

Each neuron of an ensemble has its own tuning curve; linear decoders read a vector, or any function of it, from all of
them. They are found by least squares, with a regularisation that represents noise on the activities. The remaining
squared error has two parts: noise, which the decoders average over the neurons, so that it falls as 1/N, and the
distortion of the decoded function, which falls faster, about as N^(−1.7).

The same decoders read steady rates and, through a synapse, spikes. Prescribed error sensitivity (PES) finds them
without solving a linear system, from an error signal alone: in steps, as a rule, and in time, while the neurons fire.
And since only activities enter, anything that the hidden layer of a trained network represents can be decoded from it:
here the position of a digit, from a classifier that was never trained on it.

Sources: Eliasmith & Anderson, Neural Engineering (MIT Press, 2003), chapter 2; MacNeil & Eliasmith, PLoS ONE 6:e22885
(2011).
"""

from dataclasses import dataclass

import jax
import numpy as np

from neuraxis import check, plots
from neuraxis.experiment import Claim, Result, Session, check_range, check_settings, check_some, check_steps
from neuraxis.experiments.population_coding import figures, hidden_layer, learning, representation, size
from neuraxis.experiments.shared.memory import NUMBER

PLACE = ("Population coding", 1)
EQUATIONS = r"""
a_i(x) = G\!\left(\frac{\text{gain}_i}{r} \langle e_i, x\rangle + \text{bias}_i\right) \quad [\text{Hz}]

\hat f(x) = \sum_i a_i(x)\, d_i
"""


@dataclass(frozen=True)
class Settings:
    """Settings of the experiment."""

    neurons: int = 100
    """Neurons of the individually studied ensembles."""
    intercept: float = 0.95
    """Intercepts are drawn from minus to plus this number, which is below 1."""
    noise: float = 0.1
    """Standard deviation of the noise assumed by the decoders, as a fraction of the highest rate."""
    sizes: tuple[int, ...] = (10, 20, 50, 100, 200, 500, 1000, 2000)
    """Ensemble sizes at which the error is measured; at least two."""
    ensembles: int = 20
    """Random ensembles of each size."""
    learning_rate: float = 2e-5
    """Learning rate of PES in steps, κ [1/Hz²]."""
    examples: int = 50_000
    """Examples for PES in steps, ten per step; rounded up to a multiple of 1000."""
    online_learning_rate: float = 1e-4
    """Learning rate of PES in time, κ [1/(s·Hz²)]."""
    online_duration: float = 60_000.0
    """Time for which PES learns while the neurons fire [ms], in whole seconds."""
    duration: float = 2000.0
    """Simulated time of the spiking ensemble [ms]."""
    tau_s: float = 20.0
    """Time constant of the synapse after the spiking ensemble [ms]."""
    epochs: int = 30
    """Training epochs of the classifier whose hidden layer is decoded."""
    seed: int = 0
    """Seed for the ensembles, the examples and the classifier."""

    def __post_init__(self):
        check_settings(self)
        check.whole(10, neurons=self.neurons, examples=self.examples)
        check.whole(2, ensembles=self.ensembles)
        check.whole(epochs=self.epochs)
        check_range(0.01, 0.999, intercept=self.intercept)
        check_range(1e-3, 10, noise=self.noise)
        check_some(sizes=self.sizes)
        check.whole(
            2, **{f"sizes[{i}]": n for i, n in enumerate(self.sizes)}, **{"number of sizes": len(set(self.sizes))}
        )
        check.positive(learning_rate=self.learning_rate, online_learning_rate=self.online_learning_rate)
        check.positive(tau_s=self.tau_s)
        check_steps(1000.0, online_duration=self.online_duration)
        check_steps(1.0, 500, duration=self.duration)

    def memory(self) -> float:
        """Estimate the minimum memory of a run [bytes]: the largest ensemble's activities, and their products."""
        largest = max(*self.sizes, self.neurons)
        return NUMBER * (float(largest) * (size.POINTS + 3.0 * largest) + self.duration * self.neurons)


QUICK = Settings(sizes=(10, 50, 250), ensembles=8, examples=20_000, online_duration=30_000.0, duration=1000.0, epochs=5)

_CLAIMS = (
    Claim("noise_slope", ">=", -1.1),
    Claim("noise_slope", "<=", -0.9),
    Claim("distortion_slope", ">=", -2.0),
    Claim("distortion_slope", "<=", -1.5),
    Claim("noise_prediction_error", "<=", 0.05),
    Claim("decoder_error", "<=", 1e-5),
    Claim("pes_over_solved", "<=", 1.2),
    Claim("pes_distance", "<=", 0.02),
    Claim("online_over_solved", "<=", 3.0),
    Claim("spiking_rms_error", "<=", 0.05),
    Claim("hidden_layer_r2", ">=", 0.9),
)


def run(settings: Settings, session: Session = Session()) -> Result:
    """Measure the ensembles, and let PES learn."""
    keys = jax.random.split(jax.random.key(settings.seed), 5)
    parts = [
        representation.rates(keys[0], settings),
        representation.spikes(keys[0], settings),
        size.measure(keys[1], settings),
        learning.in_steps(keys[0], keys[2], settings, session),
        learning.in_time(keys[0], settings),
        hidden_layer.measure(keys[3], settings, session),
    ]
    metrics = {name: float(value) for found, _ in parts for name, value in found.items()}
    arrays = {name: np.asarray(value) for _, found in parts for name, value in found.items()}
    return Result(metrics, _CLAIMS, arrays, data="scikit-learn's digits, for the hidden layer")


def plot(result: Result) -> dict[str, plots.Figure]:
    """Plot the results."""
    return {
        "tuning-curves": figures.plot_tuning(result),
        "decoded": figures.plot_decoded(result),
        "error-against-size": figures.plot_size(result),
        "learning": figures.plot_learning(result),
        "spikes": figures.plot_spikes(result),
    }
