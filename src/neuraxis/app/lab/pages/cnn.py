"""Convolutional network: kernels learn to find strokes, and your digit is read by what they find.

The network starts from random kernels and learns from 1442 handwritten digits while you watch. Draw a digit: each
kernel is laid over every place of it, and its map lights up where the pattern is found. Follow the answer while the
kernels take shape.

What you draw is treated as the images of the data set were: cut out, scaled to fill the height, centred, and reduced to
8×8 levels of grey (the last image beside the maps). So the size and the place of your digit do not matter. A 4
that is open at the top, as most of those in the data set are, is read best.

Stop the learning, and move the digit sideways: the maps move along with it, and the answer holds for a pixel or so.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax

from neuraxis import CNN, data, descent, fit
from neuraxis.app.lab import Bars, Images, Line, Mission, Plot, handwriting, handwritten, slider, switch
from neuraxis.experiment import Claim
from neuraxis.feedforward.classification import correct, loss
from neuraxis.functions.activations import relu, softmax

EXPERIMENT = "cnn"

EQUATIONS = (
    r"h^l = \max(0, \mathrm{pool}(h^{l-1} \star W^l) + b^l)",
    r"y = \mathrm{softmax}(\mathrm{MLP}(\mathrm{dropout}_p(h^2)))",
    r"W \leftarrow W - \kappa \, \mathrm{Adam}(\nabla_W E)",
)

STEPS = 1
BATCHES = 5  # in one step
SHOWN = 400  # steps that the curve of the accuracy holds
DIGITS = data.load("digits").scaled()
RULE = descent(loss, optax.inject_hyperparams(optax.adam)(learning_rate=1e-3))


@dataclass(frozen=True)
class Controls:
    """What can be moved."""

    digit: str = handwriting("019ea1000388ab000005de10000ae2000004e2000000b90000349f1000cfe900")
    """Your digit."""
    shift: int = slider(0, -3, 3)
    """Move the digit sideways [pixels]."""
    learns: bool = switch(True)
    """Go on learning."""
    learning_rate: float = slider(1e-3, 1e-5, 1e-1, symbol="κ", logarithmic=True)
    """Learning rate."""
    dropout: float = slider(0.25, 0.0, 0.9, symbol="p")
    """Probability that an input of the dense layers is dropped in training."""
    kernels: int = slider(8, 2, 12, restarts=True)
    """Kernels in the first layer (the second has twice as many)."""


class State(NamedTuple):
    """The network, what Adam remembers, and the accuracy on the test images after each step."""

    network: CNN
    optimizer: Any
    key: jax.Array
    batches: int
    accuracy: np.ndarray  # (steps,)


def start(controls, key):
    """Begin with random kernels."""
    kernels = controls.kernels
    network = eqx.nn.inference_mode(CNN((8, 8, 1), (kernels, 2 * kernels), (64,), 10, key=key))
    return State(network, RULE.init(network), key, 0, test_accuracy(network)[None])


@eqx.filter_jit
def accuracy_of(network, x, labels):
    """Return the share of images that are read correctly."""
    return jnp.mean(correct(network, x, labels))


def test_accuracy(network):
    """Read the 355 images that are not learnt from."""
    return np.asarray(accuracy_of(network, DIGITS.test_x[..., None], DIGITS.test_y))


def step(state, controls):
    """Learn from five batches of 64 images."""
    if not controls.learns:
        return state
    key, now = jax.random.split(state.key)
    rate = jnp.asarray(controls.learning_rate)
    fitted = fit(
        eqx.tree_at(lambda network: network.dropout.rate, state.network, controls.dropout),
        RULE,
        (DIGITS.train_x[..., None], DIGITS.train_y),
        steps=BATCHES,
        batch_size=64,
        key=now,
        state=eqx.tree_at(lambda s: s.hyperparams["learning_rate"], state.optimizer, rate),
        progress=None,
    )
    network = eqx.tree_at(lambda network: network.dropout.rate, fitted.model, 0.0)
    accuracy = np.append(state.accuracy, test_accuracy(network))[-SHOWN:]
    return State(network, fitted.state, key, state.batches + BATCHES, accuracy)


def seen(controls):
    """Return the drawn digit as the network sees it, (8, 8)."""
    image, shift = handwritten(controls.digit), controls.shift
    padded = np.pad(image, ((0, 0), (max(shift, 0), max(-shift, 0))))
    return padded[:, :8] if shift >= 0 else padded[:, -8:]


@eqx.filter_jit
def look(network, image):
    """Return what each kernel of the first layer finds at every place, and the probabilities of the digits."""
    first, x = network.convolutions[0], image[..., None]
    return relu(first.correlate(x) + first.bias), softmax(network(x))


def picture(state, controls):
    """Draw kernels, what they find in the digit, the answer, and the accuracy on other people's digits."""
    image = seen(controls)
    found, answer = look(state.network, image)
    kernels = np.moveaxis(np.asarray(state.network.convolutions[0].kernel)[:, :, 0], -1, 0)
    maps = np.moveaxis(np.asarray(found), -1, 0)
    count, batches = len(kernels), state.batches + BATCHES * np.arange(1 - len(state.accuracy), 1)
    return (
        Images(kernels, title="Kernels", range=(-1.0, 1.0), signed=True, columns=count + 1, height=0.6),
        Images(
            np.concatenate([maps / max(1.0, maps.max()), image[None]]),
            [*[""] * count, "your digit"],
            title="Where each kernel finds its pattern",
            range=(0.0, 1.0),
            columns=count + 1,
            height=0.65,
        ),
        Plot(
            [Bars(answer, DIGITS.classes, highlighted=int(np.argmax(answer)))],
            "Digit",
            "Probability",
            y_range=(0.0, 1.0),
            half=True,
        ),
        Plot(
            [Line(batches, 100 * state.accuracy, "test images read correctly")],
            "Batches learnt from",
            "Accuracy [%]",
            x_range=(int(batches[0]), max(int(batches[-1]), int(batches[0]) + 500)),
            y_range=(0.0, 100.0),
            half=True,
        ),
    )


def numbers(state, controls):
    """Return the answer, and how well the network reads."""
    answer = np.asarray(look(state.network, seen(controls))[1])
    return {
        "Batches": state.batches,
        "Test accuracy [%]": 100 * state.accuracy[-1],
        "Your digit is a": int(np.argmax(answer)),
        "Probability of that": answer.max(),
    }


def measures(state, controls):
    """Tell the accuracy on test images while few batches have been learnt from."""
    return {"test_accuracy": float(state.accuracy[-1])} if state.batches <= 300 else {}


PRESETS = {
    "LeCun 1998: shared kernels learn from pixels": {},
    "The digit moves, and its maps with it": {"shift": 1},
    "Too fast: Adam with κ = 0.05 does not settle": {"learning_rate": 0.05},
    "Two kernels": {"kernels": 2},
}

MISSIONS = (
    Mission(
        "Reset, and find a learning rate with which 97 % of the test images are read correctly within 300 batches.",
        (Claim("test_accuracy", ">=", 0.97),),
    ),
)
