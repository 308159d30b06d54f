"""Variational autoencoder: it learns a map of the digits on which every point decodes to an image.

The encoder maps each image to a Gaussian over codes z of only two numbers, and the decoder maps every z back to an
image. The map shows both during training: dots are the mean codes of test digits, coloured by class, which the network
never sees; behind them are the images decoded at each place. The large circle holds 95 % of the prior, the small
ellipse 95 % of the codes of your digit.

Move your point from one digit to another: the images in between are plausible, too. Draw a digit, and see where it
lies on the map, and how much of it two numbers preserve.

Then change β, the price of information in the code. If it is low, the Gaussians shrink to points. If it is high, they
widen, neighbours overlap, and finally each of them equals the prior: the code carries no information, and the decoder
returns the mean of all digits everywhere. This is posterior collapse.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax

from neuraxis import data, descent, fit
from neuraxis.app.lab import Dots, Heat, Images, Line, Mission, Plot, handwriting, handwritten, slider, switch
from neuraxis.app.lab.training import with_hyperparameters
from neuraxis.experiment import Claim
from neuraxis.generative import VAE, Binarised, NegativeELBO, binarise, dense_vae, divergence
from neuraxis.generative.vae import draw_latent

EXPERIMENT = "vae"

EQUATIONS = (
    r"q(z|x) = \mathcal{N}(\mu(x), \sigma^2(x))",
    r"z = (z_1, z_2) = \mu + \epsilon \odot \sigma",
    r"L = -\langle \ln p(x|z) \rangle_q + \beta \, \mathrm{KL}(q(z|x) \| \mathcal{N}(0, I))",
)

STEPS = 0.5
BATCHES = 10  # per step of the page
SHOWN = 300  # points of the curves
DRAWS = 4  # sampled codes of your digit
DIGITS = data.load("digits").scaled().flat()
TEST = np.asarray(binarise(jax.random.key(0), DIGITS.test_x))
WIDE, HIGH, CELL = 4.5, 2.5, 0.5  # half-width and half-height of the map, and the side of an image on it
GRID = np.stack(
    np.meshgrid(np.arange(-WIDE + CELL / 2, WIDE, CELL), np.arange(-HIGH + CELL / 2, HIGH, CELL)), axis=-1
).astype(np.float32)
ANGLE = np.linspace(0, 2 * np.pi, 100)
CIRCLE = np.sqrt(-2 * np.log(0.05)) * np.stack([np.cos(ANGLE), np.sin(ANGLE)])  # holds 95 % of N(0, I)


@dataclass(frozen=True)
class Controls:
    """Controls of the page."""

    z_1: float = slider(-1.0, -4.5, 4.5, symbol="z_1")
    """Your point, horizontal."""
    z_2: float = slider(0.5, -2.5, 2.5, symbol="z_2")
    """Your point, vertical."""
    beta: float = slider(1.0, 0.01, 10.0, symbol="β", logarithmic=True)
    """Weight of the KL term."""
    digit: str = handwriting("019ea1000388ab000005de10000ae2000004e2000000b90000349f1000cfe900")
    """Your digit."""
    learns: bool = switch(True)
    """Keep training."""
    learning_rate: float = slider(3e-3, 1e-5, 3e-2, logarithmic=True)
    """Learning rate (Adam)."""


class State(NamedTuple):
    """The network, its optimiser, and both terms of the negative ELBO after each step."""

    network: VAE
    optimizer: Any
    key: jax.Array
    batches: int
    parts: np.ndarray  # (steps, 2) [nats]: reconstruction −⟨ln p(x|z)⟩ and KL


def rule(beta):
    """Minimise the negative ELBO with Adam, with the KL term weighted by β, on dynamically binarised pixels."""
    return descent(Binarised(NegativeELBO(jnp.asarray(beta))), optax.inject_hyperparams(optax.adam)(learning_rate=1e-3))


def start(controls, key):
    """Start with an untrained network."""
    key, ours = jax.random.split(key)
    network = dense_vae((64, 128, 64, 2), key=ours)
    return State(network, rule(controls.beta).init(network), key, 0, np.asarray(parts(network))[None])


@eqx.filter_jit
def parts(network):
    """Return −⟨ln p(x|z)⟩ and the KL on the test images [nats], with the same samples of z each time."""
    kl = jnp.mean(divergence(network, TEST))
    return jnp.stack([jnp.mean(NegativeELBO()(network, TEST, key=jax.random.key(0))) - kl, kl])


def step(state, controls):
    """Train on ten batches of 64 images."""
    if not controls.learns:
        return state
    key, now = jax.random.split(state.key)
    fitted = fit(
        state.network,
        rule(controls.beta),
        (DIGITS.train_x,),
        steps=BATCHES,
        batch_size=64,
        key=now,
        state=with_hyperparameters(state.optimizer, learning_rate=controls.learning_rate),
        progress=None,
    )
    measured = np.concatenate([state.parts, np.asarray(parts(fitted.model))[None]])[-SHOWN:]
    return State(fitted.model, fitted.state, key, state.batches + BATCHES, measured)


@eqx.filter_jit
def look(network, image, point, key):
    """Encode the test images and one image; decode the grid, a point, and the mean and samples of the image's code."""
    mean, log_var = network.encode(image)
    draws = draw_latent(key, jnp.tile(mean, (DRAWS, 1)), log_var)
    decode = lambda z: network.likelihood.mean(network.decode(z))
    codes = network.encode(DIGITS.test_x)[0]
    return codes, decode(GRID), mean, jnp.exp(0.5 * log_var), decode(jnp.stack([point, mean, *draws]))


def tiled(images):
    """Tile images (rows, columns, 64), the first row at the bottom, with a gap around each."""
    rows, columns = images.shape[:2]
    apart = np.pad(images.reshape(rows, columns, 8, 8)[:, :, ::-1], ((0, 0), (0, 0), (1, 1), (1, 1)))
    return apart.transpose(0, 2, 1, 3).reshape(10 * rows, 10 * columns)


def picture(state, controls):
    """Draw the map, the images decoded at your point and from your digit, and the losses."""
    image, point = handwritten(controls.digit).ravel(), np.array([controls.z_1, controls.z_2], np.float32)
    codes, plane, mean, deviation, decoded = map(np.asarray, look(state.network, image, point, state.key))
    batches = state.batches + BATCHES * np.arange(1 - len(state.parts), 1)
    ellipse = mean[:, None] + deviation[:, None] * CIRCLE
    wide, high = (-WIDE, WIDE), (-HIGH, HIGH)
    names = ["your point", "your digit", "mean code", *DRAWS * ["sample"]]
    return (
        Plot(
            [
                Heat(tiled(plane), wide, high, (0.0, 1.6), grey=True),
                Line(CIRCLE[0], CIRCLE[1], "prior", reference=True),
                Dots(codes[:, 0], codes[:, 1], DIGITS.test_y, size=5),
                Dots(point[:1], point[1:], label="your point", size=13),
                Line(ellipse[0], ellipse[1], "codes of your digit"),
            ],
            "z₁",
            "z₂",
            x_range=wide,
            y_range=high,
            equal=True,
            height=2.25,
        ),
        Images(
            np.concatenate([decoded[:1], image[None], decoded[1:]]).reshape(-1, 8, 8),
            names,
            title="Decoded: your point and your digit",
            range=(0.0, 1.0),
            columns=len(names),
            height=1.1,
        ),
        Plot(
            [
                Line(batches, state.parts.sum(axis=1), "−ELBO"),
                Line(batches, state.parts[:, 0], "reconstruction"),
                Line(batches, state.parts[:, 1], "KL"),
            ],
            "Training batches",
            "Loss [nats]",
            x_range=(int(batches[0]), max(int(batches[-1]), int(batches[0]) + 1000)),
            y_range=(0.0, 36.0),
            height=0.8,
        ),
    )


def numbers(state, controls):
    """Return the negative ELBO and its terms."""
    reconstruction, kl = state.parts[-1]
    return {
        "Training batches": state.batches,
        "−ELBO [nats]": reconstruction + kl,
        "Reconstruction [nats]": reconstruction,
        "KL [nats]": kl,
    }


def measures(state, controls):
    """Return the negative ELBO, the smallest KL so far, and, during the first 1000 batches, the reconstruction term."""
    early = {"reconstruction": float(state.parts[-1, 0])} if state.batches <= 1000 else {}
    later = state.batches + BATCHES * np.arange(1 - len(state.parts), 1) >= 100  # the KL is small before training, too
    smallest = state.parts[later, 1].min(initial=np.inf)
    return early | {"smallest_kl": float(smallest), "bound": float(state.parts[-1].sum())}


PRESETS = {
    "Kingma & Welling 2014: VAE (β = 1)": {},
    "Higgins et al. 2017: β-VAE (β = 2)": {"beta": 2.0},
    "Posterior collapse": {"beta": 6.0},
    "Almost a plain autoencoder (β = 0.01)": {"beta": 0.01},
}

MISSIONS = (
    Mission(
        "Reset, and within 1000 batches bring the reconstruction term below 21.3 nats while −ELBO is at most 27.5 "
        "nats.",
        (Claim("reconstruction", "<", 21.3), Claim("bound", "<=", 27.5)),
    ),
    Mission(
        "Let the posterior collapse (KL below 0.01 nats), then revive the code: bring −ELBO below 25.5 nats. At β = 1 "
        "this takes many hundreds of batches. What is faster?",
        (Claim("smallest_kl", "<", 0.01), Claim("bound", "<", 25.5)),
    ),
)
