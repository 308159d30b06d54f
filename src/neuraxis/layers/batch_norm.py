"""Batch normalisation."""

import math

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float, PRNGKeyArray

from neuraxis import check
from neuraxis.errors import InputError
from neuraxis.kinds import Statistics


class RunningMoments(Statistics):
    """Mean and variance of each feature, as they have been in training."""

    mean: Float[Array, " feature"]
    variance: Float[Array, " feature"]


class BatchNorm(eqx.Module):
    """ĥ = (h − μ)/√(σ² + ε); y = γĥ + β, for each feature of the last axis.

    In training μ and σ² are the mean and the variance over all other axes: over the batch in a dense layer, over batch,
    height and width in a convolutional one. In inference they are running ones, which `measure` keeps: after each
    batch, running ← m · running + (1 − m) · batch, with the unbiased variance of the batch. They begin at 0 and 1.

    Args:
        size: features.
        momentum: share m of the running moments that is kept at each step.
        epsilon: ε, keeps the root away from 0.
        inference: use the running moments; `equinox.nn.inference_mode` sets it, as `fit` and `evaluate` do.

    Raises:
        InputError: for a size that is not positive, m outside [0, 1), ε that is not positive, an h whose last axis is
            not `size`, or in training a single value for each feature (a batch of one), which has no variance.

    Source: Ioffe and Szegedy, International Conference on Machine Learning (2015), algorithms 1 and 2.
    """

    gamma: Float[Array, " feature"]
    beta: Float[Array, " feature"]
    running: RunningMoments
    momentum: float | Array
    epsilon: float | Array
    inference: bool

    def __init__(self, size: int, *, momentum: float = 0.9, epsilon: float = 1e-5, inference: bool = False):
        check.whole(size=size)
        check.fraction(momentum=momentum)
        check.positive(epsilon=epsilon)
        self.gamma, self.beta = jnp.ones(size), jnp.zeros(size)
        self.running = RunningMoments(jnp.zeros(size), jnp.ones(size))
        self.momentum, self.epsilon, self.inference = momentum, epsilon, inference

    def __call__(
        self, h: Float[ArrayLike, "... feature"], *, key: PRNGKeyArray | None = None
    ) -> Float[Array, "... feature"]:
        """Normalise (…, feature)."""
        return self._normalise(h, self.running if self.inference else self._moments(h))

    def measure(
        self, h: Float[ArrayLike, "... feature"], *, key: PRNGKeyArray | None = None
    ) -> tuple[Float[Array, "... feature"], "BatchNorm"]:
        """Normalise, and return the layer with its running moments brought up to date (in inference as they are)."""
        if self.inference:
            return self(h), self
        batch, m = self._moments(h), self.momentum
        count = math.prod(jnp.shape(h)[:-1])
        unbiased = batch.variance * (count / (count - 1))
        running = RunningMoments(
            m * self.running.mean + (1 - m) * batch.mean, m * self.running.variance + (1 - m) * unbiased
        )
        return self._normalise(h, batch), eqx.tree_at(lambda layer: layer.running, self, running)

    def _moments(self, h: ArrayLike) -> RunningMoments:
        h = self._checked(h)
        if math.prod(h.shape[:-1]) < 2:
            raise InputError(
                "batch normalisation in training needs two or more values of each feature, but received an array of "
                f"shape {h.shape}; use a larger batch, or equinox.nn.inference_mode(model) outside of training"
            )
        axes = tuple(range(h.ndim - 1))
        mean = jnp.mean(h, axes)
        return RunningMoments(mean, jnp.mean(jnp.square(h - mean), axes))

    def _normalise(self, h: ArrayLike, moments: RunningMoments) -> Float[Array, "... feature"]:
        # One factor and one summand for each feature, so that the large array is gone through once.
        factor = self.gamma / jnp.sqrt(moments.variance + self.epsilon)
        return self._checked(h) * factor + (self.beta - moments.mean * factor)

    def _checked(self, h: ArrayLike) -> Array:
        check.last_axis(self.gamma.size, h=h)
        return jnp.asarray(h)
