"""Normalisation of each example independently of the others."""

import math
from collections.abc import Callable

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float, Num, PRNGKeyArray

from neuraxis import check
from neuraxis.errors import InputError
from neuraxis.functions.activations import identity
from neuraxis.functions.group_normalization import group_norm
from neuraxis.functions.normalization import scale_to_unit, standardize


class LayerNorm(eqx.Module):
    """ĥ = (h − μ)/√(σ² + ε); y = γĥ + β, with mean μ and variance σ² over the features of an example.

    Training and inference do not differ, and the result does not depend on the rest of the batch.

    Args:
        size: number of features.
        epsilon: ε, which keeps the root away from 0.

    Raises:
        InputError: for a size or an ε that is not positive, or an h whose last axis is not `size`.

    Source: Ba, Kiros and Hinton, arXiv:1607.06450 (2016).
    """

    gamma: Float[Array, " feature"]
    beta: Float[Array, " feature"]
    epsilon: float | Array

    def __init__(self, size: int, *, epsilon: float = 1e-5):
        _check(size, epsilon)
        self.gamma, self.beta, self.epsilon = jnp.ones(size), jnp.zeros(size), epsilon

    def __call__(
        self, h: Num[ArrayLike, "... feature"], *, key: PRNGKeyArray | None = None
    ) -> Float[Array, "... feature"]:
        """Normalise (…, feature)."""
        x = _features(h, self.gamma.size)
        y = standardize(x, (x.ndim - 1,), self.epsilon) * self.gamma + self.beta
        return y.astype(jnp.result_type(x, self.gamma, self.beta))


class RMSNorm(eqx.Module):
    """y = γ h/√(m + ε), with the mean m of h² over the features of an example: `LayerNorm` without centring.

    Args:
        size: number of features.
        epsilon: ε, which keeps the root away from 0.

    Raises:
        InputError: as for `LayerNorm`.

    Source: Zhang and Sennrich, Advances in Neural Information Processing Systems (2019).
    """

    gamma: Float[Array, " feature"]
    epsilon: float | Array

    def __init__(self, size: int, *, epsilon: float = 1e-5):
        _check(size, epsilon)
        self.gamma, self.epsilon = jnp.ones(size), epsilon

    def __call__(
        self, h: Num[ArrayLike, "... feature"], *, key: PRNGKeyArray | None = None
    ) -> Float[Array, "... feature"]:
        """Normalise (…, feature)."""
        x = _features(h, self.gamma.size)
        return (scale_to_unit(x, (x.ndim - 1,), self.epsilon) * self.gamma).astype(jnp.result_type(x, self.gamma))


class GroupNorm(eqx.Module):
    """ĥ = (h − μ)/√(σ² + ε); y = f(γĥ + β), with mean and variance over the spatial axes and a group of channels.

    Mean and variance are those of each example and group, γ and β those of each channel. A single group is layer
    normalisation of images; one group per channel is instance normalisation.

    Args:
        groups: number of groups of consecutive channels.
        channels: number of channels of h.
        space: number of spatial axes before the last: 2 for images, 1 for signals.
        epsilon: ε, which keeps the root away from 0.
        activation: f; on a CPU, `silu` takes hardly any extra time.

    Raises:
        InputError: for numbers that are not positive, groups that do not divide the channels, an activation that is not
            a function, or an h that is not (…, *space, channels).

    Source: Wu and He, European Conference on Computer Vision (2018).
    """

    gamma: Float[Array, " channel"]
    beta: Float[Array, " channel"]
    groups: int = eqx.field(static=True)
    space: int = eqx.field(static=True)
    epsilon: float | Array
    activation: Callable[[Array], Array] = eqx.field(static=True)

    def __init__(
        self,
        groups: int,
        channels: int,
        *,
        space: int = 2,
        epsilon: float = 1e-5,
        activation: Callable[[Array], Array] = identity,
    ):
        check.whole(groups=groups)
        check.functions(activation=activation)
        check.whole(0, space=space)
        _check(channels, epsilon, "channels")
        if channels % groups:
            raise InputError(f"groups must divide the {channels} channels, but is {groups}")
        self.gamma, self.beta = jnp.ones(channels), jnp.zeros(channels)
        self.groups, self.space, self.epsilon, self.activation = int(groups), int(space), epsilon, activation

    def __call__(
        self, h: Num[ArrayLike, "... channel"], *, key: PRNGKeyArray | None = None
    ) -> Float[Array, "... channel"]:
        """Normalise (…, *space, channel)."""
        x = _features(h, self.gamma.size)
        first = x.ndim - self.space - 1  # spatial axis
        if first < 0:
            raise InputError(f"h must have {self.space} spatial axes and a channel axis, but has shape {x.shape}")
        dtype = jnp.result_type(x, self.gamma, self.beta)
        if x.size == 0:
            return x.astype(dtype)
        places = x.reshape(*x.shape[:first], math.prod(x.shape[first:-1]), x.shape[-1])
        y = group_norm(places, self.gamma, self.beta, self.groups, self.epsilon, self.activation)
        return y.astype(dtype).reshape(x.shape)


def _check(size: int, epsilon: ArrayLike, name: str = "size") -> None:
    check.whole(**{name: size})
    check.positive(epsilon=epsilon)
    check.one_number(epsilon=epsilon)


def _features(h: ArrayLike, size: int) -> Array:
    floats = check.floats("h", h)
    check.last_axis(size, h=floats)
    return floats
