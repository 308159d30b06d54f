"""Multilayer perceptron: hidden neurons learn features that separate the classes in the plane.

The background colour is the class predicted by the network, paler where it is less certain. Watch the decision boundary
bend around the spirals. Each of the small images shows the activation of one neuron of the last hidden layer over the
plane; the output layer only takes weighted sums of these.

Without hidden layers every decision boundary is a straight line. Add neurons one by one: how many does XOR need, how
many the circles? With noisy points and a large network the two loss curves diverge: the network memorises the training
points. Weight decay brings them together again.

Your own points can be loaded from a CSV file with the columns x, y and class (whole numbers). A third of all points is
held out for testing.
"""

from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax

from neuraxis import MLP, descent, fit
from neuraxis.app.lab import Dots, Images, Line, Mission, Plot, Regions, choice, rows, slider, table
from neuraxis.app.lab.training import remembered, with_hyperparameters
from neuraxis.errors import InputError
from neuraxis.experiment import Claim
from neuraxis.feedforward.classification import correct, loss
from neuraxis.functions.activations import identity, logistic, relu, tanh

EXPERIMENT = "mlp"

EQUATIONS = (
    r"h^0 = x, \quad h^l = \sigma(h^{l-1} W^l + b^l), \quad y = h^{L-1} W^L + b^L",
    r"E = -\ln \, \mathrm{softmax}(y)_{\mathrm{class}}",
    r"\theta \leftarrow \theta - \kappa \left( \frac{\hat m}{\sqrt{\hat v} + \epsilon} + \lambda \theta \right)",
)

STEPS = 1
POINTS = 300
ADVANCE = 10  # batches per step of the page
REACH = 1.3  # of the plane shown
SURFACE, SMALL = 72, 24  # pixels along a side, of the surface and of a neuron's picture
REMEMBERED = 600  # points of the loss curves
COLUMNS = ("x", "y", "class")


def spirals(arms, turns, random):
    """Draw points on spiral arms."""
    arm = np.arange(POINTS) % arms
    radius = 0.1 + 0.9 * np.sqrt(random.random(POINTS))
    angle = 2 * np.pi * (arm / arms + turns * radius)
    return radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1), arm


def moons(random):
    """Draw points on two interleaving half circles."""
    lower, angle = np.arange(POINTS) % 2, np.pi * random.random(POINTS)
    x, y = np.where(lower, 1 - np.cos(angle), np.cos(angle)), np.where(lower, 0.5 - np.sin(angle), np.sin(angle))
    return np.stack([x - 0.5, y - 0.25], axis=1) / 1.5, lower


def circles(random):
    """Draw points in a disc and in the ring around it."""
    outer, angle = np.arange(POINTS) % 2, 2 * np.pi * random.random(POINTS)
    radius = np.where(outer, 0.85 + 0.15 * random.random(POINTS), 0.35 * np.sqrt(random.random(POINTS)))
    return radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1), outer


def xor(random):
    """Draw points in four squares; opposite corners have the same class."""
    corner = np.arange(POINTS) % 4
    signs = np.stack([corner // 2, corner % 2], axis=1) * 2 - 1
    return signs * (0.45 + 0.55 * random.random((POINTS, 2))), (corner // 2) ^ (corner % 2)


SHAPES = {
    "two spirals": partial(spirals, 2, 1.2),
    "three spirals": partial(spirals, 3, 0.7),
    "moons": moons,
    "circles": circles,
    "XOR": xor,
}
ACTIVATIONS = {"tanh": tanh, "relu": relu, "logistic": logistic, "identity": identity}


@dataclass(frozen=True)
class Controls:
    """Controls of the page."""

    shape: str = choice("two spirals", tuple(SHAPES), restarts=True)
    """Data set."""
    points: str = table(COLUMNS)
    """Your own points."""
    layers: int = slider(2, 0, 4, restarts=True)
    """Hidden layers."""
    width: int = slider(16, 1, 32, restarts=True)
    """Neurons per hidden layer."""
    activation: str = choice("tanh", tuple(ACTIVATIONS), restarts=True)
    """Activation function σ."""
    learning_rate: float = slider(0.01, 1e-4, 1.0, symbol="κ", logarithmic=True)
    """Learning rate (AdamW)."""
    batch: str = choice("32", ("1", "8", "32", "200"))
    """Batch size."""
    decay: float = slider(0.0, 0.0, 1.0, symbol="λ")
    """Weight decay."""
    noise: float = slider(0.03, 0.0, 0.5)
    """Noise of the points (SD)."""


class State(NamedTuple):
    """The network, its optimiser, the points without noise, their noise, and the learning curves."""

    model: MLP
    optimizer: Any
    key: jax.Array
    clean: np.ndarray  # (points, 2)
    shifts: np.ndarray  # (points, 2), of standard deviation 1
    labels: np.ndarray  # (points,)
    history: np.ndarray  # (points, 5): number of batches, training loss and accuracy, test loss and accuracy


def own_points(written):
    """Read points, scale them to the plane shown, and number their classes."""
    found = rows(written, COLUMNS)
    names, labels = np.unique(found[:, 2], return_inverse=True)
    if len(names) > 10:
        raise InputError(f"the points must have at most 10 classes, but have {len(names)}")
    if len(found) < 3:
        raise InputError(f"there must be 3 points or more, one of them for testing, but there are {len(found)}")
    low, high = found[:, :2].min(axis=0), found[:, :2].max(axis=0)
    return (found[:, :2] - (low + high) / 2) / np.maximum((high - low) / 2, 1e-6), labels


def rule():
    """Minimise the cross-entropy with AdamW, with rates that can be set in its state."""
    return descent(loss, optax.inject_hyperparams(optax.adamw)(learning_rate=0.01, weight_decay=0.0))


def examples(state, controls):
    """Return the noisy points, their classes, and which of them are for testing."""
    noise = 0.0 if controls.points else controls.noise
    x = (state.clean + noise * state.shifts).astype(np.float32)
    return x, state.labels, np.arange(len(x)) % 3 == 2


@eqx.filter_jit
def learnt(model, x, labels, is_test):
    """Return loss and accuracy on the training points and on the test points."""
    found = jnp.stack([loss(model, x, labels), correct(model, x, labels)])
    return [jnp.mean(found, axis=1, where=which) for which in (~is_test, is_test)]


def looked_at(batches, model, points):
    """Return a row of the history: number of batches, training loss and accuracy, test loss and accuracy."""
    return np.concatenate([[batches], *learnt(model, *points)])


def start(controls, key):
    """Draw the points and the initial weights."""
    random = np.random.default_rng(np.asarray(jax.random.key_data(key)))
    clean, labels = own_points(controls.points) if controls.points else SHAPES[controls.shape](random)
    order = random.permutation(len(clean))
    sizes = (2, *[controls.width] * controls.layers, int(labels.max()) + 1)
    model = MLP(sizes, key=key, activation=ACTIVATIONS[controls.activation])
    shifts = random.normal(size=clean.shape)
    state = State(model, rule().init(model), key, clean[order], shifts, labels[order].astype(np.int32), np.zeros(0))
    return state._replace(history=looked_at(0, model, examples(state, controls))[None])


def step(state, controls):
    """Train on a few batches."""
    x, labels, is_test = points = examples(state, controls)
    rates = {"learning_rate": controls.learning_rate, "weight_decay": controls.decay}
    optimizer, key = with_hyperparameters(state.optimizer, **rates), jax.random.fold_in(state.key, 1)
    training = x[~is_test], labels[~is_test]
    fitted = fit(
        state.model,
        rule(),
        training,
        steps=ADVANCE,
        batch_size=min(int(controls.batch), len(training[0])),
        key=key,
        state=optimizer,
        progress=None,
    )
    batches = state.history[-1, 0] + ADVANCE
    history = remembered(state.history, looked_at(batches, fitted.model, points), REMEMBERED)
    return state._replace(model=fitted.model, optimizer=fitted.state, key=key, history=history)


@eqx.filter_jit
def answers(model):
    """Return the class probabilities (row, column, class) and the last hidden layer (row, column, neuron)."""

    def plane(pixels):
        places = REACH * (2 * jnp.arange(pixels) + 1 - pixels) / pixels
        return jnp.stack(jnp.meshgrid(places, places), axis=-1)

    h = plane(SMALL)
    for layer in model.layers[:-1]:
        h = model.activation(layer(h))
    return jax.nn.softmax(model(plane(SURFACE))), h


def picture(state, controls):
    """Draw the predicted classes with the points, the losses, and the last hidden layer."""
    probabilities, h = (np.asarray(found) for found in answers(state.model))
    x, labels, is_test = examples(state, controls)
    shown = (-REACH, REACH)
    plane = [
        Regions(probabilities.argmax(axis=-1), shown, shown, probabilities.max(axis=-1)),
        Dots(x[~is_test, 0], x[~is_test, 1], labels[~is_test], size=9),
        Dots(x[is_test, 0], x[is_test, 1], labels[is_test], size=6),
    ]
    batches, training, _, test, _ = state.history.T
    curves = [Line(batches, training, "training"), Line(batches, test, "test")]
    neurons = np.moveaxis(h, -1, 0)[:, ::-1]
    panels = (
        Plot(
            plane,
            "x₁",
            "x₂",
            "Predicted class (large: training)",
            shown,
            shown,
            equal=True,
            height=2,
            half=True,
        ),
        Images(neurons, title="Activations of the last hidden layer", signed=True, height=2, half=True),
        Plot(curves, "Batch", "Loss [nats]", y_range=(1e-4, 3.0), y_logarithmic=True),
    )
    return panels if controls.layers else (panels[0], panels[2])


def numbers(state, controls):
    """Return the current values."""
    names = ("Training batches", "Training loss [nats]", "Training accuracy", "Test loss [nats]", "Test accuracy")
    return dict(zip(names, state.history[-1], strict=True))


def measures(state, controls):
    """Return the accuracies, and the number of hidden neurons."""
    _, _, training, _, test = state.history[-1]
    found = {"training_accuracy": training, "test_accuracy": test}
    if not controls.points:
        found[f"{controls.shape}_hidden_neurons"] = controls.layers * controls.width
    return found


PRESETS = {
    "Minsky & Papert 1969: no hidden layer": {"shape": "XOR", "layers": 0},
    "Rumelhart et al. 1986: XOR learnt": {"shape": "XOR", "layers": 1, "width": 4},
    "Lang & Witbrock 1988: two spirals": {"layers": 3, "width": 5},
    "Overfitting": {"shape": "moons", "noise": 0.4, "layers": 3, "width": 32, "batch": "200"},
    "Weight decay against overfitting": {
        "shape": "moons",
        "noise": 0.4,
        "layers": 3,
        "width": 32,
        "batch": "200",
        "decay": 1.0,
    },
    "Learning rate too high": {"learning_rate": 0.5},
}

MISSIONS = (
    Mission(
        "Solve XOR (98 % test accuracy) with at most two hidden neurons.",
        (Claim("test_accuracy", ">=", 0.98), Claim("XOR_hidden_neurons", "<=", 2.0)),
    ),
    Mission(
        "Separate the circles (98 % test accuracy) with at most three hidden neurons. Why not with two?",
        (Claim("test_accuracy", ">=", 0.98), Claim("circles_hidden_neurons", "<=", 3.0)),
    ),
    Mission(
        "Overfit: reach a training accuracy of at least 98 % with a test accuracy of at most 80 %.",
        (Claim("training_accuracy", ">=", 0.98), Claim("test_accuracy", "<=", 0.8)),
    ),
)
