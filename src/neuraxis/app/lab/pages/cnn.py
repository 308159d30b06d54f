"""Convolutional neural network: kernels become stroke detectors, and your digit is classified from their feature maps.

The network starts from random kernels and is trained on 1442 handwritten digits while you watch. Draw a digit: each
kernel is applied at every position, and its feature map lights up where the pattern is found. Follow the predicted
probabilities while the kernels take shape.

Your drawing is preprocessed like the images of the data set: cropped, scaled to full height, centred, and reduced to
8×8 grey levels (the last image beside the maps). So the size and position of your digit do not matter. A 4 is
recognised best with an open top, as in most images of the data set.

Stop the training and shift the digit: the feature maps shift along with it, and the classification tolerates a pixel or
so.
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
from neuraxis.app.lab.training import with_hyperparameters
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
BATCHES = 5  # per step of the page
SHOWN = 400  # points of the accuracy curve
DIGITS = data.load("digits").scaled()
RULE = descent(loss, optax.inject_hyperparams(optax.adam)(learning_rate=1e-3))


@dataclass(frozen=True)
class Controls:
    """Controls of the page."""

    digit: str = handwriting("019ea1000388ab000005de10000ae2000004e2000000b90000349f1000cfe900")
    """Your digit."""
    shift: int = slider(0, -3, 3)
    """Horizontal shift [pixels]."""
    learns: bool = switch(True)
    """Keep training."""
    learning_rate: float = slider(1e-3, 1e-5, 1e-1, symbol="κ", logarithmic=True)
    """Learning rate."""
    dropout: float = slider(0.25, 0.0, 0.9, symbol="p")
    """Dropout probability."""
    kernels: int = slider(8, 2, 12, restarts=True)
    """Kernels in the first layer."""


class State(NamedTuple):
    """The network, the state of Adam, and the test accuracy after each step."""

    network: CNN
    optimizer: Any
    key: jax.Array
    batches: int
    accuracy: np.ndarray  # (steps,)


def start(controls, key):
    """Start from random kernels."""
    kernels = controls.kernels
    network = eqx.nn.inference_mode(CNN((8, 8, 1), (kernels, 2 * kernels), (64,), 10, key=key))
    return State(network, RULE.init(network), key, 0, test_accuracy(network)[None])


@eqx.filter_jit
def accuracy_of(network, x, labels):
    """Return the fraction of images classified correctly."""
    return jnp.mean(correct(network, x, labels))


def test_accuracy(network):
    """Classify the 355 test images."""
    return np.asarray(accuracy_of(network, DIGITS.test_x[..., None], DIGITS.test_y))


def step(state, controls):
    """Train on five batches of 64 images."""
    if not controls.learns:
        return state
    key, now = jax.random.split(state.key)
    fitted = fit(
        eqx.tree_at(lambda network: network.dropout.rate, state.network, controls.dropout),
        RULE,
        (DIGITS.train_x[..., None], DIGITS.train_y),
        steps=BATCHES,
        batch_size=64,
        key=now,
        state=with_hyperparameters(state.optimizer, learning_rate=controls.learning_rate),
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
    """Return the feature maps of the first layer, and the class probabilities."""
    first, x = network.convolutions[0], image[..., None]
    return relu(first.correlate(x) + first.bias), softmax(network(x))


def picture(state, controls):
    """Draw the kernels, their feature maps, the class probabilities, and the test accuracy."""
    image = seen(controls)
    found, answer = look(state.network, image)
    kernels = np.moveaxis(np.asarray(state.network.convolutions[0].kernel)[:, :, 0], -1, 0)
    maps = np.moveaxis(np.asarray(found), -1, 0)
    count, batches = len(kernels), state.batches + BATCHES * np.arange(1 - len(state.accuracy), 1)
    return (
        Images(
            kernels, title="Kernels of the first layer", range=(-1.0, 1.0), signed=True, columns=count + 1, height=0.6
        ),
        Images(
            np.concatenate([maps / max(1.0, maps.max()), image[None]]),
            [*[""] * count, "your digit"],
            title="Feature maps of the first layer",
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
            [Line(batches, 100 * state.accuracy, "test images")],
            "Training batches",
            "Accuracy [%]",
            x_range=(int(batches[0]), max(int(batches[-1]), int(batches[0]) + 500)),
            y_range=(0.0, 100.0),
            half=True,
        ),
    )


def numbers(state, controls):
    """Return the prediction and the test accuracy."""
    answer = np.asarray(look(state.network, seen(controls))[1])
    return {
        "Training batches": state.batches,
        "Test accuracy [%]": 100 * state.accuracy[-1],
        "Predicted digit": int(np.argmax(answer)),
        "Probability of this digit": answer.max(),
    }


def measures(state, controls):
    """Return the test accuracy during the first 300 batches."""
    return {"test_accuracy": float(state.accuracy[-1])} if state.batches <= 300 else {}


PRESETS = {
    "LeCun et al. 1998: learnt kernels": {},
    "Translation equivariance": {"shift": 1},
    "Learning rate too high (κ = 0.05)": {"learning_rate": 0.05},
    "Only two kernels": {"kernels": 2},
}

MISSIONS = (
    Mission(
        "Reset, and find a learning rate that reaches a test accuracy of 97 % within 300 batches.",
        (Claim("test_accuracy", ">=", 0.97),),
    ),
)
