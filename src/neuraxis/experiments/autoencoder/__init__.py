"""Autoencoder: a linear one finds the principal subspace, and a deep one a better code.

Four results on handwritten digits:

A linear network with one layer, whose decoder is its encoder transposed, is trained by gradient descent on the squared
error. Its weights converge to the subspace of the first principal components (PCA), and it explains as much variance.

A deep network reconstructs unseen images better than PCA with a code of the same size. It returns logits and is trained
with the Bernoulli cross-entropy; both are compared by the mean squared error per pixel.

A denoising autoencoder, which is shown corrupted images and has to reconstruct the clean ones, restores unseen images
better than one trained on clean images, and better than PCA: once with normal noise, once with hidden pixels.

With a two-dimensional code, the classes separate in the plane of codes, although no label was ever shown.

If MNIST is available (`neuraxis data fetch mnist`, or a folder named by NEURAXIS_DATA), it uses those 28×28 images;
otherwise the 8×8 digits that come with scikit-learn.

Sources: Baldi & Hornik, Neural Networks 2:53 (1989); Hinton & Salakhutdinov, Science 313:504 (2006); Vincent et al.,
Journal of Machine Learning Research 11:3371 (2010).
"""

from dataclasses import dataclass
from typing import Literal

import jax

from neuraxis import check, plots
from neuraxis.experiment import Claim, Result, Session, check_range, check_settings
from neuraxis.experiments.autoencoder import deep, figures, linear
from neuraxis.experiments.shared import memory
from neuraxis.experiments.shared.images import load

PLACE = ("Memory and sequences", 6)
EQUATIONS = r"""
z = f(x), \qquad \hat x = g(z), \qquad E = \tfrac12 \lVert \hat x - x \rVert^2
"""

# What holds with room to spare. The digits are small and few; of other images it is only said which side is better.
_BOUNDS = {
    "mnist": {"deep": 0.5, "restored": 0.7, "map": 0.8, "alike": 1.4},
    "digits": {"deep": 0.9, "restored": 0.7, "map": 0.9, "alike": 1.05},
}
_BETTER = {"deep": 1.0, "restored": 1.0, "map": 1.0, "alike": 1.0}


@dataclass(frozen=True)
class Settings:
    """Settings of the experiment."""

    data: Literal["auto", "mnist", "fashion-mnist", "digits"] = "auto"
    """Data set; "auto" uses MNIST if it is available, otherwise scikit-learn's digits."""
    code_size: int = 16
    """Code size, and number of principal components, in all comparisons except the map; at most 64."""
    hidden_sizes: tuple[int, ...] = (256, 64)
    """Neurons in each hidden layer of the deep encoder; the decoder has the same in reverse."""
    steps: int = 5000
    """Training steps of each deep network, rounded up to whole epochs."""
    batch_size: int = 128
    """Images per training step of a deep network."""
    learning_rate: float = 2e-3
    """Initial learning rate of Adam for the deep networks."""
    linear_steps: int = 2000
    """Training steps of the linear network, of 500 images each, rounded up to whole epochs."""
    noise: float = 0.5
    """Standard deviation of the normal noise to remove; black is 0, white is 1."""
    hidden_pixels: float = 0.5
    """Fraction of hidden pixels, for the other denoising network."""
    training_images: int = 60_000
    """Maximum number of training images."""
    seed: int = 0
    """Seed for the weights, the order of the images, and the noise."""

    def __post_init__(self):
        check_settings(self)
        check.whole(steps=self.steps, batch_size=self.batch_size, linear_steps=self.linear_steps)
        check.whole(100, training_images=self.training_images)
        check_range(1, 64, code_size=self.code_size)
        for size in self.hidden_sizes:
            check.whole(hidden_sizes=size)
        check.positive(learning_rate=self.learning_rate)
        check.not_negative(noise=self.noise)
        check.fraction(hidden_pixels=self.hidden_pixels)

    def memory(self) -> float:
        """Estimate the minimum memory of a run [bytes]."""
        sizes = (*self.hidden_sizes, self.code_size, *reversed(self.hidden_sizes))
        return memory.perceptron(sizes, min(self.batch_size, self.training_images))


QUICK = Settings(
    data="digits",
    hidden_sizes=(256,),
    steps=1000,
    batch_size=64,
    learning_rate=6e-3,
    linear_steps=1500,
)


def run(settings: Settings, session: Session = Session()) -> Result:
    """Find the principal components, train the linear network and the deep ones, and measure on the test images."""
    images = load(settings.data, settings.training_images, settings.seed)
    keys = jax.random.split(jax.random.key(settings.seed), 2)
    found = linear.measure(keys[0], images, settings, session)
    parts = found, deep.measure(keys[1], images, found, settings, session)
    metrics = {name: float(value) for part in parts for name, value in part.metrics.items()}
    return Result(
        metrics=metrics,
        claims=_claims(_BOUNDS.get(images.name, _BETTER)),
        arrays={name: value for part in parts for name, value in part.arrays.items()},
        model=parts[1].network,
        data=images.description,
    )


def _claims(bounds: dict[str, float]) -> tuple[Claim, ...]:
    return (
        Claim("largest_principal_angle_degrees", "<", 5.0),
        Claim("linear_explained_over_pca", ">=", 0.99),
        Claim("deep_error_over_pca", "<", bounds["deep"]),
        *(
            Claim(f"{damage}_restored_over_{other}", "<", bounds["restored"])
            for damage in ("noise", "hidden")
            for other in ("plain", "pca")
        ),
        Claim("map_error_over_pca", "<", bounds["map"]),
        Claim("map_neighbours_alike_over_pca", ">", bounds["alike"]),
    )


def plot(result: Result) -> dict[str, plots.Figure]:
    """Draw the subspace and the errors, reconstructions, restored images, and the plane of codes."""
    return {
        "subspace": figures.plot_subspace(result),
        "reconstructions": figures.plot_reconstructions(result.arrays),
        "denoising": figures.plot_denoising(result.arrays),
        "map": figures.plot_map(result.arrays),
    }
