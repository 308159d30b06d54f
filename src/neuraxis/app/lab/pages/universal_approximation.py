"""Universal approximation: the sum of hidden neurons approximates a function.

A network with one hidden layer can approximate any continuous function on an interval as closely as desired, given
enough neurons. Here it learns one from examples; below you see the contribution of each neuron. With few neurons,
compare the bends of the function with the bends that the network can make.

The theorem can be proved without learning, with steps and bumps: the construction takes two neurons for each bump, as
high as the function at its centre. Switch it on, and compare its error with that of the trained network.

Your own function can be loaded from a CSV file with the columns x and y.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax

from neuraxis import MLP, descent, fit
from neuraxis.app.lab import Line, Mission, Plot, choice, rows, slider, switch, table
from neuraxis.app.lab.training import remembered, with_hyperparameters
from neuraxis.errors import InputError
from neuraxis.experiment import Claim
from neuraxis.experiments.universal_approximation import wave
from neuraxis.feedforward.step_network import step_network
from neuraxis.functions.activations import logistic, relu, tanh
from neuraxis.functions.losses import squared_error

EXPERIMENT = "universal-approximation"

EQUATIONS = (
    r"G(x) = \sum_{i=1}^{N} a_i \, \sigma(w_i x + b_i) + c",
    r"E = \frac{1}{2} (G(x) - f(x))^2, \quad \text{learning rate } \kappa",
    r"P(x; b, \delta) = H(x; b) - H(x; b + \delta), \quad H(x; b) = \lim_{w \to \infty} \sigma(w (x - b))",
)

STEPS = 1
ADVANCE = 20  # batches per step of the page
GRID = np.linspace(0, 1, 256, dtype=np.float32)
REMEMBERED = 400  # points of the error curve
COLUMNS = ("x", "y")


def staircase(x):
    """0, ½ and −½ on three thirds."""
    return np.select([x[..., 0] < 1 / 3, x[..., 0] < 2 / 3], [0.0, 0.5], -0.5)


def triangle(x):
    """Rise to 1 in the middle and fall again."""
    return 1 - 2 * np.abs(x[..., 0] - 0.5)


def chirp(x):
    """Oscillate faster and faster."""
    return 0.7 * np.sin(12 * np.pi * x[..., 0] ** 2)


FUNCTIONS = {"wave": wave, "triangle": triangle, "staircase": staircase, "chirp": chirp}
ACTIVATIONS = {"tanh": tanh, "logistic": logistic, "relu": relu}


@dataclass(frozen=True)
class Controls:
    """Controls of the page."""

    function: str = choice("chirp", tuple(FUNCTIONS), restarts=True)
    """Function f."""
    own: str = table(COLUMNS)
    """Your own function."""
    neurons: int = slider(40, 1, 64, symbol="N", restarts=True)
    """Hidden neurons."""
    activation: str = choice("tanh", tuple(ACTIVATIONS), restarts=True)
    """Activation function σ."""
    learning_rate: float = slider(0.01, 1e-4, 0.3, symbol="κ", logarithmic=True)
    """Learning rate (Adam)."""
    constructed: bool = switch(False)
    """Show the construction."""


class State(NamedTuple):
    """The network, its optimiser, and the history of its error."""

    model: MLP
    optimizer: Any
    key: jax.Array
    target: np.ndarray  # (points,): f on the grid
    history: np.ndarray  # (points, 2): number of batches, maximum error


def target(controls):
    """Return f on the grid; the visitor's own function is interpolated linearly between its points, and scaled."""
    if not controls.own:
        return np.asarray(FUNCTIONS[controls.function](GRID[:, None]), np.float32)
    x, y = rows(controls.own, COLUMNS).T
    if np.ptp(x) == 0:
        raise InputError(f"the points must have more than one value of x, but all have {x[0]:g}")
    order = np.argsort(x, kind="stable")
    found = np.interp(GRID, (x[order] - x.min()) / np.ptp(x), y[order])
    return ((found - found.mean()) / max(np.abs(found - found.mean()).max(), 1e-6)).astype(np.float32)


def loss(model, x, y, *, key=None):
    """Return the squared error of each point."""
    return squared_error(model(x), y)


def rule():
    """Minimise the squared error with Adam, with a learning rate that can be set in its state."""
    return descent(loss, optax.inject_hyperparams(optax.adam)(learning_rate=0.01))


@eqx.filter_jit
def parts(model):
    """Return the network on the grid (points,), and the contribution of each neuron (neuron, points)."""
    x = jnp.asarray(GRID)[:, None]
    hidden, output = model.layers
    return model(x)[:, 0], (model.activation(hidden(x)) * output.weight[:, 0]).T


def distance(model, f):
    """Return the maximum error on the grid."""
    return float(np.abs(np.asarray(parts(model)[0]) - f).max())


def start(controls, key):
    """Draw initial weights whose bends are uniform between 0 and 1."""
    model = MLP((1, controls.neurons, 1), key=key, activation=ACTIVATIONS[controls.activation])
    random = np.random.default_rng(np.asarray(jax.random.key_data(key)))
    steepness = max(6, controls.neurons) * (0.5 + random.random(controls.neurons))
    slopes = steepness * random.choice([-1, 1], controls.neurons)
    bends = random.random(controls.neurons)
    weights = (slopes[None], -slopes * bends, random.normal(size=(controls.neurons, 1)) * 0.1)
    model = eqx.tree_at(
        lambda m: (m.layers[0].weight, m.layers[0].bias, m.layers[1].weight),
        model,
        tuple(jnp.asarray(each, jnp.float32) for each in weights),
    )
    f = target(controls)
    return State(model, rule().init(model), key, f, np.array([[0.0, distance(model, f)]]))


def step(state, controls):
    """Train on a few batches."""
    optimizer = with_hyperparameters(state.optimizer, learning_rate=controls.learning_rate)
    key = jax.random.fold_in(state.key, 1)
    fitted = fit(
        state.model,
        rule(),
        (GRID[:, None], state.target[:, None]),
        steps=ADVANCE,
        batch_size=128,
        key=key,
        state=optimizer,
        progress=None,
    )
    seen = [state.history[-1, 0] + ADVANCE, distance(fitted.model, state.target)]
    history = remembered(state.history, seen, REMEMBERED)
    return state._replace(model=fitted.model, optimizer=fitted.state, key=key, history=history)


def bumps(controls, f):
    """Return on the grid the network of the proof with as many neurons, a bump for every two."""
    middles = (np.arange(controls.neurons // 2) + 0.5) / (controls.neurons // 2)
    return np.asarray(step_network(np.interp(middles, GRID, f))(GRID[:, None]))[:, 0]


def picture(state, controls):
    """Draw function and network, the contribution of each neuron, and the error during training."""
    network, added = (np.asarray(each) for each in parts(state.model))
    marks = [Line(GRID, state.target, "f", reference=True), Line(GRID, network, "network", symbol="G")]
    if controls.constructed and controls.neurons > 1:
        marks.append(Line(GRID, bumps(controls, state.target), "construction"))
    neurons = [Line(GRID, each) for each in added - added.mean(axis=1, keepdims=True)]
    batches, distances = state.history.T
    return (
        Plot(marks, "x", "f(x), G(x)", "", (0, 1), (-1.2, 1.2), height=1.6),
        Plot(neurons, "x", "aᵢ σ(wᵢx + bᵢ)", "Contribution of each neuron (mean removed)", (0, 1), (-1.5, 1.5)),
        Plot([Line(batches, distances, "network")], "Batch", "Maximum error", y_range=(1e-3, 2), y_logarithmic=True),
    )


def numbers(state, controls):
    """Return the current values."""
    found = {"Training batches": state.history[-1, 0], "Maximum error of the network": state.history[-1, 1]}
    if controls.constructed and controls.neurons > 1:
        found["Maximum error of the construction"] = np.abs(bumps(controls, state.target) - state.target).max()
    return found


def measures(state, controls):
    """Return the maximum error, and the number of neurons."""
    if controls.own:
        return {}
    return {f"sup_error_{controls.function}": state.history[-1, 1].item(), "neurons": float(controls.neurons)}


PRESETS = {
    "Cybenko 1989: logistic neurons": {"function": "wave", "activation": "logistic", "neurons": 12},
    "Constructive proof: sum of bumps": {"function": "wave", "constructed": True, "neurons": 40},
    "A triangle from three ReLU neurons": {"function": "triangle", "activation": "relu", "neurons": 3},
    "Too few neurons": {"neurons": 4},
    "Discontinuous function: error at the jumps": {"function": "staircase", "neurons": 24},
}

MISSIONS = (
    Mission(
        "Approximate the wave to within 0.03 with at most 4 hidden neurons.",
        (Claim("sup_error_wave", "<=", 0.03), Claim("neurons", "<=", 4.0)),
    ),
    Mission(
        "Approximate the chirp to within 0.1.",
        (Claim("sup_error_chirp", "<=", 0.1),),
    ),
)
