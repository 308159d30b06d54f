"""Steps of ordinary differential equations, written once for every dynamics whose state is a pytree of arrays.

An integrator is a function `integrator(system, y, input, dt)` that returns y after `dt`, with the input held constant
during the step. It uses one of two forms of the system's equation:

- `system.derivative(y, input)`, the right-hand side of dy/dt = f(y, input), for `rk4`;
- `system.relaxation(y, input)`, the pair (y∞, τ) of dy/dt = (y∞ − y)/τ, for `exponential_euler`.

A dynamics with both methods takes its integrator as a field, which accepts any other function of that form too.
"""

from typing import Protocol, TypeVar, runtime_checkable

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import ArrayLike, PyTree

Y = TypeVar("Y")

# For each stage of the Runge–Kutta method: the part of the step taken along the previous slope, and the weight of its
# own slope in the mean.
_RK4 = ((0, 1 / 6), (1 / 2, 1 / 3), (1 / 2, 1 / 3), (1, 1 / 6))


@runtime_checkable
class Differentiable(Protocol):
    """A system with a rate of change."""

    def derivative(self, y: PyTree, input: PyTree, /) -> PyTree:
        """Return dy/dt with the structure of `y`, in the time unit of `dt`."""
        ...


@runtime_checkable
class Relaxing(Protocol):
    """A system in which each variable relaxes to a target; targets and time constants may depend on the state."""

    def relaxation(self, y: PyTree, input: PyTree, /) -> tuple[PyTree, PyTree]:
        """Return the targets y∞ and the time constants τ, each with the structure of `y`."""
        ...


@runtime_checkable
class Integrator(Protocol):
    """A method that advances a dynamics by one step."""

    def __call__(self, system: PyTree, y: Y, input: PyTree, dt: ArrayLike, /) -> Y:
        """Advance `y` by `dt` under a constant `input`."""
        ...


def rk4(system: Differentiable, y: Y, input: PyTree, dt: ArrayLike) -> Y:
    """Advance by the classical Runge–Kutta method, whose global error is O(dt⁴).

        k₁ = f(y), k₂ = f(y + ½dt k₁), k₃ = f(y + ½dt k₂), k₄ = f(y + dt k₃)
        y(t + dt) = y + dt/6 (k₁ + 2k₂ + 2k₃ + k₄)

    Args:
        system: anything with `derivative(y, input)`.
        y: the state, any pytree of arrays.
        input: the input, held constant during the step.
        dt: length of the step.

    Source: W. Kutta, Zeitschrift für Mathematik und Physik 46 (1901) 435.
    """

    # A loop over the stages is a fifth of the work for the compiler, and XLA fuses one stage better than four in a row.
    def stage(carry, row):
        ahead, weight = row
        slope, mean = carry
        slope = system.derivative(jax.tree.map(lambda y, k: y + ahead * dt * k, y, slope), input)
        return (slope, jax.tree.map(lambda mean, k: mean + weight * k, mean, slope)), None

    table = jnp.asarray(_RK4, jnp.result_type(*jax.tree.leaves(y)))
    zero = jax.tree.map(jnp.zeros_like, y)
    (_, mean), _ = lax.scan(stage, (zero, zero), table)
    return jax.tree.map(lambda y, k: y + dt * k, y, mean)


def exponential_euler(system: Relaxing, y: Y, input: PyTree, dt: ArrayLike) -> Y:
    """Advance every variable by the exact solution of its equation, with target and time constant held constant.

        y(t + dt) = y + (y∞ − y)(1 − e^{−dt/τ})

    The global error is O(dt). Steps longer than a time constant are stable, because no variable overshoots its target.

    Args:
        system: anything with `relaxation(y, input)`.
        y: the state, any pytree of arrays.
        input: the input, held constant during the step.
        dt: length of the step.

    Source: S. Rush and H. Larsen, IEEE Transactions on Biomedical Engineering 25 (1978) 389.
    """
    target, tau = system.relaxation(y, input)
    # XLA fuses this form into one loop, but the equivalent y∞ + (y − y∞)e^{−dt/τ} into several.
    return jax.tree.map(lambda y, target, tau: y + (target - y) * (1 - jnp.exp(-jnp.divide(dt, tau))), y, target, tau)
