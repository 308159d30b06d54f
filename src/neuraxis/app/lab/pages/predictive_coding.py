"""Predictive coding: each layer predicts the one below, and prediction errors drive the dynamics.

At the bottom is your digit, half of it hidden; at the top are ten causes, one for each digit. There is no feedforward
pass: all layers relax together, each driven by the prediction errors on both sides, while the energy F, the weighted
sum of squared errors, decreases. The hidden half becomes what the layers above predict, and the causes identify the
digit.

The network starts untrained; it is trained with both ends clamped, by local changes of its weights. Draw a digit and
watch the energies fall. A larger pixel variance makes the network trust its predictions more than the digit.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax

from neuraxis import PredictiveCoding, data, fit, local_learning
from neuraxis.app.lab import Bars, Images, Line, Mission, Plot, button, choice, handwriting, handwritten, slider
from neuraxis.energy import Clamped, ErrorRelaxation
from neuraxis.experiment import Claim
from neuraxis.functions.losses import one_hot

EXPERIMENT = "predictive-coding"

EQUATIONS = (
    r"\mu^i = \sigma(x^{i+1}) M^i + \beta^i",
    r"F = \frac{\| x^1 - \mu^1 \|^2}{2 \nu_1} + \frac{\| x^2 - \mu^2 \|^2}{2}",
    r"\tau \frac{dx}{dt} = -\frac{\partial F}{\partial x}",
    r"\Delta M^i \propto \sigma(x^{i+1})^T (x^i - \mu^i)",
)

STEPS = 1
BATCHES = 10  # of training per step of the page
LEARNING = 40  # steps of training before relaxation
SWEEPS = 2  # relaxation steps per step of the page
LONGEST = 300  # relaxation steps shown
HELD = 40  # steps for which the final state is shown
SIZES = (64, 64, 10)
DIGITS = data.load("digits").scaled().flat()
LABELS = np.asarray(one_hot(DIGITS.train_y, 10))
RULE = local_learning(optax.adamw(3e-3, weight_decay=1.0), ErrorRelaxation(steps=5, step_size=0.1))
HALVES = ("none", "lower half", "upper half", "left half", "right half")


@dataclass(frozen=True)
class Controls:
    """Controls of the page."""

    digit: str = handwriting("00cfe4000088cf300000cf700001fb000000e90000008e000036ef7000effa10")
    """Your digit."""
    hidden: str = choice("lower half", HALVES)
    """Hidden part."""
    pixel_variance: float = slider(1.0, 0.1, 20.0, symbol="ν_1", logarithmic=True)
    """Pixel variance."""
    step_size: float = slider(0.05, 0.005, 0.1)
    """Relaxation step size [τ]."""
    again: int = button()
    """Relax again."""


class State(NamedTuple):
    """The network, the state of Adam, the free values, and the energy of each layer after each step."""

    network: PredictiveCoding
    optimizer: Any
    learnt: int  # steps
    free: tuple
    energies: np.ndarray  # (steps, 2)
    held: int
    key: jax.Array
    asked: tuple


def asks(controls):
    """Return the controls that start a new relaxation."""
    return controls.digit, controls.hidden, controls.pixel_variance, controls.again


def known(controls):
    """Return which pixels are visible, (64,)."""
    rows, columns = np.divmod(np.arange(64), 8)
    seen = {"lower half": rows < 4, "upper half": rows >= 4, "left half": columns >= 4, "right half": columns < 4}
    return seen.get(controls.hidden, np.ones(64, bool))


def clamped(state, controls):
    """Clamp the visible pixels."""
    variance = jnp.asarray(controls.pixel_variance)
    network = eqx.tree_at(lambda n: n.variances, state.network, (variance, jnp.asarray(1.0)))
    return Clamped(network, handwritten(controls.digit).ravel(), known=known(controls))


def start(controls, key):
    """Start with random weights."""
    network = PredictiveCoding(SIZES, key=key, variances=(10.0, 1.0))
    return relax_anew(State(network, RULE.init(network), 0, (), np.zeros((0, 2)), 0, key, ()), controls)


def relax_anew(state, controls):
    """Start with all layers at their predictions, so that only the visible pixels are in error."""
    problem = clamped(state, controls)
    free = problem.values_at_first()
    return state._replace(free=free, energies=np.asarray(layers(problem, free))[None], held=0, asked=asks(controls))


@eqx.filter_jit
def layers(problem, free):
    """Return the contribution of each layer to F."""
    errors = problem.network.errors(problem.values(free))
    pairs = zip(problem.network.variances, errors, strict=True)
    return jnp.stack([0.5 * variance * jnp.sum(error**2) for variance, error in pairs])


@eqx.filter_jit
def descend(problem, free, step_size):
    """Take one Euler step of τ dx/dt = −∂F/∂x."""
    slopes = jax.grad(problem.energy)(free)
    # Clamped values are constant. A step larger than the pixel variance would diverge.
    size = jnp.minimum(step_size, 0.5 * problem.network.variances[0])
    return jax.tree.map(lambda x, slope: x - size * slope, free, slopes)


def step(state, controls):
    """Train at first; then relax, and start again after a while."""
    if state.learnt < LEARNING:
        key, now = jax.random.split(state.key)
        fitted = fit(
            state.network,
            RULE,
            (LABELS, DIGITS.train_x),
            steps=BATCHES,
            batch_size=64,
            key=now,
            state=state.optimizer,
            progress=None,
        )
        learnt = state._replace(network=fitted.model, optimizer=fitted.state, learnt=state.learnt + 1, key=key)
        return relax_anew(learnt, controls)
    if state.asked != asks(controls) or state.held > HELD:
        return relax_anew(state, controls)
    if len(state.energies) > LONGEST:
        return state._replace(held=state.held + 1)
    problem, free, energies = clamped(state, controls), state.free, state.energies
    for _ in range(SWEEPS):
        free = descend(problem, free, jnp.asarray(controls.step_size))
        energies = np.concatenate([energies, np.asarray(layers(problem, free))[None]])
    return state._replace(free=free, energies=energies)


def picture(state, controls):
    """Draw the digit and its completion, the energy of each layer, and the causes."""
    problem = clamped(state, controls)
    values = problem.values(state.free)
    image, seen = handwritten(controls.digit).ravel(), known(controls)
    predicted = np.asarray(problem.network.prediction(0, values[1]))
    errors = np.asarray(values[0]) - predicted
    shown = np.stack([image, np.where(seen, image, 0.5), np.asarray(values[0]), predicted, 0.5 + errors / 2])
    steps, causes = np.arange(len(state.energies)), np.asarray(values[-1])
    learning = f" (training: {100 * state.learnt // LEARNING} %)" if state.learnt < LEARNING else ""
    return (
        Images(
            shown.reshape(-1, 8, 8),
            ["your digit", "visible part", "pixels x¹", "prediction μ¹", "error x¹ − μ¹ (grey: 0)"],
            title=f"Completion{learning}",
            range=(0.0, 1.0),
            columns=5,
            height=0.8,
        ),
        Plot(
            [
                Line(steps, state.energies.sum(axis=1), "F", symbol="F"),
                Line(steps, state.energies[:, 0], "pixels"),
                Line(steps, state.energies[:, 1], "hidden layer"),
            ],
            "Relaxation steps",
            "Energy",
            x_range=(0, LONGEST),
            y_range=(0.0, 1.1 * float(state.energies.sum(axis=1).max()) + 1e-6),
            half=True,
        ),
        Plot(
            [Bars(causes, DIGITS.classes, highlighted=int(np.argmax(causes)))],
            "Digit",
            "Cause (top layer)",
            y_range=(-0.5, 1.5),
            half=True,
        ),
    )


def numbers(state, controls):
    """Return the energy, and the digit with the largest cause."""
    return {
        "Training batches": BATCHES * state.learnt,
        "Relaxation steps": len(state.energies) - 1,
        "F": state.energies[-1].sum(),
        "Predicted digit": int(np.argmax(np.asarray(state.free[-1]))),
    }


def measures(state, controls):
    """Return the squared error of the hidden pixels at the end, relative to that of the mean image."""
    image, hidden = handwritten(controls.digit).ravel(), ~known(controls)
    if len(state.energies) <= LONGEST or state.asked != asks(controls) or not hidden.any():
        return {}
    error = lambda guess: float(np.sum((guess - image)[hidden] ** 2)) + 1e-6
    completed = np.asarray(clamped(state, controls).values(state.free)[0])
    return {"completion_error_over_mean_image": error(completed) / error(DIGITS.train_x.mean(axis=0))}


PRESETS = {
    "Rao & Ballard 1999: predictive coding": {},
    "Nothing hidden: classification": {"hidden": "none"},
    "Large pixel variance": {"pixel_variance": 20.0},
}

MISSIONS = (
    Mission(
        "Hide the half that the network needs to recognise the digit: make its completion worse than the mean image.",
        (Claim("completion_error_over_mean_image", ">", 1.0),),
    ),
)
