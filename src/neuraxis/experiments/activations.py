"""Activation functions: their curves, their derivatives, and how steep a logistic unit can get.

Every activation function of the library is drawn with its own derivative, and the derivative is compared with automatic
differentiation. The derivative of the logistic function is at most ¼, reached at z = 0: a chain of logistic layers with
unit weights therefore shrinks a gradient at least fourfold per layer, which is why deep logistic networks were hard to
train. All functions stay finite where e^z overflows.

Source: Y. LeCun, L. Bottou, G. B. Orr and K.-R. Müller, Efficient BackProp, in Neural Networks: Tricks of the Trade,
1998; S. Hochreiter, The vanishing gradient problem, 1998.
"""

from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from neuraxis import check, plots
from neuraxis.experiment import Claim, Result, check_settings
from neuraxis.functions import activations
from neuraxis.functions.activations import Activation

PLACE = ("Feedforward networks and learning", 1)
EQUATIONS = r"""
h = \sigma(z), \quad z = x W + b, \qquad
\frac{\partial E}{\partial z} = \frac{\partial E}{\partial h} \frac{\partial \sigma}{\partial z}
"""

_OF_EACH_ENTRY = (
    activations.identity,
    activations.logistic,
    activations.arctan,
    activations.tanh,
    activations.threshold,
    activations.relu,
    activations.softplus,
    activations.leaky_relu,
    activations.elu,
    activations.silu,
    activations.gelu,
)
_OF_THE_LAST_AXIS = (activations.softmax, activations.argmax)


@dataclass(frozen=True)
class Settings:
    """What to draw and check."""

    reach: float = 6.0
    """z runs from −reach to reach in the figure."""
    points: int = 2000
    """Number of values of z in the figure."""
    extreme: float = 1e4
    """Magnitude of z at which all functions must stay finite."""

    def __post_init__(self) -> None:
        check_settings(self)
        check.positive(reach=self.reach, extreme=self.extreme)
        check.whole(2, points=self.points)

    def memory(self) -> float:
        """Estimate the minimum memory of a run [bytes]."""
        return 300.0 * self.points  # curves, slopes and the Jacobian matrices of all functions


QUICK = Settings(points=200)


def run(settings: Settings) -> Result:
    """Compare all derivatives with automatic differentiation, and look for the steepest logistic slope."""
    z = jnp.linspace(-settings.reach, settings.reach, settings.points)
    # Two further inputs held at 0 and 1 make z a vector, through which the functions of the last axis are looked at.
    vectors = jnp.stack([z, jnp.zeros_like(z), jnp.ones_like(z)], axis=-1)
    extremes = settings.extreme * jnp.array([-1.0, 1.0])
    seen = {a.name: _examine(a, z, extremes) for a in _OF_EACH_ENTRY}
    seen |= {a.name: _examine(a, vectors, extremes) for a in _OF_THE_LAST_AXIS}

    metrics = {
        # The grid need not hold the top, which lies at 0.
        "max_logistic_slope": float(max(seen["logistic"].slope.max(), activations.logistic.derivative(0.0))),
        "max_derivative_error": max(float(found.error) for found in seen.values()),
        "not_finite_at_extremes": float(sum(found.not_finite for found in seen.values())),
    }
    claims = (
        Claim("max_logistic_slope", ">=", 0.25 - 1e-7),
        Claim("max_logistic_slope", "<=", 0.25 + 1e-7),
        Claim("max_derivative_error", "<=", 1e-6),
        Claim("not_finite_at_extremes", "<=", 0.0),
    )
    curves = {name: (_first_entry(found.value), _first_entry(found.slope)) for name, found in seen.items()}
    return Result(metrics, claims, {"z": np.asarray(z), "curves": curves})


class _Seen(NamedTuple):
    value: jax.Array
    slope: jax.Array  # or Jacobian
    error: jax.Array  # largest deviation of the slope from automatic differentiation
    not_finite: jax.Array  # numbers at the extremes that are not


@partial(jax.jit, static_argnums=0)
def _examine(activation: Activation, z: jax.Array, extremes: jax.Array) -> _Seen:
    """Look at an activation function at the entries, or the vectors, of z and at extremes."""
    slope = activation.derivative(z)
    error = jnp.abs(slope - jax.vmap(jax.jacfwd(activation))(z)).max()
    numbers = activation(extremes), activation.derivative(extremes), jax.jacrev(activation)(extremes)
    not_finite = jnp.stack([jnp.sum(~jnp.isfinite(n)) for n in numbers]).sum()
    return _Seen(activation(z), slope, error, not_finite)


def _first_entry(values: jax.Array) -> np.ndarray:
    return np.asarray(values).reshape(len(values), -1)[:, 0]


def plot(result: Result) -> dict[str, plots.Figure]:
    """Draw each function with its derivative."""
    fig, axes = plots.figure(
        4,
        4,
        caption="Activation functions (blue) and their derivatives (orange). Softmax and argmax act on the vector (z, "
        "0, 1); the first output and its derivative with respect to z are shown.",
        height=8.0,
        sharex=True,
    )
    z, curves = result.arrays["z"], result.arrays["curves"]
    for ax in axes.flat[len(curves) :]:
        ax.remove()
    for ax, (name, (value, slope)) in zip(axes.flat, curves.items(), strict=False):
        ax.plot(z, _broken(value), color=plots.COLORS["blue"], label="σ(z)")
        ax.plot(z, _broken(slope), color=plots.COLORS["orange"], label="σ′(z)")
        ax.set_title(name)
    plots.legend(axes[0, 0])
    for ax in axes.flat[len(curves) - 4 : len(curves)]:
        ax.set_xlabel("z")
        ax.tick_params(labelbottom=True)
    return {"functions": fig}


def _broken(curve: np.ndarray) -> np.ndarray:
    """Take out the value before each jump, so that no line is drawn across."""
    jumps = np.abs(np.diff(curve, append=curve[-1])) > 0.1 * np.ptp(curve)
    return np.where(jumps, np.nan, curve)
