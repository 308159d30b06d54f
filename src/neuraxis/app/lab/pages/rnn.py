"""Recurrent network: what is left of the gradient on its way back through time.

The network reads a noisy input, and each line in the middle is one of its neurons. How much does its last state depend
on an earlier one? On the way back the gradient is multiplied at every step by the slopes of the neurons and by the same
weights. So it falls or grows by about the same factor each time: a straight line on the logarithmic scale. Dashed: what
the spectral radius alone would do, the k-th power of it after k steps.

Move the spectral radius across 1. Then make the input strong: saturated neurons have no slope, and the gradient
vanishes though the weights are large. With a weak input and a large radius the network is chaotic, and the gradient
explodes while every neuron stays between −1 and 1.
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
TIME = 50  # steps of the sequence
DRIFT = 0.05  # of the input from one picture to the next [rad]
INPUTS = 8
SHOWN = 6  # neurons
ACTIVATIONS = {"tanh": tanh, "logistic": logistic, "relu": relu, "identity": identity}


@dataclass(frozen=True)
class Controls:
    """What can be moved."""

    radius: float = slider(0.9, 0.0, 2.0, symbol="ρ")
    """Spectral radius of the recurrent weights W."""
    activation: str = choice("tanh", tuple(ACTIVATIONS))
    """Activation function σ."""
    strength: float = slider(0.3, 0.01, 10.0, symbol="s", logarithmic=True)
    """Strength of the input."""
    orthogonal: bool = switch(False)
    """Orthogonal W."""
    hidden_size: int = slider(64, 8, 128, restarts=True)
    """Hidden neurons."""


class State(NamedTuple):
    """Input weights, recurrent weights of spectral radius 1, and the sequence that is read."""

    networks: dict[str, RNN]  # by activation function
    gaussian: np.ndarray  # (N, N)
    orthogonal: np.ndarray  # (N, N)
    x: np.ndarray  # (TIME, INPUTS)
    key: jax.Array


def start(controls, key):
    """Draw the weights and a sequence."""
    for_weights, for_x, key = jax.random.split(key, 3)
    size = controls.hidden_size
    networks = {name: RNN(INPUTS, size, key=for_weights, activation=f) for name, f in ACTIVATIONS.items()}
    weights = np.asarray(networks["tanh"].recurrent.weight)
    gaussian = weights / np.abs(np.linalg.eigvals(weights)).max()
    x = np.asarray(jax.random.normal(for_x, (TIME, INPUTS)))
    return State(networks, gaussian, np.linalg.qr(weights)[0], x, key)


def step(state, controls):
    """Let the sequence drift to another one that is as likely."""
    key, now = jax.random.split(state.key)
    noise = np.asarray(jax.random.normal(now, state.x.shape))
    return state._replace(x=np.cos(DRIFT) * state.x + np.sin(DRIFT) * noise, key=key)


@eqx.filter_jit
def there_and_back(network, x):
    """Give the states (time, N), and for 0, 1, … steps back the norm of ∂h_T/∂h_i, relative to that of ∂h_T/∂h_T."""
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
    """Give the recurrent weights W."""
    return np.float32(controls.radius) * (state.orthogonal if controls.orthogonal else state.gaussian)


def read(state, controls):
    """Let the network read the sequence; give its states, and the norms of the gradient on the way back."""
    network, W = state.networks[controls.activation], jnp.asarray(weights(state, controls))
    network = eqx.tree_at(lambda each: each.recurrent.weight, network, W)
    h, norms = there_and_back(network, jnp.asarray(controls.strength * state.x, jnp.float32))
    return np.asarray(h), np.asarray(norms)


def picture(state, controls):
    """Draw the gradient, the states of some neurons, and the eigenvalues of the weights."""
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
            "Norm",
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
            "Some of the neurons",
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
    """Give what is left of the gradient, and how large the states are."""
    h, norms = read(state, controls)
    return {
        "Gradient 10 steps back": norms[10],
        f"Gradient {TIME} steps back": norms[TIME],
        "Factor per step": factor(norms),
        "Largest state": np.abs(h).max(),
        "Largest singular value of W": np.linalg.norm(weights(state, controls), 2),
    }


def factor(norms):
    """Give the factor by which the gradient changes at every step back, on average."""
    return float(norms[TIME]) ** (1 / TIME)


def measures(state, controls):
    """Tell by how much the gradient changes at every step back, with which activation, at which input."""
    _, norms = read(state, controls)
    return {f"{controls.activation}_factor_per_step": factor(norms), "strength": controls.strength}


PRESETS = {
    "Vanishing gradient (Bengio, Simard & Frasconi 1994)": {"radius": 0.7},
    "Exploding gradient (Pascanu, Mikolov & Bengio 2013)": {"radius": 1.4, "activation": "identity"},
    "Chaos (Sompolinsky, Crisanti & Sommers 1988)": {"radius": 1.9, "strength": 0.05},
    "Large weights, and yet it vanishes: saturation": {"radius": 1.5, "strength": 6.0},
    "Linear and orthogonal: kept for ever (Saxe, McClelland & Ganguli 2014)": {
        "radius": 1.0,
        "activation": "identity",
        "orthogonal": True,
    },
    "The logistic function: no slope above 1/4": {"radius": 1.5, "activation": "logistic"},
}

MISSIONS = (
    Mission(
        "Keep the gradient: with tanh and an input of strength 0.5 or more, find weights with which it changes by less "
        "than 1 % a step.",
        (
            Claim("strength", ">=", 0.5),
            Claim("tanh_factor_per_step", ">=", 0.99),
            Claim("tanh_factor_per_step", "<=", 1.01),
        ),
    ),
    Mission(
        "The slope of ReLU is 1 for about half of the neurons and 0 for the others. Find the spectral radius at which "
        "the gradient changes by less than 1 % a step.",
        (Claim("relu_factor_per_step", ">=", 0.99), Claim("relu_factor_per_step", "<=", 1.01)),
    ),
)
