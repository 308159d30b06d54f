"""TRADES: networks that read digits although every pixel was changed on purpose, and what that costs.

A small convolutional network learns to read digits in three ways: as usual, from what an attack makes of the images
(adversarial training), and by the loss of TRADES, which adds β times the largest change of the answer in the ball of
radius ε around each image. ε grows in the first part of the training. Projected gradient descent with 40 steps then
attacks all three; the usual network falls to (nearly) nothing.

Shorter trainings show what β trades for what, accuracy for robustness, and how far three seeds are apart. An ensemble
of strong attacks says what is left of the robustness that one attack finds.

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


@dataclass(frozen=True)
class Settings:
    """Settings of the experiment."""

    data: Literal["auto", "mnist", "fashion-mnist", "digits"] = "auto"
    """Data set; "auto" uses MNIST if it is available, otherwise scikit-learn's digits."""
    epsilon: float = 0.3
    """Largest change of a pixel; they reach from 0 to 1."""
    beta: float = 6.0
    """Weight of the robustness."""
    betas: tuple[float, ...] = (1.0, 3.0, 15.0)
    """Further weights for the trade-off, each with a short training."""
    seeds: int = 3
    """Short trainings with weights and order of their own, to see their spread."""
    steps: int = 2500
    """Training steps of TRADES and of adversarial training, rounded up to whole reports."""
    short_steps: int = 1200
    """Training steps of each of the short trainings by TRADES, rounded up to whole reports."""
    plain_steps: int = 500
    """Training steps of the usual network, rounded up to whole reports."""
    ramp: float = 0.4
    """Part of the steps in which ε grows from 0."""
    inner_steps: int = 5
    """Steps of the inner maximisation."""
    reports: int = 10
    """How often the held-out images are measured in a training."""
    learning_rate: float = 5e-3
    """Learning rate at the beginning; it decays to zero along a cosine."""
    batch_size: int = 128
    """Images per training step."""
    network: Literal["small", "paper"] = "small"
    """A small network, or that of Zhang et al. with four convolutions and three dense layers."""
    channels: tuple[int, ...] = (16, 32)
    """Kernels of the two convolutions of the small network."""
    hidden_size: int = 100
    """Neurons between the convolutions and the logits of the small network."""
    attack_steps: int = 40
    """Steps of the attack that measures the robustness, of 4/3 ε together: 40 of them are 0.01 long for ε = 0.3."""
    images: int = 1000
    """Test images that are attacked."""
    ensemble_images: int = 1000
    """Of these, so many at most are attacked by the ensemble; 0 leaves it out."""
    ensemble_steps: int = 50
    """Gradient steps of each attack of the ensemble."""
    queries: int = 1000
    """Questions that the attack without gradients may ask about each image."""
    epsilons: int = 9
    """Points of the curve of accuracy against ε, evenly from 0 to 4/3 of ε."""
    training_images: int = 60_000
    """Maximum number of training images."""
    seed: int = 0
    """Seed for the weights, the order of the images, and what is drawn."""

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
