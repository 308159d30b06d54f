"""Activation functions: what a neuron makes of its input, and what ten layers of it make of a signal.

The dot moves along σ, and the dashed line is its tangent. Where σ is flat, a change of the input changes nothing: look
at the slope below, and then at the lowest picture, in which the slopes of ten layers are multiplied. The logistic
function is nowhere steeper than ¼, so with w = 1 at most a millionth of a gradient is left.

Each line in the middle is one input on its way through ten neurons in a row. Does the neuron still tell them apart at
the end? Raise w until it does, and beyond.
"""

from dataclasses import dataclass
from typing import NamedTuple

import equinox as eqx
import jax.numpy as jnp
import numpy as np

from neuraxis.app.lab import Line, Mission, Plot, choice, slider
from neuraxis.experiment import Claim
from neuraxis.functions import activations

EXPERIMENT = "activations"

EQUATIONS = (
    r"h^0 = z, \quad h^l = \sigma(w h^{l-1} + b)",
    r"\frac{\partial h^l}{\partial z} = \prod_{i=1}^{l} w \, \sigma'(w h^{i-1} + b)",
)

STEPS = 1
PERIOD = 240  # steps in which the input goes back and forth
LAYERS = 10
GRID = np.linspace(-6, 6, 481, dtype=np.float32)
INPUTS = np.linspace(-4, 4, 17, dtype=np.float32)
TOUCH = 1.5  # length of the tangent to either side

FUNCTIONS = {
    each.name: each
    for each in (
        activations.logistic,
        activations.tanh,
        activations.arctan,
        activations.relu,
        activations.leaky_relu,
        activations.softplus,
        activations.elu,
        activations.silu,
        activations.gelu,
        activations.threshold,
        activations.identity,
    )
}


@dataclass(frozen=True)
class Controls:
    """What can be moved."""

    function: str = choice("logistic", tuple(FUNCTIONS))
    """Activation function σ."""
    w: float = slider(1.0, -8.0, 8.0, symbol="w")
    """Weight between two layers."""
    b: float = slider(0.0, -6.0, 6.0, symbol="b")
    """Bias of every layer."""
    swing: float = slider(4.0, 0.1, 6.0, symbol="z")
    """How far the input goes to either side."""


class State(NamedTuple):
    """The phase of the input that goes back and forth."""

    phase: float


@eqx.filter_jit
def passed(z, w, b, sigma):
    """Send inputs (n,) through all layers: outputs h (layer + 1, n), and the gradients of each by z."""
    h, slope = [z], [jnp.ones_like(z)]
    for _ in range(LAYERS):
        inside = w * h[-1] + b
        slope.append(slope[-1] * w * sigma.derivative(inside))
        h.append(sigma(inside))
    return jnp.stack(h), jnp.stack(slope)


@eqx.filter_jit
def curve(z, sigma):
    """Return σ(z) and σ′(z)."""
    return sigma(z), sigma.derivative(z)


def start(controls, key):
    """Begin in the middle."""
    return State(0.0)


def step(state, controls):
    """Move the input on."""
    return State((state.phase + 2 * np.pi / PERIOD) % (2 * np.pi))


def present(state, controls):
    """Return the input z, what the layers make of it, and the gradient by z after each layer."""
    z = float(controls.swing * np.sin(state.phase))
    every = np.append(INPUTS, np.float32(z))
    h, slope = passed(every, jnp.asarray(controls.w), jnp.asarray(controls.b), FUNCTIONS[controls.function])
    return z, np.clip(np.asarray(h), -1e6, 1e6), np.clip(np.asarray(slope)[:, -1], -1e9, 1e9)


def picture(state, controls):
    """Draw σ with its slope at the present input, the way through the layers, and the gradient."""
    z, h, slope = present(state, controls)
    sigma = FUNCTIONS[controls.function]
    value, derivative = (np.asarray(each) for each in curve(np.append(GRID, np.float32(z)), sigma))
    near, upto = z + np.array([-TOUCH, TOUCH]), z >= GRID
    functions = [Line(near, value[-1] + derivative[-1] * (near - z), dashed=True, reference=True)]
    for name, each in (("σ(z)", value), ("σ′(z)", derivative)):
        functions += [Line(GRID, each[:-1], reference=True)]
        functions += [Line(np.append(GRID[upto], z), np.append(each[:-1][upto], each[-1]), name, head=True)]
    layers = np.arange(LAYERS + 1)
    ways = [Line(layers, h[:, k], reference=True) for k in range(len(INPUTS))]
    size = np.maximum(np.abs(slope), 1e-12)
    return (
        Plot(functions, "z", "σ, σ′", "", (-6, 6), (-1.6, 3.0), height=1.4),
        Plot([*ways, Line(layers, h[:, -1], "present input")], "Layer", "h", "", (0, LAYERS), (-4.2, 4.2), half=True),
        Plot(
            [Line(layers, size, "|∂h/∂z|"), Line((0, LAYERS), (1, 1), reference=True)],
            "Layer",
            "|∂h/∂z|",
            "",
            (0, LAYERS),
            (1e-9, 1e6),
            y_logarithmic=True,
            half=True,
        ),
    )


def numbers(state, controls):
    """Return the present values."""
    z, h, slope = present(state, controls)
    value, derivative = curve(jnp.full(len(GRID) + 1, z, jnp.float32), FUNCTIONS[controls.function])
    return {
        "z": z,
        "σ(z)": value[0],
        "σ′(z)": derivative[0],
        "h after ten layers": h[-1, -1],
        "∂h/∂z after ten layers": slope[-1],
    }


def measures(state, controls):
    """Measure the gradient that is left after ten layers, and how far apart the inputs still are."""
    _, h, slope = present(state, controls)
    return {
        f"{controls.function}_gradient_through_ten_layers": abs(float(slope[-1])),
        f"{controls.function}_spread_after_ten_layers": float(np.ptp(h[-1, :-1])),
    }


PRESETS = {
    "Hochreiter 1991: ten logistic layers, no gradient": {"w": 1.0, "b": 0.0},
    "LeCun et al. 1998: tanh, centred on 0": {"function": "tanh", "w": 1.0},
    "Glorot, Bordes & Bengio 2011: rectifiers keep the slope": {"function": "relu", "w": 1.0},
    "A dead ReLU": {"function": "relu", "w": -1.0, "b": -1.0},
    "Exploding: a weight of 2 without saturation": {"function": "leaky_relu", "w": 2.0},
    "A memory of one bit: large weights": {"function": "tanh", "w": 3.0},
}

MISSIONS = (
    Mission(
        "Let a gradient pass ten logistic layers at least at half its size. The slope is ¼ at most: which w and b?",
        (
            Claim("logistic_gradient_through_ten_layers", ">=", 0.5),
            Claim("logistic_gradient_through_ten_layers", "<=", 2.0),
        ),
    ),
)
