"""Vanishing and exploding gradients: the size of the gradient as it flows back through many layers.

The gradient flows from right to left: each layer multiplies it by its weights and by σ′. Look at the first layer.
Adjust the gain of the weights until the gradient neither vanishes nor explodes; then see in the bottom plot whether the
network learns. The two upper plots show the network at initialisation, each time for a new batch of images.

The theory of wide networks predicts the factor by which the gradient changes in each layer. For ReLU the gain that
preserves it is √2: He initialisation. For the logistic function no moderate gain works.
"""

from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import equinox as eqx
import jax
import numpy as np
import optax

from neuraxis import Linear, Sequential, data, descent, fit, gradient_flow
from neuraxis.app.lab import Line, Mission, Plot, choice, slider
from neuraxis.app.lab.training import with_hyperparameters
from neuraxis.errors import DivergedError
from neuraxis.experiments.gradient_flow import EXPLODING, KEPT
from neuraxis.feedforward.classification import loss
from neuraxis.functions.activations import logistic, relu, tanh
from neuraxis.functions.initializers import scaled_normal

EXPERIMENT = "gradient-flow"

EQUATIONS = (
    r"h^l = \sigma(h^{l-1} W^l), \quad W^l_{ij} \sim \mathcal{N}\left(0, \frac{s^2}{n}\right)",
    r"\nabla_{h^{l-1}} E = (\nabla_{h^l} E \odot \sigma') (W^l)^T",
    r"\theta \leftarrow \theta - \kappa \, v, \quad v \leftarrow 0.9 v + \nabla E",
)

STEPS = 0.5
WIDTH = 64
MEASURED = 64  # images
ADVANCE = 5  # batches per step of the page
REMEMBERED = 400  # points of the learning curve
ACTIVATIONS = {"logistic": logistic, "tanh": tanh, "relu": relu}


@dataclass(frozen=True)
class Controls:
    """Controls of the page."""

    activation: str = choice("tanh", tuple(ACTIVATIONS), restarts=True)
    """Activation function σ."""
    depth: int = slider(12, 4, 24, restarts=True)
    """Layers of equal width."""
    gain: float = slider(0.6, 0.1, 8.0, symbol="s", logarithmic=True)
    """Gain of the weights."""
    learning_rate: float = slider(0.01, 1e-4, 1.0, symbol="κ", logarithmic=True)
    """Learning rate."""


class State(NamedTuple):
    """The initial weights with a gain of 1, the network trained from them, and the measurements."""

    drawn: Sequential
    model: Sequential
    optimizer: Any
    gain: float  # at initialisation
    key: jax.Array
    activations: np.ndarray  # (block,): root mean square of the outputs at initialisation
    gradients: np.ndarray  # (block,): norm of ∂E/∂h at initialisation
    history: np.ndarray  # (points, 2): number of batches, and training loss
    diverged: bool  # training cannot continue


def digits():
    """Return the images of handwritten digits, (1797, 64), and their labels."""
    images = data.load("digits").scaled().flat()
    return images.train_x, images.train_y


def rule():
    """Gradient descent with momentum, with a learning rate that can be set in its state."""
    return descent(loss, optax.inject_hyperparams(optax.sgd)(learning_rate=0.01, momentum=0.9))


def scaled(model, gain):
    """Multiply all weights by the gain."""
    return jax.tree.map(lambda each: gain * each if eqx.is_array(each) else each, model)


def begun(drawn, controls, key):
    """Start training from the weights with the current gain."""
    model = scaled(drawn, controls.gain)
    return State(
        drawn, model, rule().init(model), controls.gain, key, np.zeros(0), np.zeros(0), np.zeros((0, 2)), False
    )


def measured(state, controls):
    """Measure the gradient flow at initialisation, for a new batch of images."""
    x, labels = digits()
    random = np.random.default_rng(np.asarray(jax.random.key_data(state.key)))
    chosen = random.choice(len(x), MEASURED, replace=False)
    flow = gradient_flow(scaled(state.drawn, controls.gain), loss, (x[chosen], labels[chosen]))
    blocks = [flow[f"layers[{k}]"] for k in range(controls.depth + 1)]
    return state._replace(
        activations=np.array([float(block.activation_rms) for block in blocks]),
        gradients=np.array([float(block.gradient) for block in blocks]),
    )


def start(controls, key):
    """Draw the weights, and measure the gradient flow."""
    sigma = ACTIVATIONS[controls.activation]
    sizes = [64, *[WIDTH] * (controls.depth + 1)]
    keys = jax.random.split(key, len(sizes))
    layer = partial(Linear, initializer=scaled_normal(1.0))
    blocks = [Sequential([layer(i, o, key=k), sigma]) for i, o, k in zip(sizes[:-1], sizes[1:], keys[:-1], strict=True)]
    drawn = Sequential([*blocks, layer(WIDTH, 10, key=keys[-1])])
    return measured(begun(drawn, controls, key), controls)


def step(state, controls):
    """Train on a few batches, from the start if the gain has changed, and measure the flow at initialisation."""
    if controls.gain != state.gain:
        state = begun(state.drawn, controls, state.key)
    optimizer = with_hyperparameters(state.optimizer, learning_rate=controls.learning_rate)
    key = jax.random.fold_in(state.key, 1)
    try:
        fitted = fit(
            state.model, rule(), digits(), steps=ADVANCE, batch_size=64, key=key, state=optimizer, progress=None
        )
    except DivergedError:
        return measured(state._replace(key=key, diverged=True), controls)
    batches = ADVANCE + (state.history[-1, 0] if len(state.history) else 0)
    seen = np.array([[batches, fitted.history["loss"][-1]]])
    history = np.concatenate([state.history, seen])[-REMEMBERED:]
    moved = state._replace(model=fitted.model, optimizer=fitted.state, key=key, history=history)
    return measured(moved, controls)


def picture(state, controls):
    """Draw gradient and activation of each layer at initialisation, and the training loss."""
    layers = np.arange(controls.depth + 1)
    shown = (0, controls.depth)
    relative = np.maximum(state.gradients / max(state.gradients[-1], 1e-30), 1e-30)
    same = Line(shown, (1, 1), reference=True, dashed=True)
    batches, losses = state.history.T
    chance = Line((0, max(100, *batches, 100)), (np.log(10),) * 2, "chance level", reference=True, dashed=True)
    title = "Training: diverged" if state.diverged else "Training"
    return (
        Plot(
            [Line(layers, relative, "gradient"), same],
            "Layer",
            "‖∂E/∂h‖ / last layer",
            "Gradient at initialisation (right to left)",
            shown,
            (1e-8, 1e6),
            y_logarithmic=True,
            height=1.3,
        ),
        Plot(
            [Line(layers, np.maximum(state.activations, 1e-30), "activation"), same],
            "Layer",
            "RMS of h",
            "Activation at initialisation (left to right)",
            shown,
            (1e-5, 1e5),
            y_logarithmic=True,
        ),
        Plot([Line(batches, losses, "training"), chance], "Batch", "Loss [nats]", title, None, (0.0, 4.0)),
    )


def factors(state):
    """Return the factor by which the gradient changes in each layer on its way back."""
    return state.gradients[:-1] / np.maximum(state.gradients[1:], 1e-30)


def numbers(state, controls):
    """Return the current values."""
    found = factors(state)
    return {
        "Gradient, first / last layer": state.gradients[0] / max(state.gradients[-1], 1e-30),
        "Smallest factor per layer": found.min(),
        "Largest factor per layer": found.max(),
        "Training batches": state.history[-1, 0] if len(state.history) else 0,
        "Loss [nats]": state.history[-1, 1] if len(state.history) else np.nan,
    }


def measures(state, controls):
    """Measure the factors of the gradient as the experiment does."""
    found = np.maximum(factors(state), 1e-30)
    settled = found[len(found) // 2 :]  # where the activations have settled
    if controls.activation == "tanh":
        return {"large_weights_least_growth_per_layer": float(found.min())}
    if controls.activation == "relu":
        return {"relu_he_factor_per_layer": float(np.exp(np.mean(np.log(settled))))}
    return {}


PRESETS = {
    "Hochreiter 1991: vanishing gradient": {"activation": "logistic", "gain": 1.0},
    "Exploding gradient (tanh, gain 5)": {"activation": "tanh", "gain": 5.0},
    "Glorot & Bengio 2010: tanh, gain 1": {"activation": "tanh", "gain": 1.0},
    "He et al. 2015: ReLU, gain √2": {"activation": "relu", "gain": 1.414},
    "He et al. 2015: ReLU, gain √2, 24 layers": {"activation": "relu", "gain": 1.414, "depth": 24},
}

MISSIONS = (
    Mission("ReLU: find a gain that preserves the gradient, with a factor between 0.9 and 1.1 per layer.", KEPT),
    Mission("tanh: make the gradient explode, by a factor of at least 1.4 in every layer.", EXPLODING),
)
