"""Losses: with its matching output activation, each loss has the gradient y − t.

A loss E(y, t) measures how far the output y = σ(z) lies from the target t. Three pairs of output activation and loss
match: identity and squared error, logistic and Bernoulli cross-entropy, softmax and categorical
cross-entropy. For each of them ∂E/∂z = y − t, measured here by automatic differentiation on random inputs. The gradient
is then as large as the mistake. A pair that does not match, such as a logistic output with the squared error, has the
gradient (y − t) σ′(z) instead, which vanishes where the output is saturated and wrong, so learning stalls where it is
most needed.

Source: C. M. Bishop, Pattern Recognition and Machine Learning, 2006, section 4.3.6 (canonical link functions).
"""

from collections.abc import Callable
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np

from neuraxis import check, plots
from neuraxis.experiment import Claim, Result, check_range, check_settings
from neuraxis.experiments.shared import memory
from neuraxis.functions.activations import Activation, identity, logistic, softmax
from neuraxis.functions.losses import (
    Loss,
    bernoulli_cross_entropy,
    bernoulli_cross_entropy_with_logits,
    categorical_cross_entropy,
    categorical_cross_entropy_with_logits,
    one_hot,
    squared_error,
)

PLACE = ("Feedforward networks and learning", 2)
EQUATIONS = r"""
\frac{\partial E}{\partial z} = y - t
"""

# Where the output is sure and wrong, only the matching loss has a gradient.
STALLED = (
    Claim("matching_gradient_when_wrong", ">=", 0.99),
    Claim("mismatched_gradient_when_wrong", "<=", 0.01),
)


@dataclass(frozen=True)
class Settings:
    """Settings of the experiment."""

    examples: int = 1000
    """Number of random examples."""
    outputs: int = 10
    """Number of output neurons, and of classes."""
    spread: float = 3.0
    """Standard deviation of the inputs z of the output neurons."""
    reach: float = 8.0
    """z runs from −reach to reach in the figure of the gradients."""
    seed: int = 0
    """Seed for the random examples."""

    def __post_init__(self) -> None:
        check_settings(self)
        check.whole(examples=self.examples)
        check.whole(2, outputs=self.outputs)
        check.positive(spread=self.spread, reach=self.reach)
        check_range(0, 10, spread=self.spread)  # y is 0 or 1 beyond, where its logarithm is needed

    def memory(self) -> float:
        """Estimate the minimum memory of a run [bytes]."""
        return 20.0 * memory.NUMBER * self.examples * self.outputs


QUICK = Settings(examples=100)


def run(settings: Settings) -> Result:
    """Measure how far ∂E/∂z lies from y − t, through y and straight from z, and draw the losses."""
    keys = jax.random.split(jax.random.key(settings.seed), 4)
    shape = (settings.examples, settings.outputs)
    z = settings.spread * jax.random.normal(keys[0], shape)
    real = settings.spread * jax.random.normal(keys[1], shape)
    binary = jax.random.bernoulli(keys[2], 0.5, shape).astype(z.dtype)
    classes = one_hot(jax.random.randint(keys[3], shape[:1], 0, settings.outputs), settings.outputs)
    deviation = {
        "squared_error": _deviation(identity, lambda z, t: squared_error(identity(z), t), z, real),
        "bernoulli": _deviation(logistic, lambda z, t: bernoulli_cross_entropy(logistic(z), t), z, binary),
        "bernoulli_with_logits": _deviation(logistic, bernoulli_cross_entropy_with_logits, z, binary),
        "categorical": _deviation(softmax, lambda z, t: categorical_cross_entropy(softmax(z), t), z, classes),
        "categorical_with_logits": _deviation(softmax, categorical_cross_entropy_with_logits, z, classes),
    }
    metrics = {f"{name}_max_deviation": value for name, value in deviation.items()}
    arrays = {name: np.asarray(curve) for name, curve in _curves(settings.reach).items()}
    for name in ("matching", "mismatched"):  # at z = −reach, where the target is 1
        metrics[f"{name}_gradient_when_wrong"] = float(abs(arrays[name][0]))
    claims = (
        *(Claim(f"{name}_max_deviation", "<=", 1e-5) for name in deviation),
        *STALLED,
    )
    return Result(metrics, claims, arrays)


def _gradient(error: Loss, z: jax.Array, t: jax.Array) -> jax.Array:
    return jax.grad(lambda z: jnp.sum(error(z, t)))(z)


def _deviation(activation: Activation, error: Callable, z: jax.Array, t: jax.Array) -> float:
    return float(jax.jit(lambda z, t: jnp.abs(_gradient(error, z, t) - (activation(z) - t)).max())(z, t))


@jax.jit
def _curves(reach: float | jax.Array) -> dict[str, jax.Array]:
    """Return the curves of the figures, for one output neuron whose target is 1."""
    y = jnp.linspace(0.001, 0.999, 400)[:, None]
    z = jnp.linspace(-reach, reach, 400)[:, None]
    target = jnp.ones_like(z)
    matching = _gradient(bernoulli_cross_entropy_with_logits, z, target)[:, 0]
    mismatched = _gradient(lambda z, t: squared_error(logistic(z), t), z, target)[:, 0]
    return {
        "y": y[:, 0],
        "squared_error": squared_error(y, target),
        "bernoulli_cross_entropy": bernoulli_cross_entropy(y, target),
        "z": z[:, 0],
        "matching": matching,
        "mismatched": mismatched,
        "matching_error": bernoulli_cross_entropy_with_logits(z, target),
        "mismatched_error": squared_error(logistic(z), target),
    }


def plot(result: Result) -> dict[str, plots.Figure]:
    """Draw the losses against the output, and error and gradient against a logistic output neuron's input."""
    a, blue, orange = result.arrays, plots.COLORS["blue"], plots.COLORS["orange"]
    losses, ax = plots.figure(
        caption="Loss of an output y if the target is 1. A confident but wrong output costs at most ½ with the "
        "squared error, but has no bound with a cross-entropy (−ln y for one of several classes as well).",
        height=3.4,
    )
    ax.plot(a["y"], a["bernoulli_cross_entropy"], color=blue, label="cross-entropy, −ln y")
    ax.plot(a["y"], a["squared_error"], color=orange, label="squared error, ½(y − 1)²")
    ax.set(xlabel="output y", ylabel="loss for t = 1", ylim=(0, 5))
    plots.legend(ax)

    gradients, (top, bottom) = plots.figure(
        2,
        caption="A logistic output neuron with target 1. With its matching loss, the Bernoulli cross-entropy, the "
        "gradient is y − t and stays near −1 while the output is wrong; with the squared error it vanishes there.",
        height=4.6,
        sharex=True,
    )
    top.plot(a["z"], a["matching_error"], color=blue, label="Bernoulli cross-entropy (matching)")
    top.plot(a["z"], a["mismatched_error"], color=orange, label="squared error (not matching)")
    bottom.plot(a["z"], a["matching"], color=blue)
    bottom.plot(a["z"], a["mismatched"], color=orange)
    top.set_ylabel("loss E")
    bottom.set(xlabel="input z of the output neuron", ylabel="∂E/∂z")
    plots.legend(top)
    return {"losses": losses, "gradients": gradients}
