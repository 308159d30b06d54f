"""Variational autoencoder: images from random numbers, and a bound on how probable an image is.

A network learns handwritten digits as black-and-white pixels, which are drawn anew from the grey ones at each visit
(dynamic binarisation): a Bernoulli likelihood is valid only for binary pixels. All values are in nats, summed over the
pixels of an image and averaged over the test images, which are binarised once.

Training maximises the evidence lower bound (ELBO). An estimate of ln p(x) by importance sampling from the encoder shows
how tight it is; it is given next to it, with the standard error over the test images.

Images decoded from random z are judged by a classifier trained on real ones; real test images and noise mark the two
ends of its scale. Decoding the straight line between the codes of two images interpolates between them, and a second
network, with a two-dimensional code, shows its whole plane.

The networks are dense by default. With `--channels 16 32` they are convolutional, with two layers of so many kernels,
which improves the bound on MNIST by 3 nats and takes several times as long.

If MNIST is available (`neuraxis data fetch mnist`, or a folder named by NEURAXIS_DATA), it uses those 28×28 images;
otherwise the 8×8 digits that come with scikit-learn.

Sources: Kingma & Welling, arXiv:1312.6114 (2014); Rezende, Mohamed & Wierstra, ICML (2014); Burda, Grosse &
Salakhutdinov, Importance weighted autoencoders, ICLR (2016), for the published value: 86.8 nats with one layer.
"""

from dataclasses import dataclass
from typing import Literal

import jax

from neuraxis import check, plots
from neuraxis.experiment import Claim, Result, Session, check_range, check_settings
from neuraxis.experiments.shared import memory, scorer
from neuraxis.experiments.shared.images import check_halved, load
from neuraxis.experiments.vae import codes, figures, likelihood

PLACE = ("Generative models", 1)
EQUATIONS = r"""
q(z|x) = \mathcal N\bigl(\mu(x), \sigma^2(x)\bigr), \qquad
z = \mu + \varepsilon \odot \sigma, \quad \varepsilon \sim \mathcal N(0, I)

-\mathrm{ELBO} = -\mathbb E_{q}\bigl[\ln p(x|z)\bigr] + \beta\, \mathrm{KL}, \qquad
\mathrm{KL} = \tfrac12 \sum_j \bigl(\sigma_j^2 + \mu_j^2 - \ln \sigma_j^2 - 1\bigr)
"""

_HIGHEST = {"mnist": 93.0, "digits": 24.5}  # [nats]; for the digits none is published


@dataclass(frozen=True)
class Settings:
    """Settings of the experiment."""

    data: Literal["auto", "mnist", "digits"] = "auto"
    """Data set; "auto" uses MNIST if it is available, otherwise scikit-learn's digits."""
    latent_size: int = 50
    """Dimensions of z."""
    hidden_sizes: tuple[int, ...] = (400, 400)
    """Neurons in each hidden layer of the encoder; the decoder has the same in reverse."""
    channels: tuple[int, ...] = ()
    """Kernels of each convolution before the encoder's hidden layers, each of which halves the image, and in reverse
    after the decoder's; none for dense networks."""
    steps: int = 18_000
    """Training steps, rounded up to whole epochs; about forty epochs of MNIST."""
    plane_steps: int = 4000
    """Training steps of the network with a two-dimensional z."""
    patience: int = 100
    """Early stopping after this many epochs without a better bound on held-out images."""
    warmup: float = 0.0
    """Fraction of the steps over which β rises from 0 to 1, below 1."""
    batch_size: int = 128
    """Images per training step."""
    learning_rate: float = 1e-3
    """Initial learning rate of Adam; it decays to zero along a cosine."""
    importance_samples: int = 100
    """Samples of z per test image for the estimate of ln p(x); at least 2."""
    training_images: int = 60_000
    """Maximum number of training images."""
    seed: int = 0
    """Seed for the weights, the order of the images, and all random draws."""

    def __post_init__(self):
        check_settings(self)
        check.whole(
            latent_size=self.latent_size,
            steps=self.steps,
            plane_steps=self.plane_steps,
            patience=self.patience,
            batch_size=self.batch_size,
        )
        check.whole(100, training_images=self.training_images)
        check_range(2, 10**6, importance_samples=self.importance_samples)
        for name in ("hidden_sizes", "channels"):
            for size in getattr(self, name):
                check.whole(**{name: size})
        check.fraction(warmup=self.warmup)
        check.positive(learning_rate=self.learning_rate)

    def memory(self) -> float:
        """Estimate the minimum memory of a run [bytes]."""
        sizes = (*self.hidden_sizes, self.latent_size, *reversed(self.hidden_sizes))
        examples = min(self.batch_size, self.training_images)
        maps = 2.0 * examples * memory.PIXELS * sum(self.channels[:1])  # the largest ones, of encoder and decoder
        return memory.perceptron(sizes, examples) + memory.NUMBER * maps


QUICK = Settings(
    data="digits",
    latent_size=8,
    hidden_sizes=(128,),
    steps=1200,
    plane_steps=500,
    learning_rate=3e-3,
    importance_samples=50,
)


def run(settings: Settings, session: Session = Session()) -> Result:
    """Train both networks; measure the bound and ln p(x) on the test images, and score samples."""
    images = load(settings.data, settings.training_images, settings.seed, flat=not settings.channels)
    check_halved(images.train[0].shape[1], settings.channels)
    judge = scorer.load(images.name, progress=session.progress)
    keys = jax.random.split(jax.random.key(settings.seed), 4)
    found = likelihood.measure(keys[0], images, settings, session)
    samples = found.model.sample(len(judge.test) // 2, key=keys[1])
    rows = scorer.table(judge, {"VAE": samples})
    drawn = codes.measure(keys[2], found.model, images, settings, session)
    return Result(
        metrics=found.metrics | rows["VAE"].metrics() | drawn.metrics,
        claims=_claims(images.name, rows["noise"].frechet_distance),
        arrays={"samples": samples[:100].reshape(100, -1), "scores": rows, **found.arrays, **drawn.arrays},
        model=found.model,
        data=f"{images.description}, dynamically binarised",
    )


def _claims(name: str, of_noise: float) -> tuple[Claim, ...]:
    return (
        Claim("negative_log_likelihood", "<=", _HIGHEST[name]),
        Claim("bound_minus_estimate", ">", 0.0),
        Claim("classes", ">=", 10.0),
        Claim("frechet_distance", "<", of_noise / 2),
    )


def plot(result: Result) -> dict[str, plots.Figure]:
    """Draw the learning, samples, reconstructions, images in between, the plane of codes, and the table of scores."""
    return {
        "learning": figures.plot_learning(result),
        "samples": figures.plot_samples(result.arrays),
        "reconstructions": figures.plot_reconstructions(result.arrays),
        "interpolation": figures.plot_interpolation(result.arrays),
        "plane": figures.plot_plane(result.arrays),
        "scores": scorer.plot_table(result.arrays["scores"]),
    }
