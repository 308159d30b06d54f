"""Denoising: learn to restore examples from damaged versions of them.

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
    """x̃ = x + s ε, with ε normal, for every number by itself.

    Args:
        deviation: standard deviation s.

    Raises:
        InputError: for a deviation that is negative or not one number.
    """

    deviation: ArrayLike

    def __check_init__(self):
        check.not_negative(deviation=self.deviation)
        check.one_number(deviation=self.deviation)

    def __call__(self, key: PRNGKeyArray, x: Num[ArrayLike, "..."]) -> Float[Array, "..."]:
        """Damage x, of any shape."""
        return add_noise(key, x, self.deviation)


class MaskingNoise(eqx.Module):
    """x̃ = x ⊙ m, with m = 0 for a share ν of the numbers, drawn by chance, and else 1.

    Unlike `neuraxis.layers.Dropout` it leaves what it does not hide as it is.

    Args:
        fraction: ν, the probability that a number is hidden, in [0, 1).

    Raises:
        InputError: for a fraction outside [0, 1) or not one number.
    """

    fraction: ArrayLike

    def __check_init__(self):
        check.fraction(fraction=self.fraction)
        check.one_number(fraction=self.fraction)

    def __call__(self, key: PRNGKeyArray, x: Num[ArrayLike, "..."]) -> Float[Array, "..."]:
        """Damage x, of any shape."""
        check.key(key)
        numbers = check.floats("x", x)
        return jnp.where(jax.random.bernoulli(key, self.fraction, numbers.shape), 0, numbers)


class Denoising(eqx.Module):
    """The loss of reconstructing x from x̃ = corruption(key, x), which is drawn anew whenever it is evaluated.

    `descent(Denoising(squared_error, GaussianNoise(0.5)), optimizer)` is the rule of a denoising autoencoder.

    Args:
        loss: `loss(model, x, target, key=key)`, such as those of `neuraxis.generative.reconstruction`.
        corruption: `corruption(key, x)`, such as `GaussianNoise` and `MaskingNoise`.

    Raises:
        InputError: for a loss or corruption that is no function, a corruption that changes the shape, and a call
            without a key.
    """

    loss: Callable[..., Any]
    corruption: Callable[..., Any]

    def __check_init__(self):
        check.functions(loss=self.loss, corruption=self.corruption)

    def __call__(self, model: Any, x: Any, *, key: PRNGKeyArray | None = None) -> Float[Array, " batch"]:
        """Return one value per example."""
        if key is None:
            raise InputError("denoising draws noise and needs a key, as in loss(model, x, key=key), but received none")
        check.key(key)
        clean = check.floats("x", x)
        noise, own = jax.random.split(key)
        damaged = check.floats("what the corruption gives", self.corruption(noise, clean))
        if damaged.shape != clean.shape:
            raise InputError(
                f"the corruption must keep the shape of x, {clean.shape}, but returned one of shape {damaged.shape}"
            )
        return self.loss(model, damaged, clean, key=own)
