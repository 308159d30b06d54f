"""Vanishing and exploding gradients: what is left of a gradient on its way back through many layers.

The gradient travels from the right to the left: through each layer it is multiplied by the weights and by σ′. Look at
the first layer. Move the gain of the weights, and find where the gradient neither vanishes nor explodes; then watch
below whether the network learns. Both pictures of the layers are drawn at the start of learning, each time over other
images.

The theory of wide layers says by how much the gradient changes in each. For ReLU the gain that keeps it is √2: He
initialisation. For the logistic function no moderate gain will do.
"""

from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax

from neuraxis import Linear, Sequential, data, descent, fit, gradient_flow
from neuraxis.app.lab import Line, Mission, Plot, choice, slider
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
ADVANCE = 5  # batches in one step of the page
REMEMBERED = 400  # points of the learning curves
ACTIVATIONS = {"logistic": logistic, "tanh": tanh, "relu": relu}


@dataclass(frozen=True)
class Controls:
    """What can be moved."""

    activation: str = choice("tanh", tuple(ACTIVATIONS), restarts=True)
    """Activation function σ."""
    depth: int = slider(12, 4, 24, restarts=True)
    """Layers of equal width."""
    gain: float = slider(0.6, 0.1, 8.0, symbol="s", logarithmic=True)
    """Gain of the weights."""
    learning_rate: float = slider(0.01, 1e-4, 1.0, symbol="κ", logarithmic=True)
    """Learning rate."""


class State(NamedTuple):
    """The first weights with a gain of 1, the network that learns from them, and what was measured."""

    drawn: Sequential
    model: Sequential
    optimizer: Any
    gain: float  # with which the learning began
    key: jax.Array
    activations: np.ndarray  # (block,): root mean square of the outputs at the start
    gradients: np.ndarray  # (block,): norm of ∂E/∂h at the start
    history: np.ndarray  # (seen, 2): batches so far, and loss of the last ones
    diverged: bool  # so that it cannot go on learning


def digits():
    """Return the images of handwritten digits, (1797, 64), and what they show."""
    images = data.load("digits").scaled().flat()
    return images.train_x, images.train_y


def rule():
    """Gradient descent with momentum, with a rate that can be set in its state."""
    return descent(loss, optax.inject_hyperparams(optax.sgd)(learning_rate=0.01, momentum=0.9))


def scaled(model, gain):
    """Multiply all weights by the gain."""
    return jax.tree.map(lambda each: gain * each if eqx.is_array(each) else each, model)


def begun(drawn, controls, key):
    """Start to learn from the weights with the present gain."""
    model = scaled(drawn, controls.gain)
    return State(
        drawn, model, rule().init(model), controls.gain, key, np.zeros(0), np.zeros(0), np.zeros((0, 2)), False
    )


def measured(state, controls):
    """Measure the flow at the start of learning, over images of this step."""
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
    """Draw the weights, and measure."""
    sigma = ACTIVATIONS[controls.activation]
    sizes = [64, *[WIDTH] * (controls.depth + 1)]
    keys = jax.random.split(key, len(sizes))
    layer = partial(Linear, initializer=scaled_normal(1.0))
    blocks = [Sequential([layer(i, o, key=k), sigma]) for i, o, k in zip(sizes[:-1], sizes[1:], keys[:-1], strict=True)]
    drawn = Sequential([*blocks, layer(WIDTH, 10, key=keys[-1])])
    return measured(begun(drawn, controls, key), controls)


def step(state, controls):
    """Learn from a few batches, anew where the gain has moved, and measure the start over other images."""
    if controls.gain != state.gain:
        state = begun(state.drawn, controls, state.key)
    rate = {"learning_rate": jnp.asarray(controls.learning_rate)}
    optimizer = state.optimizer._replace(hyperparams=state.optimizer.hyperparams | rate)
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
    """Draw gradient and activation of each layer at the start, and the loss since then."""
    layers = np.arange(controls.depth + 1)
    shown = (0, controls.depth)
    relative = np.maximum(state.gradients / max(state.gradients[-1], 1e-30), 1e-30)
    same = Line(shown, (1, 1), reference=True, dashed=True)
    batches, losses = state.history.T
    chance = Line((0, max(100, *batches, 100)), (np.log(10),) * 2, "guessing", reference=True, dashed=True)
    title = "Learning: diverged" if state.diverged else "Learning"
    return (
        Plot(
            [Line(layers, relative, "gradient"), same],
            "Layer",
            "‖∂E/∂h‖, last layer = 1",
            "Gradient, on its way from the right to the left",
            shown,
            (1e-8, 1e6),
            y_logarithmic=True,
            height=1.3,
        ),
        Plot(
            [Line(layers, np.maximum(state.activations, 1e-30), "activation"), same],
            "Layer",
            "Root mean square of h",
            "Activation, on its way from the left to the right",
            shown,
            (1e-5, 1e5),
            y_logarithmic=True,
        ),
        Plot([Line(batches, losses, "training"), chance], "Batch", "Loss [nats]", title, None, (0.0, 4.0)),
    )


def factors(state):
    """Return by what the gradient changes in each layer on its way back."""
    return state.gradients[:-1] / np.maximum(state.gradients[1:], 1e-30)


def numbers(state, controls):
    """Return the present values."""
    found = factors(state)
    return {
        "Gradient, first layer over last": state.gradients[0] / max(state.gradients[-1], 1e-30),
        "Least factor in a layer": found.min(),
        "Largest factor in a layer": found.max(),
        "Batches": state.history[-1, 0] if len(state.history) else 0,
        "Loss [nats]": state.history[-1, 1] if len(state.history) else np.nan,
    }


def measures(state, controls):
    """Measure the factors of the gradient as the experiment does."""
    found = np.maximum(factors(state), 1e-30)
    settled = found[len(found) // 2 :]  # where the activations have come to their size
    if controls.activation == "tanh":
        return {"large_weights_least_growth_per_layer": float(found.min())}
    if controls.activation == "relu":
        return {"relu_he_factor_per_layer": float(np.exp(np.mean(np.log(settled))))}
    return {}


PRESETS = {
    "Hochreiter 1991: vanishing gradient": {"activation": "logistic", "gain": 1.0},
    "Exploding gradient": {"activation": "tanh", "gain": 5.0},
    "Glorot & Bengio 2010: tanh with a gain of 1": {"activation": "tanh", "gain": 1.0},
    "He et al. 2015: ReLU with a gain of √2": {"activation": "relu", "gain": 1.414},
    "He et al. 2015, and 24 layers": {"activation": "relu", "gain": 1.414, "depth": 24},
}

MISSIONS = (
    Mission(
        "Take ReLU and find a gain at which the gradient keeps its size: a factor from 0.9 to 1.1 per layer.", KEPT
    ),
    Mission("Let a tanh network's gradient explode: by 1.4 or more in every single layer.", EXPLODING),
)
