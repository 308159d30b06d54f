"""TRADES: networks that classify digits even under deliberate changes of every pixel, and what that costs.

A small convolutional network learns to classify digits in three ways: normally, from attacked images (adversarial
training), and with the TRADES loss, which adds β times the largest change of the answer in the ball of radius ε around
each image. ε grows in the first part of training. Projected gradient descent with 40 steps then attacks all three; the
accuracy of the normal network falls to (nearly) zero.

Shorter training runs show how β trades accuracy for robustness, and how much three seeds differ. An ensemble of strong
attacks shows how much of the robustness under a single attack remains.

If MNIST is available (`neuraxis data fetch mnist`, or a folder named by NEURAXIS_DATA), it uses those 28×28 images;
otherwise the 8×8 digits that come with scikit-learn, which need a smaller ε, such as 0.15.

Sources: Zhang et al., International Conference on Machine Learning (2019); Madry et al., International Conference on
Learning Representations (2018); Croce & Hein, International Conference on Machine Learning (2020).
"""

from dataclasses import dataclass
from typing import Literal

from neuraxis import check, plots
from neuraxis.errors import InputError
from neuraxis.experiment import Result, Session, check_range, check_settings, check_some
from neuraxis.experiments.shared import memory
from neuraxis.experiments.shared.images import load
from neuraxis.experiments.trades import figures, measures, training

PLACE = ("Robustness", 2)
EQUATIONS = r"""
\mathrm{E}\Bigl[\, g\bigl(f(x)\, t\bigr) + \beta \max_{x' \in B(x, \varepsilon)} g\bigl(f(x) f(x')\bigr) \Bigr]
"""


@dataclass(frozen=True)
class Settings:
    """Settings of the experiment."""

    data: Literal["auto", "mnist", "fashion-mnist", "digits"] = "auto"
    """Data set; "auto" uses MNIST if it is available, otherwise scikit-learn's digits."""
    epsilon: float = 0.3
    """Largest change of a pixel ε; pixels range from 0 to 1."""
    beta: float = 6.0
    """Weight β of the robustness term."""
    betas: tuple[float, ...] = (1.0, 3.0, 15.0)
    """Further weights β for the trade-off, each with a short training run."""
    seeds: int = 3
    """Short training runs with different seeds, to show their spread."""
    steps: int = 2500
    """Training steps of TRADES and of adversarial training, rounded up to whole reports."""
    short_steps: int = 1200
    """Training steps of each short TRADES run, rounded up to whole reports."""
    plain_steps: int = 500
    """Training steps of the normal network, rounded up to whole reports."""
    ramp: float = 0.4
    """Fraction of the steps in which ε grows from 0."""
    inner_steps: int = 5
    """Steps of the inner maximisation."""
    reports: int = 10
    """Number of evaluations on held-out images during training."""
    learning_rate: float = 5e-3
    """Initial learning rate; it decays to zero along a cosine."""
    batch_size: int = 128
    """Images per training step."""
    network: Literal["small", "paper"] = "small"
    """A small network, or that of Zhang et al. with four convolutions and three dense layers."""
    channels: tuple[int, ...] = (16, 32)
    """Kernels of the two convolutions of the small network."""
    hidden_size: int = 100
    """Neurons between the convolutions and the logits of the small network."""
    attack_steps: int = 40
    """Steps of the attack that measures robustness, 4/3 ε in total: 40 steps of 0.01 each for ε = 0.3."""
    images: int = 1000
    """Number of test images to attack."""
    ensemble_images: int = 1000
    """Maximum number of these attacked by the ensemble; 0 omits it."""
    ensemble_steps: int = 50
    """Gradient steps of each attack of the ensemble."""
    queries: int = 1000
    """Queries per image of the gradient-free attack."""
    epsilons: int = 9
    """Points of the curve of accuracy against ε, evenly from 0 to 4/3 of ε."""
    training_images: int = 60_000
    """Maximum number of training images."""
    seed: int = 0
    """Seed for the weights, the order of the images, and all random draws."""

    def __post_init__(self):
        check_settings(self)
        wholes = ("seeds", "steps", "short_steps", "plain_steps", "inner_steps", "reports", "batch_size", "hidden_size")
        attacks = ("attack_steps", "images", "ensemble_steps", "queries", "training_images")
        check.whole(**{name: getattr(self, name) for name in (*wholes, *attacks)})
        check.whole(0, ensemble_images=self.ensemble_images)
        check.whole(2, epsilons=self.epsilons)
        if len(self.channels) != 2:
            raise InputError(f"channels must be two numbers, of the two convolutions, but are {self.channels}")
        for channels in self.channels:
            check.whole(channels=channels)
        check_some(betas=self.betas)
        check.not_negative(beta=self.beta, **{f"betas[{i}]": beta for i, beta in enumerate(self.betas)})
        check_range(1e-3, 1.0, epsilon=self.epsilon)
        check_range(0.0, 1.0, ramp=self.ramp)
        check.positive(learning_rate=self.learning_rate)

    def memory(self) -> float:
        """Estimate the minimum memory of a run [bytes]."""
        largest = 26 * 26 * 32.0 if self.network == "paper" else 14 * 14.0 * max(self.channels)
        activations = largest * max(self.batch_size, measures.BATCH_SIZE)
        return memory.perceptron((self.hidden_size,), self.batch_size) + 3 * memory.NUMBER * activations


QUICK = Settings(
    data="digits",
    epsilon=0.15,
    betas=(0.5,),
    seeds=2,
    steps=320,
    short_steps=160,
    plain_steps=200,
    inner_steps=3,
    reports=2,
    batch_size=64,
    channels=(8, 16),
    hidden_size=32,
    attack_steps=10,
    images=200,
    ensemble_images=0,
    epsilons=4,
)


def run(settings: Settings, session: Session = Session()) -> Result:
    """Train the networks, and attack them."""
    images = load(settings.data, settings.training_images, settings.seed, flat=False)
    trained = training.train(settings, images, session)
    found = measures.measure(settings, trained, images)
    return Result(
        metrics=found.metrics,
        claims=measures.claims(images.name),
        arrays=found.arrays,
        model=trained.networks["TRADES"].model,
        data=images.description,
    )


def plot(result: Result) -> dict[str, plots.Figure]:
    """Draw accuracy against ε and β, the course of the training, the seeds, attacked digits, and the ensemble."""
    drawn = {
        "curves": figures.plot_curves(result.arrays),
        "trade-off": figures.plot_trade_off(result.arrays),
        "learning": figures.plot_learning(result.arrays),
        "seeds": figures.plot_seeds(result.arrays),
        "images": figures.plot_images(result.arrays),
    }
    return drawn | ({"ensemble": figures.plot_ensemble(result.arrays)} if result.arrays["parts"] else {})
