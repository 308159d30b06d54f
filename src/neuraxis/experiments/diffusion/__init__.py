"""Diffusion: networks that turn noise into data, step by step.

Four results:

For normally distributed data the best prediction of the noise is known in closed form. Networks trained to predict ε, v
or the velocity of flow matching all come close to it.

Two densities of the plane, the two moons and the Swiss roll, are learnt from points. Measured by the maximum mean
discrepancy, samples are hardly further from real points than real points are from each other.

A U-Net learns handwritten digits. A classifier trained on real ones is confident about the samples, and finds all ten
digits among them. Given a class, the network generates that digit, and more clearly with guidance.

Fewer sampling steps than in training are enough, but not for every sampler: DDPM, which adds noise at each step, DDIM,
which does not, and Euler's method for a network trained by flow matching are compared with 1, 4, 16, 64 and all steps.

It uses scikit-learn's 8×8 digits, which a CPU learns in minutes; `--data mnist` uses the 28×28 images of MNIST, and
needs a GPU.

Sources: Ho, Jain & Abbeel, NeurIPS (2020); Nichol & Dhariwal, ICML (2021); Song, Meng & Ermon, ICLR (2021); Salimans &
Ho, ICLR (2022); Ho & Salimans, arXiv:2207.12598 (2022); Lipman et al., ICLR (2023).
"""

from dataclasses import dataclass
from typing import Literal

import jax

from neuraxis import check, plots
from neuraxis.errors import InputError
from neuraxis.experiment import Claim, Result, Session, check_settings, check_some
from neuraxis.experiments.diffusion import digits, figures, points
from neuraxis.experiments.shared import memory

PLACE = ("Generative models", 2)
EQUATIONS = r"""
x_t = a_t\, x_0 + s_t\, \varepsilon, \qquad \varepsilon \sim N(0, I), \qquad a_0 = 1,\; s_0 = 0

q(x_r \mid x_t, \hat x_0) = N\!\left(\frac{\alpha s_r^2}{s_t^2}\, x_t + \frac{a_r \beta}{s_t^2}\, \hat x_0,\;
\frac{\beta s_r^2}{s_t^2} I\right), \qquad \alpha = \frac{a_t}{a_r}, \quad \beta = s_t^2 - \alpha^2 s_r^2
"""


@dataclass(frozen=True)
class Settings:
    """Settings of the experiment."""

    data: Literal["digits", "mnist", "fashion-mnist"] = "digits"
    """Data set."""
    width: int = 32
    """Channels of the U-Net at the full size of the images; a multiple of 8."""
    multipliers: tuple[int, ...] = (1, 2)
    """Channels at each size, in multiples of the width; each size is half of the one before."""
    steps: int = 1800
    """Training steps of each of the two U-Nets, rounded up to whole epochs."""
    batch_size: int = 64
    """Images per training step."""
    learning_rate: float = 2e-3
    """Learning rate of Adam for the U-Nets: it rises for a hundred steps, and then decays to zero along a cosine."""
    average: float = 0.99
    """Decay of the exponential moving average of the weights, which is used for sampling."""
    label_dropout: float = 0.3
    """Fraction of labels hidden from the U-Nets in training."""
    times: int = 128
    """Steps T of the noise schedules, for images and for points."""
    sampling_steps: tuple[int, ...] = (1, 4, 16, 64)
    """Numbers of sampling steps for images, besides all T; those above T are ignored."""
    samples: int = 200
    """Images generated for each sampler and number of steps."""
    guidance: float = 3.0
    """Strength of the guidance; 1 is none."""
    point_steps: int = 3000
    """Training steps of each network for points in the plane."""
    training_images: int = 60_000
    """Maximum number of training images."""
    seed: int = 0
    """Seed for the weights, the order of the data, and all noise."""

    def __post_init__(self):
        check_settings(self)
        check.whole(8, width=self.width)
        if self.width % 8:
            raise InputError(f"width must be a multiple of 8, but is {self.width}")
        check_some(multipliers=self.multipliers)
        for multiplier in self.multipliers:
            check.whole(multipliers=multiplier)
        check.whole(steps=self.steps, batch_size=self.batch_size, point_steps=self.point_steps)
        check.whole(2, times=self.times)
        check_some(sampling_steps=self.sampling_steps)
        for steps in self.sampling_steps:
            check.whole(sampling_steps=steps)
        check.whole(20, samples=self.samples)
        check.whole(100, training_images=self.training_images)
        check.positive(learning_rate=self.learning_rate)
        check.fraction(average=self.average, label_dropout=self.label_dropout)
        check.finite(guidance=self.guidance)

    def memory(self) -> float:
        """Estimate the minimum memory of a run [bytes]."""
        pixels = 64 if self.data == "digits" else 784
        images = max(self.batch_size, self.samples)
        return memory.NUMBER * (10.0 * images * pixels * self.width + 150.0 * (self.width * max(self.multipliers)) ** 2)


QUICK = Settings(
    width=16,
    multipliers=(1,),
    steps=200,
    times=32,
    sampling_steps=(1, 4),
    samples=60,
    point_steps=500,
)


def run(settings: Settings, session: Session = Session()) -> Result:
    """Train the networks for points, then those for images, and measure what they draw."""
    keys = jax.random.split(jax.random.key(settings.seed), 2)
    of_points = points.measure(keys[0], settings, session)
    of_images = digits.measure(keys[1], settings, session)
    return Result(
        metrics=of_points.metrics | of_images.metrics,
        claims=_CLAIMS,
        arrays=of_points.arrays | of_images.arrays,
        model=of_images.network,
        data=of_images.description,
    )


NEAR_DATA = {name: Claim(f"{name}_mmd_ratio", "<", 1.5, quick=8.0) for name in points.DENSITIES}
_CLAIMS = (
    *(Claim(f"gaussian_error_{name}", "<", 0.005) for name in points.PARAMETRISATIONS),
    *NEAR_DATA.values(),
    Claim("confidence", ">=", 0.9, quick=0.7),
    Claim("classes", ">=", 10.0),
    Claim("guided_right", ">=", 0.9, quick=0.3),
)


def plot(result: Result) -> dict[str, plots.Figure]:
    """Draw points, samples, the way from noise to an image, guidance, and quality against the number of steps."""
    a = result.arrays
    return {
        "points": figures.plot_points(a),
        "optimum": figures.plot_optimum(a),
        "samples": figures.plot_samples(a),
        "reverse": figures.plot_reverse(a),
        "guidance": figures.plot_guidance(a),
        "steps": figures.plot_steps(a),
        "scores": figures.plot_scores(a),
    }
