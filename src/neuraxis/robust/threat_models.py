"""Threat models: perturbations of norm at most ε that stay in the range of the inputs.

The first axis of every array is that of the examples, (N, …). ε is one number or one for each example, and a value: a
curve of accuracy against ε needs one compiled program. It may be infinite, for attacks that search for the smallest
perturbation.
"""

from abc import abstractmethod
from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.core import Tracer
from jaxtyping import Array, ArrayLike, Float, Int, PRNGKeyArray, PyTree

from neuraxis import check
from neuraxis.errors import InputError

_TINY = 1e-12  # added to norms in denominators


class ThreatModel(eqx.Module):
    """The allowed perturbations δ: ‖δ‖ ≤ ε and low ≤ x + δ ≤ high.

    Args:
        epsilon: ε in units of the inputs, one number or (N,); infinite for no bound.
        low: smallest value of an input.
        high: largest value of an input.

    Raises:
        InputError: for an ε that is negative or NaN, or an empty range.
    """

    epsilon: ArrayLike
    low: ArrayLike = eqx.field(kw_only=True)
    high: ArrayLike = eqx.field(kw_only=True)

    def __check_init__(self):
        _check_epsilon(self.epsilon)
        check.one_number(low=self.low, high=self.high)
        check.finite(low=self.low, high=self.high)
        if not isinstance(self.low, Tracer) and not isinstance(self.high, Tracer) and not np.less(self.low, self.high):
            raise InputError(f"low must be smaller than high, but they are {self.low} and {self.high}")

    @abstractmethod
    def norm(self, delta: Float[ArrayLike, "N ..."]) -> Float[Array, " N"]:
        """Return ‖δ‖."""

    @abstractmethod
    def dual_norm(self, slope: Float[Array, "N ..."]) -> Float[Array, " N"]:
        """Return max ⟨slope, δ⟩ over all ‖δ‖ ≤ 1, the largest change of a function with that slope."""

    @abstractmethod
    def steepest(self, slope: Float[Array, "N ..."]) -> Float[Array, "N ..."]:
        """Return the δ with ‖δ‖ ≤ 1 of steepest ascent for a function with that slope; 0 where the slope is 0."""

    @abstractmethod
    def into_ball(self, delta: Float[Array, "N ..."]) -> Float[Array, "N ..."]:
        """Return the nearest δ with ‖δ‖ ≤ ε."""

    @abstractmethod
    def draw(self, shape: tuple[int, ...], dtype: jnp.dtype, key: PRNGKeyArray) -> Float[Array, "N ..."]:
        """Draw δ with ‖δ‖ ≤ 1."""

    @abstractmethod
    def to_plane(
        self, x: Float[Array, "N ..."], slope: Float[Array, "N ..."], gap: Float[Array, " N"]
    ) -> Float[Array, "N ..."]:
        """Return the smallest δ with ⟨slope, δ⟩ = gap ≥ 0 that stays in the range.

        If there is no such δ, it is the one in the range that comes nearest to the plane.
        """

    def check_bounded(self) -> None:
        """Reject an infinite ε, for attacks whose steps are measured in units of ε.

        Raises:
            InputError: for an infinite ε.
        """
        check.not_negative(epsilon=self.epsilon)

    def clip(self, x: Float[Array, "N ..."]) -> Float[Array, "N ..."]:
        """Clip x to the range."""
        return jnp.clip(x, jnp.asarray(self.low, x.dtype), jnp.asarray(self.high, x.dtype))

    def project(self, moved: Float[ArrayLike, "N ..."], x: Float[ArrayLike, "N ..."]) -> Float[Array, "N ..."]:
        """Project `moved` onto the ball around x, and then clip it to the range: the result lies in both."""
        moved, x = jnp.asarray(moved), jnp.asarray(x)
        return self.clip(x + self.into_ball(moved - x))

    def random_start(self, x: Float[Array, "N ..."], key: PRNGKeyArray) -> Float[Array, "N ..."]:
        """Draw a point from the ball around x, and clip it to the range."""
        return self.clip(x + self.along(self.epsilon, x) * self.draw(x.shape, x.dtype, key))

    def along(self, numbers: ArrayLike, x: Float[Array, "N ..."]) -> Float[Array, "..."]:
        """Reshape one number, or one for each example, to broadcast with x."""
        numbers = jnp.asarray(numbers, x.dtype)
        return numbers.reshape(numbers.shape + (1,) * (x.ndim - 1)) if numbers.ndim else numbers


class LInf(ThreatModel):
    """‖δ‖∞ = max |δᵢ| ≤ ε: every entry may change by ε."""

    def norm(self, delta):
        """Return max |δᵢ|."""
        return jnp.max(jnp.abs(_flat(delta)), axis=-1)

    def dual_norm(self, slope):
        """Return Σ |slopeᵢ|."""
        return jnp.sum(jnp.abs(_flat(slope)), axis=-1)

    def steepest(self, slope):
        """Return the sign of the slope."""
        return jnp.sign(slope)

    def into_ball(self, delta):
        """Clip every entry."""
        epsilon = self.along(self.epsilon, delta)
        return jnp.clip(delta, -epsilon, epsilon)

    def draw(self, shape, dtype, key):
        """Draw every entry uniformly from −1 to 1."""
        return jax.random.uniform(key, shape, dtype, -1.0, 1.0)

    def to_plane(self, x, slope, gap):
        """Move every entry equally far, up to the end of its range."""
        size = jnp.abs(slope)
        room = _room(self, x, slope)
        far = self.along(_first_reaching(_flat(size), _flat(size * room), gap), x)
        return jnp.sign(slope) * jnp.minimum(far, room)


class L2(ThreatModel):
    """‖δ‖₂ = √Σ δᵢ² ≤ ε."""

    def norm(self, delta):
        """Return √Σ δᵢ²."""
        return jnp.sqrt(jnp.sum(_flat(delta) ** 2, axis=-1))

    def dual_norm(self, slope):
        """Return √Σ slopeᵢ²."""
        return self.norm(slope)

    def steepest(self, slope):
        """Return slope/‖slope‖₂."""
        scaled = slope / self.along(jnp.max(jnp.abs(_flat(slope)), axis=-1) + jnp.finfo(slope.dtype).tiny, slope)
        return scaled / self.along(self.norm(scaled) + _TINY, slope)

    def into_ball(self, delta):
        """Shorten δ to length ε where it is longer."""
        size = self.along(self.norm(delta), delta)
        epsilon = self.along(self.epsilon, delta)
        return jnp.where(size > epsilon, delta * (epsilon / (size + _TINY)), delta)

    def draw(self, shape, dtype, key):
        """Draw a direction and a length from 0 to 1, both uniformly."""
        direction, length = jax.random.split(key)
        normal = jax.random.normal(direction, shape, dtype)
        far = jax.random.uniform(length, shape[:1], dtype)
        return normal * self.along(far / (self.norm(normal) + _TINY), normal)

    def to_plane(self, x, slope, gap):
        """Move along the slope, every entry up to the end of its range."""
        room = _room(self, x, slope)
        far = self.along(_first_reaching(_flat(slope**2), _flat(jnp.abs(slope) * room), gap), x)
        return jnp.sign(slope) * jnp.minimum(far * jnp.abs(slope), room)


def with_epsilon(attack: PyTree, epsilon: ArrayLike) -> PyTree:
    """Return an attack, or any other tree with threat models, with another ε in all of them."""
    return with_threats(attack, lambda threat: eqx.tree_at(lambda t: t.epsilon, threat, epsilon))


def for_examples(attack: PyTree, indices: Int[np.ndarray, " some"]) -> PyTree:
    """Return an attack for some of the examples, with their ε if there is one for each example."""
    return with_threats(
        attack,
        lambda threat: (
            eqx.tree_at(lambda t: t.epsilon, threat, jnp.asarray(threat.epsilon)[indices])
            if np.ndim(threat.epsilon)
            else threat
        ),
    )


def with_threats(tree: PyTree, change: Callable[[ThreatModel], ThreatModel]) -> PyTree:
    """Change all threat models in a tree."""
    is_threat = lambda node: isinstance(node, ThreatModel)
    return jax.tree.map(lambda node: change(node) if is_threat(node) else node, tree, is_leaf=is_threat)


def _check_epsilon(epsilon: ArrayLike) -> None:
    if isinstance(epsilon, Tracer):
        return
    if not isinstance(epsilon, int | float | np.ndarray | np.generic | jax.Array) or isinstance(epsilon, bool):
        raise InputError(f"epsilon must be a number or one for each example, but is {check.received(epsilon)}")
    numbers = check.array("epsilon", epsilon)
    if numbers.ndim > 1:
        raise InputError(f"epsilon must be one number or one for each example, (N,), but has shape {numbers.shape}")
    if not np.all(np.asarray(numbers) >= 0):
        smallest = np.asarray(numbers).min()
        raise InputError(f"epsilon must not be negative, but is {smallest}")


def _flat(x: ArrayLike) -> Array:
    x = jnp.asarray(x)
    return x.reshape(len(x), -1)


def _room(threat: ThreatModel, x: Array, slope: Array) -> Array:
    """Return how far each entry can move in the direction of the slope."""
    low, high = (jnp.asarray(end, x.dtype) for end in (threat.low, threat.high))
    return jnp.maximum(jnp.where(slope > 0, high - x, x - low), 0)


def _first_reaching(
    rise: Float[Array, "N entry"], most: Float[Array, "N entry"], gap: Float[Array, " N"]
) -> Float[Array, " N"]:
    """Return the smallest t ≥ 0 with Σ min(t riseᵢ, mostᵢ) ≥ gap, or one at which all terms are saturated if none.

    The sum is concave in t, and linear between the points at which a term saturates. Therefore Newton steps from t = 0
    never overshoot the solution, pass at least one such point at a time, and end exactly.
    """
    moving = rise > 0
    ends = jnp.where(moving, most / jnp.where(moving, rise, 1), 0)
    last = jnp.max(ends, axis=-1)

    def advance(carry):
        t, _ = carry
        going = ends > t[:, None]
        slope = jnp.sum(jnp.where(going, rise, 0), axis=-1)
        missing = gap - jnp.sum(jnp.minimum(t[:, None] * rise, most), axis=-1)
        step = jnp.where(slope > 0, missing / jnp.where(slope > 0, slope, 1), jnp.inf)
        further = jnp.clip(t + step, t, last)
        return further, jnp.any(further > t * (1 + 1e-6) + _TINY)

    start = jnp.zeros_like(gap)
    t, _ = lax.while_loop(lambda carry: carry[1], advance, (start, jnp.any(last > 0)))
    return t
