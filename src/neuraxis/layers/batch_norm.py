"""Batch normalisation."""

import math

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float, Num, PRNGKeyArray

from neuraxis import check
from neuraxis.errors import InputError
from neuraxis.functions.normalization import centre
from neuraxis.functions.precision import single
from neuraxis.kinds import Statistics


class RunningMoments(Statistics):
    """Running mean and variance of each feature, measured in training."""

    mean: Float[Array, " feature"]
    variance: Float[Array, " feature"]


class BatchNorm(eqx.Module):
    """ĥ = (h − μ)/√(σ² + ε); y = γĥ + β, for each feature of the last axis.

    In training μ and σ² are the mean and the variance over all other axes: over the batch in a dense layer, over batch,
    height and width in a convolutional one. In inference they are the running moments, which are initialised to 0 and 1
    and updated by `measure`: for each batch, running ← m · running + (1 − m) · batch, with the unbiased variance of the
    batch.

    All moments are computed in at least single precision, without cancellation (`functions.centre`). An empty batch
    gives an empty y and updates nothing.

    Args:
        size: number of features.
        momentum: fraction m of the running moments that is kept at each step.
        epsilon: ε, which keeps the root away from 0.
        inference: whether to use the running moments; set by `equinox.nn.inference_mode`, which `evaluate` calls. If
            you set it yourself, `fit` trains γ and β but does not update the moments.

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
        check.one_number(momentum=momentum, epsilon=epsilon)
        check.boolean(inference=inference)
        self.gamma, self.beta = jnp.ones(size), jnp.zeros(size)
        self.running = RunningMoments(jnp.zeros(size), jnp.ones(size))
        self.momentum, self.epsilon, self.inference = momentum, epsilon, inference

    def __call__(
        self, h: Num[ArrayLike, "... feature"], *, key: PRNGKeyArray | None = None
    ) -> Float[Array, "... feature"]:
        """Normalise (…, feature)."""
        return self._normalised(h)[0]

    def measure(
        self, h: Num[ArrayLike, "... feature"], *, key: PRNGKeyArray | None = None
    ) -> tuple[Float[Array, "... feature"], "BatchNorm"]:
        """Normalise (…, feature), and return the layer with its running moments updated (in inference, unchanged)."""
        return self._normalised(h)

    def _normalised(self, h: ArrayLike) -> tuple[Float[Array, "... feature"], "BatchNorm"]:
        x = check.floats("h", h)
        check.last_axis(self.gamma.size, h=x)
        if self.inference or not x.size:
            centred, variance, layer = single(x) - single(self.running.mean), single(self.running.variance), self
        else:
            centred, batch, variance = _moments(x)
            layer = eqx.tree_at(lambda layer: layer.running, self, self._updated(batch))
        # One factor per feature, so that the large array is traversed only once.
        y = centred * (self.gamma / jnp.sqrt(variance + self.epsilon)) + self.beta
        return y.astype(jnp.result_type(x, self.gamma, self.beta)), layer

    def _updated(self, batch: RunningMoments) -> RunningMoments:
        m, running = self.momentum, self.running
        return RunningMoments(
            m * single(running.mean) + (1 - m) * batch.mean,
            m * single(running.variance) + (1 - m) * batch.variance,
        )


def _moments(h: Array) -> tuple[Array, RunningMoments, Array]:
    """Return h − μ, the mean and the unbiased variance of the batch, and its variance σ²."""
    count = math.prod(h.shape[:-1])
    if count < 2:
        raise InputError(
            "batch normalisation in training needs two or more values of each feature, but received an array of "
            f"shape {h.shape}; use a larger batch, or equinox.nn.inference_mode(model) outside training"
        )
    axes = tuple(range(h.ndim - 1))
    centred, mean = centre(h, axes)
    variance = jnp.mean(jnp.square(centred), axes)
    return centred, RunningMoments(mean.reshape(-1), variance * (count / (count - 1))), variance
