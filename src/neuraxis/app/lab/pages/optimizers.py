"""Optimisers: four methods descend the same loss landscape from the same point.

The grey bands show the loss E; every optimiser knows only the gradient where it stands. In the ravine, gradient descent
swings from wall to wall while it creeps along the floor. Momentum averages the oscillations out; RMSprop and Adam scale
each coordinate separately.

Raise κ slowly: beyond 2/k, where k is the larger curvature of the ravine, gradient descent diverges. At the saddle,
gradient descent slows down; in a shallow minimum, it is trapped.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax

from neuraxis import momentum
from neuraxis.app.lab import Heat, Line, Mission, Plot, button, choice, slider
from neuraxis.engine import gradient_descent
from neuraxis.experiments.optimizers import INTO_THE_DEEP_MINIMUM, JUST_STABLE
from neuraxis.experiments.optimizers.landscapes import minima, two_minima

EXPERIMENT = "optimizers"

EQUATIONS = (
    r"\text{gradient descent: } \theta \leftarrow \theta - \kappa \nabla E",
    r"\text{momentum: } v \leftarrow \beta v + \nabla E, \; \theta \leftarrow \theta - \kappa v",
    r"\text{RMSprop: } \theta \leftarrow \theta - \frac{\kappa_a}{\sqrt{r}} \nabla E",
    r"\text{Adam: } \theta \leftarrow \theta - \frac{\kappa_a}{\sqrt{\hat r}} \hat v",
    r"\text{ravine: } E = \frac{1}{2} (\theta_1^2 + k \theta_2^2)",
)

STEPS = 0.6
LONGEST = 300  # steps of the optimisers before the restart
PIXELS = 160
FARTHEST = 1e4  # bound on a coordinate, for those that diverge


class Landscape(NamedTuple):
    """A function E(θ, k) to minimise, the ranges shown, the starting point, and the minimum of E."""

    energy: Any
    x: tuple[float, float]
    y: tuple[float, float]
    start: tuple[float, float]
    lowest: float  # minimum of E


def ravine(theta, k):
    """E = ½ (θ₁² + k θ₂²), with principal axes along the coordinates."""
    return (theta[..., 0] ** 2 + k * theta[..., 1] ** 2) / 2


def rosenbrock(theta, k):
    """E = (1 − θ₁)² + 100 (θ₂ − θ₁²)²."""
    return (1 - theta[..., 0]) ** 2 + 100 * (theta[..., 1] - theta[..., 0] ** 2) ** 2


def saddle(theta, k):
    """E = ½ (θ₁² − θ₂²) + ¼ θ₂⁴."""
    return (theta[..., 0] ** 2 - theta[..., 1] ** 2) / 2 + theta[..., 1] ** 4 / 4


def shallow_and_deep(theta, k):
    """Return the landscape of the experiment, with a shallow minimum on the left and a deep one on the right."""
    return two_minima(theta)


LANDSCAPES = {
    "ravine": Landscape(ravine, (-4.0, 2.0), (-1.5, 1.5), (-3.5, 1.0), 0.0),
    "Rosenbrock function": Landscape(rosenbrock, (-2.0, 2.0), (-0.75, 1.75), (-1.5, 1.0), 0.0),
    "saddle": Landscape(saddle, (-2.0, 2.0), (-1.5, 1.5), (-1.8, 0.001), -0.25),
    "two minima": Landscape(shallow_and_deep, (-2.0, 1.8), (-1.2, 1.2), (-1.7, 0.6), -0.35),
}
NAMES = ("gradient descent", "momentum", "RMSprop", "Adam")


@dataclass(frozen=True)
class Controls:
    """Controls of the page."""

    landscape: str = choice("ravine", tuple(LANDSCAPES), restarts=True)
    """Landscape."""
    learning_rate: float = slider(0.03, 1e-4, 2.5, symbol="κ", logarithmic=True)
    """Learning rate (GD, momentum)."""
    beta: float = slider(0.8, 0.0, 0.99, symbol="β")
    """Momentum coefficient."""
    adaptive_rate: float = slider(0.05, 1e-3, 1.0, symbol="κ_a", logarithmic=True)
    """Learning rate (RMSprop, Adam)."""
    condition: float = slider(50.0, 1.0, 200.0, symbol="k", logarithmic=True)
    """Condition number (ravine)."""
    elsewhere: int = button()
    """New starting point."""


class State(NamedTuple):
    """The path of each optimiser so far, their states, and the starting point."""

    paths: np.ndarray  # (steps + 1, optimiser, 2)
    optimizers: tuple
    begin: np.ndarray  # (2,)
    moved: int  # how often the start was moved
    key: jax.Array


def optimizers(controls):
    """Make the four optimisers, in the order of their names."""
    return (
        gradient_descent(controls["learning_rate"]),
        momentum(controls["learning_rate"], controls["beta"]),
        optax.rmsprop(controls["adaptive_rate"]),
        optax.adam(controls["adaptive_rate"]),
    )


def values(controls):
    """Return the numbers of the controls as arrays, for which nothing is compiled anew."""
    names = ("learning_rate", "beta", "adaptive_rate", "condition")
    return {name: jnp.asarray(getattr(controls, name), float) for name in names}


@eqx.filter_jit
def advance(thetas, states, values, energy):
    """Take one step with each optimiser."""
    moved = []
    for theta, state, optimizer in zip(thetas, states, optimizers(values), strict=True):
        update, state = optimizer.update(jax.grad(energy)(theta, values["condition"]), state, theta)
        moved.append((jnp.clip(theta + update, -FARTHEST, FARTHEST), state))
    thetas, states = zip(*moved, strict=True)
    return jnp.stack(thetas), states


@eqx.filter_jit
def heights(thetas, k, energy):
    """Return E at points (…, 2)."""
    return energy(thetas, k)


def begun(begin, moved, key, controls):
    """Place all optimisers at the starting point."""
    thetas = np.tile(np.asarray(begin, np.float32), (len(NAMES), 1))
    states = tuple(each.init(jnp.asarray(begin, float)) for each in optimizers(values(controls)))
    return State(thetas[None], states, begin, moved, key)


def start(controls, key):
    """Start at the default point of the landscape."""
    return begun(np.array(LANDSCAPES[controls.landscape].start), controls.elsewhere, key, controls)


def step(state, controls):
    """Take one step with each optimiser; restart after the last one."""
    landscape = LANDSCAPES[controls.landscape]
    if controls.elsewhere != state.moved:
        key = jax.random.fold_in(state.key, 1)
        random = np.random.default_rng(np.asarray(jax.random.key_data(key)))
        begin = random.uniform(*np.transpose([landscape.x, landscape.y]))
        return begun(begin, controls.elsewhere, key, controls)
    if len(state.paths) > LONGEST:
        return begun(state.begin, state.moved, state.key, controls)
    thetas, states = advance(jnp.asarray(state.paths[-1]), state.optimizers, values(controls), landscape.energy)
    return state._replace(paths=np.concatenate([state.paths, thetas[None]]), optimizers=states)


def relief(landscape, k):
    """Return shades from 0 to 1 for the landscape: darker where it is high, in bands that narrow towards low values."""
    sides = (np.linspace(low, high, PIXELS) for low, high in (landscape.x, landscape.y))
    plane = np.stack(np.meshgrid(*sides), axis=-1)
    above = np.asarray(heights(plane.astype(np.float32), k, landscape.energy)) - landscape.lowest
    bands = np.floor(1.5 * np.log2(1e-3 + np.maximum(above, 0)))
    return 0.3 * (bands - bands.min()) / np.ptp(bands) + 0.07 * (bands % 2)


def picture(state, controls):
    """Draw the paths on the landscape, and the loss against the step."""
    landscape, k = LANDSCAPES[controls.landscape], jnp.asarray(controls.condition, float)
    ground = Heat(relief(landscape, k), landscape.x, landscape.y, range=(0.0, 1.0), grey=True)
    ways = [Line(state.paths[:, i, 0], state.paths[:, i, 1], name, head=True) for i, name in enumerate(NAMES)]
    whole = np.broadcast_to(state.paths[-1:], (LONGEST + 1, *state.paths.shape[1:])).copy()
    whole[: len(state.paths)] = state.paths  # one shape, so that nothing is recompiled
    above = np.asarray(heights(whole, k, landscape.energy))[: len(state.paths)] - landscape.lowest
    steps = np.arange(len(state.paths))
    curves = [Line(steps, np.maximum(above[:, i], 1e-9), name) for i, name in enumerate(NAMES)]
    return (
        Plot([ground, *ways], "θ₁", "θ₂", "", landscape.x, landscape.y, equal=True, height=2),
        Plot(curves, "Step", "E − min E", "", (0, LONGEST), (1e-6, 1e2), y_logarithmic=True),
    )


def numbers(state, controls):
    """Return the current values."""
    landscape, k = LANDSCAPES[controls.landscape], jnp.asarray(controls.condition, float)
    found = np.asarray(heights(jnp.asarray(state.paths[-1]), k, landscape.energy))
    return {"Step": len(state.paths) - 1, "κ k/2 (stable below 1)": controls.learning_rate * controls.condition / 2} | {
        f"E, {name}": value for name, value in zip(NAMES, found, strict=True)
    }


def measures(state, controls):
    """Measure the contraction factor of gradient descent at the edge of stability, and where momentum ends."""
    descent, rolled = state.paths[:, 0], state.paths[-1, 1]
    measured = {}
    edge = controls.learning_rate * controls.condition / 2
    if controls.landscape == "ravine" and 0.99 <= edge < 1 and len(descent) > 100:
        distance = np.linalg.norm(descent[-50:], axis=1)
        measured["factor_just_below_stability"] = float(distance[-1] / distance[0]) ** (1 / 49)
    if controls.landscape == "two minima":
        measured["momentum_distance_from_deep_minimum"] = float(np.linalg.norm(rolled - minima()[1]))
    return measured


PRESETS = {
    "Polyak 1964: optimal momentum in a ravine": {"learning_rate": 0.0614, "beta": 0.566},
    "κ just below 2/k: barely converges": {"learning_rate": 0.0399},
    "κ just above 2/k: diverges": {"learning_rate": 0.0405},
    "Rosenbrock 1960: curved valley": {"landscape": "Rosenbrock function", "learning_rate": 0.001, "beta": 0.9},
    "Slowed down by a saddle point": {"landscape": "saddle", "learning_rate": 0.05, "beta": 0.9},
    "A shallow minimum before a deeper one": {"landscape": "two minima", "learning_rate": 0.05, "adaptive_rate": 0.05},
}

MISSIONS = (
    Mission("Ravine: find a learning rate less than 1 % below the stability limit of gradient descent.", JUST_STABLE),
    Mission("Two minima: make momentum reach the deeper one.", INTO_THE_DEEP_MINIMUM),
)
