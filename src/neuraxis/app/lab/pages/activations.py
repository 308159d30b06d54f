"""Activation functions: the response of one neuron, and what ten layers do to a signal and its gradient.

The dot moves along σ, and the dashed line is the tangent. Where σ is flat, a small change of the input changes nothing:
look at the slope, and then at the bottom plot, in which the slopes of ten layers are multiplied. The slope of the
logistic function never exceeds ¼, so with w = 1 at most a millionth of the gradient is left.

Each line in the middle plot is one input on its way through ten layers of one neuron each. Are different inputs still
distinguishable at the output? Raise w until they are, and further.
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
PERIOD = 240  # of the input [steps]
LAYERS = 10
GRID = np.linspace(-6, 6, 481, dtype=np.float32)
INPUTS = np.linspace(-4, 4, 17, dtype=np.float32)
TOUCH = 1.5  # half the length of the tangent

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
    """Controls of the page."""

    function: str = choice("logistic", tuple(FUNCTIONS))
    """Activation function σ."""
    w: float = slider(1.0, -8.0, 8.0, symbol="w")
    """Weight of every layer."""
    b: float = slider(0.0, -6.0, 6.0, symbol="b")
    """Bias of every layer."""
    swing: float = slider(4.0, 0.1, 6.0, symbol="z")
    """Amplitude of the input."""


class State(NamedTuple):
    """Phase of the oscillating input."""

    phase: float


@eqx.filter_jit
def passed(z, w, b, sigma):
    """Send inputs z (n,) through all layers; return the outputs h (layer + 1, n) and ∂h/∂z of each."""
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
    """Start at z = 0."""
    return State(0.0)


def step(state, controls):
    """Advance the phase of the input."""
    return State((state.phase + 2 * np.pi / PERIOD) % (2 * np.pi))


def present(state, controls):
    """Return the input z, and the output h and the gradient ∂h/∂z after each layer."""
    z = float(controls.swing * np.sin(state.phase))
    every = np.append(INPUTS, np.float32(z))
    h, slope = passed(every, jnp.asarray(controls.w), jnp.asarray(controls.b), FUNCTIONS[controls.function])
    return z, np.clip(np.asarray(h), -1e6, 1e6), np.clip(np.asarray(slope)[:, -1], -1e9, 1e9)


def picture(state, controls):
    """Draw σ with its tangent at the current input, the outputs of all layers, and the gradient."""
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
        Plot([*ways, Line(layers, h[:, -1], "current input")], "Layer", "h", "", (0, LAYERS), (-4.2, 4.2), half=True),
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
    """Return the current values."""
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
    """Measure the gradient after ten layers, and the spread of the outputs."""
    _, h, slope = present(state, controls)
    return {
        f"{controls.function}_gradient_through_ten_layers": abs(float(slope[-1])),
        f"{controls.function}_spread_after_ten_layers": float(np.ptp(h[-1, :-1])),
    }


PRESETS = {
    "Hochreiter 1991: vanishing gradient": {"w": 1.0, "b": 0.0},
    "LeCun et al. 1998: tanh, zero-centred": {"function": "tanh", "w": 1.0},
    "Glorot, Bordes & Bengio 2011: ReLU": {"function": "relu", "w": 1.0},
    "Dead ReLU": {"function": "relu", "w": -1.0, "b": -1.0},
    "Exploding gradient (leaky ReLU, w = 2)": {"function": "leaky_relu", "w": 2.0},
    "Bistability: one bit survives (tanh)": {"function": "tanh", "w": 3.0},
}

MISSIONS = (
    Mission(
        "Logistic function: find w and b for which |∂h/∂z| after ten layers lies between 0.5 and 2, although σ′ ≤ ¼.",
        (
            Claim("logistic_gradient_through_ten_layers", ">=", 0.5),
            Claim("logistic_gradient_through_ten_layers", "<=", 2.0),
        ),
    ),
)
