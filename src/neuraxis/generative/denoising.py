"""Denoising: learn to reconstruct examples from corrupted versions.

Vincent, Larochelle, Bengio and Manzagol, Extracting and composing robust features with denoising autoencoders,
International Conference on Machine Learning (2008); Vincent et al., Journal of Machine Learning Research 11:3371
(2010).
"""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float, Num, PRNGKeyArray

from neuraxis import check
from neuraxis.errors import InputError
from neuraxis.functions.augmentation import add_noise


class GaussianNoise(eqx.Module):
    """x̃ = x + s ε, with ε ~ N(0, 1), independent for every entry.

    Args:
        deviation: standard deviation s.

    Raises:
        InputError: for a deviation that is negative or not a single number.
    """

    deviation: ArrayLike

    def __check_init__(self):
        check.not_negative(deviation=self.deviation)
        check.one_number(deviation=self.deviation)

    def __call__(self, key: PRNGKeyArray, x: Num[ArrayLike, "..."]) -> Float[Array, "..."]:
        """Corrupt x, of any shape."""
        return add_noise(key, x, self.deviation)


class MaskingNoise(eqx.Module):
    """x̃ = x ⊙ m, with m = 0 with probability ν and otherwise 1, independent for every entry.

    Unlike `neuraxis.layers.Dropout`, it does not rescale the remaining entries.

    Args:
        fraction: probability ν that an entry is masked, in [0, 1).

    Raises:
        InputError: for a fraction that is outside [0, 1) or not a single number.
    """

    fraction: ArrayLike

    def __check_init__(self):
        check.fraction(fraction=self.fraction)
        check.one_number(fraction=self.fraction)

    def __call__(self, key: PRNGKeyArray, x: Num[ArrayLike, "..."]) -> Float[Array, "..."]:
        """Corrupt x, of any shape."""
        check.key(key)
        numbers = check.floats("x", x)
        return jnp.where(jax.random.bernoulli(key, self.fraction, numbers.shape), 0, numbers)


class Denoising(eqx.Module):
    """The loss of reconstructing x from x̃ = corruption(key, x), sampled anew at each evaluation.

    `descent(Denoising(squared_error, GaussianNoise(0.5)), optimizer)` is the rule of a denoising autoencoder.

    Args:
        loss: function `loss(model, x, target, key=key)`, such as those of `neuraxis.generative.reconstruction`.
        corruption: function `corruption(key, x)`, such as `GaussianNoise` and `MaskingNoise`.

    Raises:
        InputError: for a loss or corruption that is not a function, a corruption that changes the shape, or a call
            without a key.
    """

    loss: Callable[..., Any]
    corruption: Callable[..., Any]

    def __check_init__(self):
        check.functions(loss=self.loss, corruption=self.corruption)

    def __call__(self, model: Any, x: Any, *, key: PRNGKeyArray | None = None) -> Float[Array, " batch"]:
        """Return one value per example."""
        if key is None:
            raise InputError("denoising is random and needs a key, as in loss(model, x, key=key), but received none")
        check.key(key)
        clean = check.floats("x", x)
        noise, own = jax.random.split(key)
        damaged = check.floats("the output of the corruption", self.corruption(noise, clean))
        if damaged.shape != clean.shape:
            raise InputError(
                f"the corruption must keep the shape of x, {clean.shape}, but returned shape {damaged.shape}"
            )
        return self.loss(model, damaged, clean, key=own)
