"""Restricted Boltzmann machine: the likelihood of handwritten digits, and generated digits.

Images are binarised by a threshold: pixels of 0.5 and more are 1. The published results quoted here are for MNIST with
the same threshold, and all likelihoods are for the test images.

A machine with 16 hidden units is so small that its partition function can be enumerated. Contrastive divergence with
one sweep (CD-1) reaches a likelihood of about −170 nats per image; persistent chains (PCD-1), with nothing else
changed, about −145; and centred gradients about −141 (published: −142.6, and −149 without centring). Annealed
importance sampling finds the partition function of this machine to within half a nat, in the forward and the reverse
direction.

A machine with 500 hidden units learns by PCD with centred gradients. Its likelihood can only be estimated, always from
both sides: forward annealing overestimates it, reverse annealing underestimates it, and the truth lies in between
(published: −84.9 forward and −96.6 reverse). It generates digits from noise, and completes images whose lower half is
hidden.

If MNIST is available (`neuraxis data fetch mnist`, or a folder named by NEURAXIS_DATA), it uses those 28×28 images;
otherwise the 8×8 digits that come with scikit-learn.

Sources: Hinton, Neural Computation 14:1771 (2002); Tieleman, ICML (2008); Salakhutdinov & Murray, ICML (2008); Burda,
Grosse & Salakhutdinov, AISTATS (2015); Melchior, Fischer & Wiskott, Journal of Machine Learning Research 17(99):1
(2016), with the results of their program PyDeep.
"""

from dataclasses import dataclass
from typing import Literal

import jax

from neuraxis import check, plots
from neuraxis.experiment import Claim, Result, Session, check_range, check_settings
from neuraxis.experiments.rbm import figures, large, small
from neuraxis.experiments.rbm.binary import load
from neuraxis.experiments.shared.memory import NUMBER

PLACE = ("Generative models", 3)
EQUATIONS = r"""
E(v, h) = -v W h^\top - b\, v^\top - c\, h^\top, \qquad P(v, h) = \frac{e^{-E(v, h)/T}}{Z}, \qquad
Z = \sum_{v, h} e^{-E(v, h)/T}
"""

# What holds with room to spare. Of other images it is only said which side is better.
_BOUNDS = {
    "mnist": {
        "pcd": -148.0,
        "centred": -143.0,
        "large": -82.0,
        "completion": 0.8,
        "recognised": 0.8,
        "confidence": 0.85,
    },
}


@dataclass(frozen=True)
class Settings:
    """Settings of the experiment."""

    data: Literal["auto", "mnist", "fashion-mnist", "digits"] = "auto"
    """Data set; "auto" uses MNIST if it is available, otherwise scikit-learn's digits."""
    hidden_size: int = 500
    """Hidden units of the large machine."""
    steps: int = 7200
    """Training steps of the large machine, rounded up to whole epochs; twelve epochs of MNIST."""
    learning_rate: float = 0.1
    """Initial learning rate of the large machine; it decays linearly to 0."""
    batch_size: int = 100
    """Images per training step."""
    chains: int = 100
    """Persistent chains."""
    sweeps: int = 1
    """Sweeps of Gibbs sampling per training step of the large machine (k of PCD-k)."""
    centring: float = 0.01
    """Weight of a batch in the moving offsets of centred gradients."""
    small_size: int = 16
    """Hidden units of the small machines, whose partition function is enumerated; at most 20."""
    small_steps: int = 10_000
    """Training steps of each small machine, rounded up to whole epochs."""
    small_learning_rate: float = 0.05
    """Initial learning rate of the small machines; it decays linearly to 0."""
    annealing_steps: int = 3000
    """Steps of annealed importance sampling for the large machine, in each direction."""
    small_annealing_steps: int = 5000
    """Steps of annealed importance sampling for the small machine, in each direction."""
    annealing_chains: int = 200
    """Chains of annealed importance sampling, in each direction."""
    samples: int = 500
    """Images generated from noise, and test images completed; at least as many as annealing chains."""
    sample_sweeps: int = 1000
    """Sweeps of Gibbs sampling for a sample, and for a completed image."""
    training_images: int = 60_000
    """Maximum number of training images; at most a twelfth of them are held out to monitor training."""
    seed: int = 0
    """Seed for the weights, the order of the images, and all chains."""

    def __post_init__(self):
        check_settings(self)
        check.whole(hidden_size=self.hidden_size, steps=self.steps, batch_size=self.batch_size, chains=self.chains)
        check.whole(sweeps=self.sweeps, small_steps=self.small_steps, annealing_steps=self.annealing_steps)
        check.whole(small_annealing_steps=self.small_annealing_steps)
        check.whole(2, annealing_chains=self.annealing_chains)
        check.whole(max(12, self.annealing_chains), samples=self.samples)
        check.whole(100, sample_sweeps=self.sample_sweeps, training_images=self.training_images)
        check_range(1, 20, small_size=self.small_size)
        check.positive(learning_rate=self.learning_rate, small_learning_rate=self.small_learning_rate)
        check.fraction(centring=self.centring)

    def memory(self) -> float:
        """Estimate the minimum memory of a run [bytes]: weights and their gradient, and the units of all chains."""
        pixels = 784
        units = (self.chains + self.samples + self.batch_size) * (pixels + self.hidden_size)
        return NUMBER * (3.0 * pixels * self.hidden_size + units)


QUICK = Settings(
    data="digits",
    hidden_size=64,
    steps=500,
    small_size=12,
    small_steps=500,
    small_learning_rate=0.2,
    learning_rate=0.2,
    annealing_steps=400,
    small_annealing_steps=400,
    annealing_chains=100,
    samples=100,
    sample_sweeps=200,
)


def run(settings: Settings, session: Session = Session()) -> Result:
    """Train the small machines and the large one, and measure on the test images."""
    images = load(settings.data, settings.training_images, settings.seed)
    keys = jax.random.split(jax.random.key(settings.seed), 2)
    parts = small.measure(keys[0], images, settings, session), large.measure(keys[1], images, settings, session)
    metrics = {name: float(value) for part in parts for name, value in part.metrics.items()}
    metrics["large_over_small"] = metrics["log_likelihood_reverse"] - metrics["small_centred_log_likelihood"]
    return Result(
        metrics=metrics,
        claims=_claims(images.name),
        arrays={name: value for part in parts for name, value in part.arrays.items()},
        model=parts[1].model,
        data=images.description,
    )


def _claims(name: str) -> tuple[Claim, ...]:
    always = (
        Claim("small_forward_error", "<=", 0.5),
        Claim("small_reverse_error", "<=", 0.5),
        Claim("large_over_small", ">", 0.0),
    )
    if name not in _BOUNDS:
        return (*always, Claim("completion_error_over_base_rates", "<", 1.0))
    bounds = _BOUNDS[name]
    return (
        *always,
        Claim("pcd_over_cd", ">", 10.0),
        Claim("centred_over_pcd", ">", 0.0),
        Claim("small_pcd_log_likelihood", ">=", bounds["pcd"]),
        Claim("small_centred_log_likelihood", ">=", bounds["centred"]),
        Claim("log_likelihood_forward", ">=", bounds["large"]),
        Claim("log_likelihood_reverse", ">=", bounds["large"]),
        Claim("completion_error_over_base_rates", "<", bounds["completion"]),
        Claim("completion_recognised", ">=", bounds["recognised"]),
        Claim("confidence", ">=", bounds["confidence"]),
    )


def plot(result: Result) -> dict[str, plots.Figure]:
    """Draw likelihoods, the two sides of annealing, filters, samples, completions and the scores."""
    return {
        "likelihood": figures.plot_likelihood(result),
        "annealing": figures.plot_annealing(result),
        "filters": figures.plot_filters(result.arrays),
        "samples": figures.plot_samples(result.arrays),
        "completion": figures.plot_completion(result.arrays),
        "scores": figures.plot_scores(result.arrays),
    }
