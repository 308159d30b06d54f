"""Loss functions: identical output neurons learn the same target, each with its own loss.

A loss should match the activation function of the output. For a logistic output the match is the cross-entropy: its
gradient with respect to z is y − t, the error itself. The squared error multiplies it by σ′(z), which nearly vanishes
where the neuron is confident and wrong. Start far on the wrong side and see which neuron is stuck when the other has
arrived.

For a real-valued target the output is linear. Squared error, absolute error and Huber loss then differ in how strongly
an outlier pulls: in proportion to its distance, always equally, or in proportion up to δ.
"""

from dataclasses import dataclass
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from neuraxis.app.lab import Line, Mission, Plot, choice, slider
from neuraxis.experiments.losses import STALLED
from neuraxis.functions.activations import logistic
from neuraxis.functions.losses import absolute_error, bernoulli_cross_entropy_with_logits, huber_loss, squared_error

EXPERIMENT = "losses"

EQUATIONS = (
    r"z \leftarrow z - \kappa \frac{\partial E}{\partial z}, \quad y = \sigma(z) = \frac{1}{1 + e^{-z}}",
    r"""\text{cross-entropy: } \frac{\partial E}{\partial z} = y - t, \quad
        \text{squared error: } \frac{\partial E}{\partial z} = (y - t) \sigma'(z)""",
    r"""\text{Huber: } E = \frac{1}{2} r^2 \text{ for } |r| \le \delta, \text{ else } \delta (|r| - \frac{1}{2} \delta),
        \quad r = y - t""",
)

STEPS = 1
REACH = 8.0  # of z
GRID = np.linspace(-REACH, REACH, 321, dtype=np.float32)
LONGEST = 240  # steps before the restart


def cross_entropy(z, t, delta):
    """Return the Bernoulli cross-entropy of a logistic output."""
    return bernoulli_cross_entropy_with_logits(z, t)


def squared_of_logistic(z, t, delta):
    """Return the squared error of a logistic output."""
    return squared_error(logistic(z), t)


def squared(z, t, delta):
    """Return the squared error of a linear output."""
    return squared_error(z, t)


def absolute(z, t, delta):
    """Return the absolute error of a linear output."""
    return absolute_error(z, t)


LOSSES = {
    "logistic (classification)": {"cross-entropy": cross_entropy, "squared error": squared_of_logistic},
    "linear (regression)": {"squared error": squared, "absolute error": absolute, "Huber loss": huber_loss},
}


@dataclass(frozen=True)
class Controls:
    """Controls of the page."""

    output: str = choice("logistic (classification)", tuple(LOSSES), restarts=True)
    """Output neuron."""
    begin: float = slider(-3.0, -8.0, 8.0, symbol="z")
    """Initial net input."""
    target: float = slider(1.0, 0.0, 1.0, symbol="t")
    """Target."""
    learning_rate: float = slider(0.2, 0.01, 2.0, symbol="κ", logarithmic=True)
    """Learning rate."""
    delta: float = slider(1.0, 0.1, 5.0, symbol="δ")
    """Threshold of the Huber loss."""


class State(NamedTuple):
    """Net inputs and outputs so far, for each loss."""

    z: np.ndarray  # (steps + 1, loss)
    y: np.ndarray
    begin: float


@jax.jit
def curves(z, t, delta):
    """Return E and ∂E/∂z of every loss at each z (n,)."""
    column, target = z[:, None], jnp.full((len(z), 1), t)
    found = {}
    for output, losses in LOSSES.items():
        pairs = [jax.vjp(lambda x, loss=loss: loss(x, target, delta), column) for loss in losses.values()]
        found[output] = jnp.stack([jnp.stack([E, back(jnp.ones_like(E))[0][:, 0]]) for E, back in pairs])
    return found


def slopes_at(z, controls):
    """Return ∂E/∂z of each loss, at its own z."""
    found = curves(np.resize(z, 3), controls.target, controls.delta)[controls.output]
    return np.diagonal(np.asarray(found)[:, 1])


def answered(z, controls):
    """Return the outputs y for the net inputs z."""
    return np.asarray(logistic(z)) if controls.output.startswith("logistic") else z


def start(controls, key):
    """Start every neuron at the same z."""
    z = np.full((1, len(LOSSES[controls.output])), controls.begin, np.float32)
    return State(z, answered(z, controls), controls.begin)


def step(state, controls):
    """Take a step down each loss; restart after the last one, or if the initial z has changed."""
    if state.begin != controls.begin or len(state.z) > LONGEST:
        return start(controls, None)
    last = state.z[-1:]
    z = np.clip(last - np.float32(controls.learning_rate) * slopes_at(last[0], controls), -20, 20)
    return state._replace(z=np.concatenate([state.z, z]), y=np.concatenate([state.y, answered(z, controls)]))


def picture(state, controls):
    """Draw loss and gradient against z with the neurons on them, and the outputs against the step."""
    found = np.asarray(curves(GRID, controls.target, controls.delta)[controls.output])
    names, is_class = LOSSES[controls.output], controls.output.startswith("logistic")
    shown, errors, slopes = (-REACH, REACH), [], []
    for name, (error, slope), now in zip(names, found, np.clip(state.z[-1], -REACH, REACH), strict=True):
        upto = now >= GRID
        errors += [Line(GRID, error, reference=True), Line(GRID[upto], error[upto], name, head=True)]
        slopes += [Line(GRID, slope, reference=True), Line(GRID[upto], slope[upto], name, head=True)]
    steps = np.arange(len(state.y))
    ways = [Line(steps, state.y[:, k], name) for k, name in enumerate(names)]
    aim = Line((0, LONGEST), (controls.target,) * 2, "target", reference=True, dashed=True)
    wide, steep, high = (REACH, (-1.1, 1.1), (-0.05, 1.05)) if is_class else (20.0, (-8.0, 8.0), shown)
    return (
        Plot(errors, "z", "Loss E [nats]" if is_class else "Loss E", "", shown, (0.0, wide), half=True),
        Plot(slopes, "z", "∂E/∂z", "", shown, steep, half=True),
        Plot([*ways, aim], "Step", "Output y", "", (0, LONGEST), high),
    )


def numbers(state, controls):
    """Return the current values."""
    found = {"Step": len(state.z) - 1}
    for name, z, y, slope in zip(
        LOSSES[controls.output], state.z[-1], state.y[-1], slopes_at(state.z[-1], controls), strict=False
    ):
        found |= {f"z, {name}": z, f"y, {name}": y, f"∂E/∂z, {name}": slope}
    return found


def measures(state, controls):
    """Measure the initial gradients of a logistic output with target 1."""
    if not controls.output.startswith("logistic") or controls.target != 1 or state.begin > 0:
        return {}
    names = ("matching_gradient_when_wrong", "mismatched_gradient_when_wrong")
    return dict(zip(names, np.abs(slopes_at(state.z[0], controls)).tolist(), strict=False))


PRESETS = {
    "Solla et al. 1988: squared error stalls": {"begin": -7.0, "learning_rate": 1.0},
    "Near the decision boundary both learn": {"begin": -1.0},
    "Soft target (label smoothing)": {"target": 0.9},
    "Huber 1964: bounded influence of outliers": {"output": "linear (regression)", "begin": 7.0},
}

MISSIONS = (
    Mission(
        "With target 1, find an initial z where |∂E/∂z| is at least 0.99 for the cross-entropy, but at most 0.01 for "
        "the squared error.",
        STALLED,
    ),
)
