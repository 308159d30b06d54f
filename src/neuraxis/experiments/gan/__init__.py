"""Generative adversarial network: the plain game drops modes of the data, the relativistic one covers all.

Points are drawn from Gaussians on a ring and on a grid. The same networks with the same optimiser play two games for
the same number of steps. In the plain one, binary cross-entropy against −ln D(G(z)), the generator finds some of the
modes and misses the others. In the relativistic one, with gradient penalties at real and at generated points, it finds
all of them, and at least nine of ten samples lie within three standard deviations of a mode, compared with 98.9 % of
the data.

The relativistic game is then played by convolutional networks on handwritten digits. A classifier trained on the real
images finds all ten classes among the samples.

If MNIST is available (`neuraxis data fetch mnist`, or a folder named by NEURAXIS_DATA), it uses those 28×28 images;
otherwise the 8×8 digits that come with scikit-learn. With `--data stacked-mnist`, three randomly drawn MNIST images
form the colour channels of one: 1000 modes.

Sources: Goodfellow et al., Advances in Neural Information Processing Systems (2014); Metz et al., International
Conference on Learning Representations (2017); Huang, Gokaslan, Kuleshov & Tompkin, The GAN is dead; long live the GAN!,
Advances in Neural Information Processing Systems (2024).
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import jax

from neuraxis import check, plots
from neuraxis.errors import InputError
from neuraxis.experiment import Claim, Result, Session, check_settings, check_some
from neuraxis.experiments.gan import figures, images, points
from neuraxis.experiments.shared import memory, scorer

PLACE = ("Generative models", 4)
EQUATIONS = r"""
E_D = -\ln p(x) - \ln\bigl(1 - p(G(z))\bigr), \qquad E_G = -\ln p(G(z))

E_D = \ln\bigl(1 + e^{D(G(z)) - D(x)}\bigr) + \tfrac{r_1}{2} \lVert \nabla_x D(x) \rVert^2
    + \tfrac{r_2}{2} \lVert \nabla_x D(G(z)) \rVert^2, \qquad
E_G = \ln\bigl(1 + e^{D(x) - D(G(z))}\bigr)
"""


@dataclass(frozen=True)
class Settings:
    """Settings of the experiment."""

    data: Literal["auto", "mnist", "digits", "stacked-mnist"] = "auto"
    """Data set; "auto" uses MNIST if it is available, otherwise scikit-learn's digits."""
    ring: int = 8
    """Gaussians on the ring."""
    side: int = 5
    """Gaussians along each side of the grid."""
    hidden_sizes: tuple[int, ...] = (128, 128, 128, 128)
    """Neurons in each hidden layer of either network, for points."""
    steps: int = 8000
    """Training steps of each of the four games on points, rounded up to whole frames."""
    frames: int = 5
    """Number of times samples are shown in the course of training."""
    batch_size: int = 256
    """Points per training step."""
    learning_rate: float = 3e-3
    """Initial learning rate of Adam for both networks on points; it decays to 0 along a cosine."""
    penalty: float = 0.2
    """Weight of both gradient penalties, for points."""
    channels: tuple[int, ...] = (16, 32)
    """Channels of the convolutional networks, from the image inwards; each layer halves the image."""
    latent_size: int = 16
    """Latent dimensions from which an image is generated; points are generated from 2."""
    image_steps: int = 3000
    """Training steps for images."""
    image_batch_size: int = 64
    """Images per training step."""
    image_learning_rate: float = 5e-3
    """Initial learning rate of Adam for both networks on images; it decays to 0 along a cosine."""
    image_penalty: float = 0.1
    """Weight of both gradient penalties, for images."""
    training_images: int = 60_000
    """Maximum number of training images; for stacked ones, which are drawn at random, their number."""
    seed: int = 0
    """Seed for the points, the weights and all random draws in training."""

    def __post_init__(self):
        check_settings(self)
        check_some(hidden_sizes=self.hidden_sizes, channels=self.channels)
        check.whole(2, ring=self.ring, side=self.side)
        check.whole(steps=self.steps, frames=self.frames, batch_size=self.batch_size, latent_size=self.latent_size)
        check.whole(image_steps=self.image_steps, image_batch_size=self.image_batch_size)
        check.whole(100, training_images=self.training_images)
        for name in ("hidden_sizes", "channels"):
            for size in getattr(self, name):
                check.whole(**{name: size})
        check.positive(learning_rate=self.learning_rate, image_learning_rate=self.image_learning_rate)
        check.not_negative(penalty=self.penalty, image_penalty=self.image_penalty)
        if self.frames > self.steps:
            raise InputError(f"frames must be at most steps, {self.steps}, but is {self.frames}")

    def memory(self) -> float:
        """Estimate the minimum memory of a run [bytes]."""
        weights = sum((a + 1) * b for a, b in pairwise((2, *self.hidden_sizes)))
        kernels = sum(9.0 * a * b for a, b in pairwise((1, *self.channels)))
        activations = self.batch_size * sum(self.hidden_sizes) + self.image_batch_size * 196.0 * self.channels[0]
        return memory.NUMBER * (8.0 * (weights + kernels) + 4 * activations)


QUICK = Settings(
    data="digits", side=3, hidden_sizes=(64, 64, 64), steps=2000, frames=2, batch_size=128, image_steps=300
)


def run(settings: Settings, session: Session = Session()) -> Result:
    """Play both games on points, and the relativistic one on images; measure what is covered."""
    keys = jax.random.split(jax.random.key(settings.seed), 2)
    images.check_size(settings)
    plane = points.measure(keys[0], settings, session)
    pictures = images.measure(keys[1], settings, session)
    return Result(
        metrics=plane.metrics | pictures.metrics,
        claims=(*_claims(settings), *pictures.claims),
        arrays={"points": plane.arrays, "images": pictures.arrays},
        model=pictures.model,
        data=pictures.description,
    )


def all_modes(name: str, count: int) -> tuple[Claim, Claim]:
    """Claim that samples lie at all modes of a mixture, and nearly nowhere else."""
    return (
        Claim(f"{name}_modes_covered", ">=", float(count)),
        Claim(f"{name}_share_near_modes", ">=", 0.9, quick=0.6),
    )


def _claims(settings: Settings) -> tuple[Claim, ...]:
    modes = {"ring": settings.ring, "grid": settings.side**2}
    return tuple(
        claim
        for name, count in modes.items()
        for claim in (*all_modes(name, count), Claim(f"{name}_plain_modes_covered", "<", float(count)))
    )


def plot(result: Result) -> dict[str, plots.Figure]:
    """Draw the points of both games, how they came about, and images with their scores."""
    return {
        "modes": figures.plot_modes(result.arrays["points"]),
        "frames": figures.plot_frames(result.arrays["points"]),
        "images": figures.plot_images(result.arrays["images"]),
        "scores": scorer.plot_table(result.arrays["images"]["table"]),
    }
