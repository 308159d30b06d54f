"""Recurrent network: the gradient vanishes or explodes on its way back through time.

The network reads a noisy input; each line in the middle plot is one of its neurons. How much does its last state depend
on earlier ones? On the way back, the gradient is multiplied at every step by the slopes of the neurons and by the same
weights, so it shrinks or grows by about the same factor each time: a straight line on the logarithmic scale. The dashed
line is the effect of the spectral radius ρ alone, ρᵏ after k steps.

Move the spectral radius across 1. Then make the input strong: saturated neurons have almost no slope, and the gradient
vanishes although the weights are large. With a weak input and a large radius the network is chaotic, and the gradient
explodes although every neuron stays between −1 and 1.
"""

from dataclasses import dataclass
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from neuraxis import RNN
from neuraxis.app.lab import Dots, Line, Mission, Plot, choice, slider, switch
from neuraxis.experiment import Claim
from neuraxis.functions.activations import identity, logistic, relu, tanh

EXPERIMENT = "rnn"

EQUATIONS = (
    r"h_i = \sigma(s x_i U + h_{i-1} W), \qquad \rho = \max_k |\mathrm{eig}_k(W)|",
    r"\lambda_{i-1} = (\lambda_i \odot \sigma'_i) W^T, \qquad \lambda_i = \frac{\partial E}{\partial h_i}",
)

STEPS = 1
TIME = 50  # length of the sequence [steps]
DRIFT = 0.05  # of the input per step of the page, as a rotation [rad]
INPUTS = 8
SHOWN = 6  # neurons
ACTIVATIONS = {"tanh": tanh, "logistic": logistic, "relu": relu, "identity": identity}


@dataclass(frozen=True)
class Controls:
    """Controls of the page."""

    radius: float = slider(0.9, 0.0, 2.0, symbol="ρ")
    """Spectral radius of W."""
    activation: str = choice("tanh", tuple(ACTIVATIONS))
    """Activation function σ."""
    strength: float = slider(0.3, 0.01, 10.0, symbol="s", logarithmic=True)
    """Input strength."""
    orthogonal: bool = switch(False)
    """Orthogonal W."""
    hidden_size: int = slider(64, 8, 128, restarts=True)
    """Hidden neurons."""


class State(NamedTuple):
    """The networks, recurrent weights with spectral radius 1, and the input sequence."""

    networks: dict[str, RNN]  # by activation function
    gaussian: np.ndarray  # (N, N)
    orthogonal: np.ndarray  # (N, N)
    x: np.ndarray  # (TIME, INPUTS)
    key: jax.Array


def start(controls, key):
    """Draw the weights and an input sequence."""
    for_weights, for_x, key = jax.random.split(key, 3)
    size = controls.hidden_size
    networks = {name: RNN(INPUTS, size, key=for_weights, activation=f) for name, f in ACTIVATIONS.items()}
    weights = np.asarray(networks["tanh"].recurrent.weight)
    gaussian = weights / np.abs(np.linalg.eigvals(weights)).max()
    x = np.asarray(jax.random.normal(for_x, (TIME, INPUTS)))
    return State(networks, gaussian, np.linalg.qr(weights)[0], x, key)


def step(state, controls):
    """Let the input drift, with its distribution unchanged."""
    key, now = jax.random.split(state.key)
    noise = np.asarray(jax.random.normal(now, state.x.shape))
    return state._replace(x=np.cos(DRIFT) * state.x + np.sin(DRIFT) * noise, key=key)


@eqx.filter_jit
def there_and_back(network, x):
    """Return the states (time, N), and ‖∂h_T/∂h_(T−k)‖ / ‖∂h_T/∂h_T‖ (Frobenius norms) for k = 0, 1, … steps back."""
    h = network(x)
    before = jnp.concatenate([jnp.zeros_like(h[:1]), h[:-1]])

    def back(gradients, at):
        h, projected = at
        _, pull = jax.vjp(lambda h: network.step(h, projected)[0], h)
        [gradients] = jax.vmap(pull)(gradients)
        return gradients, jnp.sqrt(jnp.mean(jnp.sum(gradients**2, axis=-1)))

    _, norms = jax.lax.scan(back, jnp.eye(network.hidden_size), (before, network.project(x)), reverse=True)
    return h, jnp.append(norms, 1.0)[::-1]


def weights(state, controls):
    """Return the recurrent weights W."""
    return np.float32(controls.radius) * (state.orthogonal if controls.orthogonal else state.gaussian)


def read(state, controls):
    """Let the network read the sequence; return its states, and the norms of the gradient on the way back."""
    network, W = state.networks[controls.activation], jnp.asarray(weights(state, controls))
    network = eqx.tree_at(lambda each: each.recurrent.weight, network, W)
    h, norms = there_and_back(network, jnp.asarray(controls.strength * state.x, jnp.float32))
    return np.asarray(h), np.asarray(norms)


def picture(state, controls):
    """Draw the gradient, the states of some neurons, and the eigenvalues of W."""
    h, norms = read(state, controls)
    steps, times = np.arange(TIME + 1), np.arange(1, TIME + 1)
    found = np.linalg.eigvals(weights(state, controls))
    angle = np.linspace(0, 2 * np.pi, 200)
    bounded = {"tanh": (-1.1, 1.1), "logistic": (0.0, 1.1)}
    largest = max(1.0, 1.1 * float(np.abs(h[:, :SHOWN]).max()))
    return (
        Plot(
            [
                Line(steps, norms, "gradient", symbol="λ"),
                Line(steps, controls.radius ** steps.astype(float), "ρᵏ", symbol="ρ", reference=True, dashed=True),
            ],
            "Steps back k",
            "Relative norm",
            "Gradient of the last state with respect to earlier ones",
            (0, TIME),
            (1e-6, 1e6),
            y_logarithmic=True,
            height=1.8,
        ),
        Plot(
            [Line(times, neuron) for neuron in h[:, :SHOWN].T],
            "Time [steps]",
            "h",
            "States of six neurons",
            (1, TIME),
            bounded.get(controls.activation, (-largest, largest)),
        ),
        Plot(
            [
                Line(np.cos(angle), np.sin(angle), "unit circle", reference=True, dashed=True),
                Dots(found.real, found.imag),
            ],
            "Real part",
            "Imaginary part",
            "Eigenvalues of W",
            (-2.1, 2.1),
            (-2.1, 2.1),
            equal=True,
            height=1.6,
        ),
    )


def numbers(state, controls):
    """Return the norms of the gradient, and the size of the states and weights."""
    h, norms = read(state, controls)
    return {
        "Gradient 10 steps back": norms[10],
        f"Gradient {TIME} steps back": norms[TIME],
        "Factor per step": factor(norms),
        "Maximum |h|": np.abs(h).max(),
        "Largest singular value of W": np.linalg.norm(weights(state, controls), 2),
    }


def factor(norms):
    """Return the factor by which the gradient changes per step back (geometric mean)."""
    return float(norms[TIME]) ** (1 / TIME)


def measures(state, controls):
    """Return the factor per step of this activation function, and the input strength."""
    _, norms = read(state, controls)
    return {f"{controls.activation}_factor_per_step": factor(norms), "strength": controls.strength}


PRESETS = {
    "Bengio et al. 1994: vanishing gradient": {"radius": 0.7},
    "Pascanu et al. 2013: exploding gradient": {"radius": 1.4, "activation": "identity"},
    "Sompolinsky et al. 1988: chaos": {"radius": 1.9, "strength": 0.05},
    "Saturation: large weights, no gradient": {"radius": 1.5, "strength": 6.0},
    "Saxe et al. 2014: linear and orthogonal": {"radius": 1.0, "activation": "identity", "orthogonal": True},
    "Logistic function: slope of at most ¼": {"radius": 1.5, "activation": "logistic"},
}

MISSIONS = (
    Mission(
        "tanh: with an input strength of at least 0.5, find weights for which the gradient changes by at most 1 % per "
        "step.",
        (
            Claim("strength", ">=", 0.5),
            Claim("tanh_factor_per_step", ">=", 0.99),
            Claim("tanh_factor_per_step", "<=", 1.01),
        ),
    ),
    Mission(
        "ReLU: the slope is 1 for about half of the neurons and 0 for the others. Find the spectral radius at which "
        "the gradient changes by at most 1 % per step.",
        (Claim("relu_factor_per_step", ">=", 0.99), Claim("relu_factor_per_step", "<=", 1.01)),
    ),
)
