"""Adversarial attacks: small deliberate changes that make networks misclassify images.

Two convolutional networks with the same architecture learn to classify digits, one normally, the other from images that
an attack has changed (adversarial training). Each attack then searches for changes of at most ε in every pixel, or of
at most ε in the Euclidean norm, that make the network misclassify an image: by one gradient step, by many, without any
gradient, or with the smallest change. The accuracy of the normal network falls to (nearly) zero, the other is robust;
accuracy under an ensemble of strong attacks is never above that under any of its parts.

Large logits mask the gradient: if those of the normal network are multiplied by 10 000, which changes no answer,
attacks on the cross-entropy find little. A gradient-free attack breaks the network all the same, and the evaluation
warns about it.

A multilayer perceptron, a spiking classifier (through its surrogate gradient) and a network trained by predictive
coding are attacked too.

If MNIST is available (`neuraxis data fetch mnist`, or a folder named by NEURAXIS_DATA), it uses those 28×28 images;
otherwise the 8×8 digits that come with scikit-learn.

Sources: Goodfellow, Shlens & Szegedy, International Conference on Learning Representations (2015); Madry et al.,
International Conference on Learning Representations (2018); Croce & Hein, International Conference on Machine Learning
(2020); Athalye, Carlini & Wagner, International Conference on Machine Learning (2018).
"""

from dataclasses import dataclass
from typing import Literal

import jax

from neuraxis import check, plots
from neuraxis.experiment import Result, Session, check_range, check_settings, check_some
from neuraxis.experiments.adversarial_attack import figures, measures, nets
from neuraxis.experiments.shared import memory
from neuraxis.experiments.shared.images import load

PLACE = ("Robustness", 1)
EQUATIONS = r"""
x \leftarrow \Pi\bigl(x + \alpha\varepsilon\, d(\nabla_x E)\bigr)
"""


@dataclass(frozen=True)
class Settings:
    """Settings of the experiment."""

    data: Literal["auto", "mnist", "fashion-mnist", "digits"] = "auto"
    """Data set; "auto" uses MNIST if it is available, otherwise scikit-learn's digits."""
    epsilon: float = 0.2
    """Largest change of a pixel ε; pixels range from 0 to 1."""
    epsilon_l2: float = 2.0
    """Largest change of an image in the Euclidean norm."""
    images: int = 300
    """Number of test images to attack."""
    attack_steps: int = 50
    """Gradient steps of each iterative attack."""
    queries: int = 500
    """Queries per image of the gradient-free attack."""
    epsilons: int = 6
    """Points of the curves of accuracy against ε, evenly from 0 to 1.5 times ε."""
    channels: tuple[int, ...] = (16, 32)
    """Kernels of each convolution."""
    hidden_size: int = 64
    """Neurons between the convolutions and the logits."""
    steps: int = 500
    """Training steps of the normal network, rounded up to whole epochs."""
    robust_steps: int = 1200
    """Training steps of the robust network, rounded up to whole epochs; ε grows over the first half of them."""
    inner_steps: int = 4
    """Attack steps in each step of the robust training."""
    learning_rate: float = 3e-3
    """Initial learning rate of both networks; it decays along a cosine."""
    batch_size: int = 128
    """Images per training step."""
    more: tuple[Literal["minimal", "l2", "others"], ...] = ("minimal", "l2", "others")
    """Additional measurements: smallest changes, attacks in the Euclidean norm, other kinds of network."""
    training_images: int = 60_000
    """Maximum number of training images."""
    seed: int = 0
    """Seed for the weights, the order of the images, and what the attacks draw."""

    def __post_init__(self):
        check_settings(self)
        check.whole(
            images=self.images,
            attack_steps=self.attack_steps,
            queries=self.queries,
            hidden_size=self.hidden_size,
            steps=self.steps,
            robust_steps=self.robust_steps,
            inner_steps=self.inner_steps,
            batch_size=self.batch_size,
            training_images=self.training_images,
        )
        check.whole(2, epsilons=self.epsilons)
        check_some(channels=self.channels)
        for channels in self.channels:
            check.whole(channels=channels)
        check_range(1e-3, 1.0, epsilon=self.epsilon)
        check.positive(epsilon_l2=self.epsilon_l2, learning_rate=self.learning_rate)

    def memory(self) -> float:
        """Estimate the minimum memory of a run [bytes]."""
        activations = 784.0 * max(self.channels) * max(self.batch_size, measures.BATCH_SIZE)
        return memory.perceptron((self.hidden_size,), self.batch_size) + 3 * memory.NUMBER * activations


QUICK = Settings(
    data="digits",
    epsilon=0.15,
    images=64,
    attack_steps=10,
    queries=150,
    epsilons=4,
    channels=(8, 16),
    hidden_size=32,
    steps=400,
    robust_steps=600,
    inner_steps=3,
    batch_size=64,
    more=(),
)


def run(settings: Settings, session: Session = Session()) -> Result:
    """Train the networks, and attack them."""
    images = load(settings.data, settings.training_images, settings.seed, flat=False)
    keys = jax.random.split(jax.random.key(settings.seed), 4)
    trained = nets.train(settings, images, keys[0], session)
    found = measures.both(settings, trained, images, keys[1])
    masked = measures.masked(settings, trained, images, keys[2])
    others = measures.others(settings, images, keys[3], session) if "others" in settings.more else measures.NOTHING
    return Result(
        metrics=found.metrics | masked.metrics | others.metrics,
        claims=(*found.claims, *masked.claims, *others.claims),
        arrays={**found.arrays, **masked.arrays, **others.arrays, "classes": images.classes},
        model=trained["robust"].network,
        data=images.description,
    )


def plot(result: Result) -> dict[str, plots.Figure]:
    """Draw accuracy against ε, adversarial images, what each attack leaves, and the smallest changes."""
    drawn = {
        "curves": figures.plot_curves(result.arrays),
        "images": figures.plot_images(result.arrays),
        "table": figures.plot_table(result.arrays),
        "masked": figures.plot_masked(result.arrays),
    }
    minimal = {"minimal": figures.plot_minimal(result.arrays)} if result.arrays["minimal"] else {}
    others = {"others": figures.plot_others(result.arrays)} if "others" in result.arrays else {}
    return drawn | minimal | others
