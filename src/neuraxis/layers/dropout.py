"""Dropout."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float, Num, PRNGKeyArray

from neuraxis import check
from neuraxis.errors import InputError
from neuraxis.layers.amounts import amount, is_none


class Dropout(eqx.Module):
    """y = x ⊙ m/(1 − p), where m is 0 with probability p and 1 otherwise (inverted dropout); y = x in inference.

    Dividing by 1 − p keeps the mean of y at x, so inference needs no scaling.

    Args:
        rate: probability p that an entry is dropped, in [0, 1).
        inference: whether to drop nothing; set by `equinox.nn.inference_mode`, which `evaluate` calls. If you set it
            yourself, nothing is dropped in `fit` either.

    Raises:
        InputError: for a rate outside [0, 1), or a call in training without a key.

    Source: Srivastava et al., Journal of Machine Learning Research 15:1929 (2014).
    """

    rate: ArrayLike = eqx.field(converter=amount)
    inference: bool = False

    def __check_init__(self):
        check.fraction(rate=self.rate)
        check.one_number(rate=self.rate)
        check.boolean(inference=self.inference)

    def __call__(self, x: Num[ArrayLike, "..."], *, key: PRNGKeyArray | None = None) -> Float[Array, "..."]:
        """Drop entries of x at random, independently of each other."""
        numbers = check.floats("x", x)
        if self.inference or is_none(self.rate):
            return numbers
        if key is None:
            raise InputError("dropout in training needs a key, as in model(x, key=key), but received none")
        check.key(key)
        return jnp.where(jax.random.bernoulli(key, 1 - self.rate, numbers.shape), numbers / (1 - self.rate), 0)
