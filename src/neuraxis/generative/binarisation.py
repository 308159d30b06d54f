"""Dynamic binarisation: grey pixels are probabilities of white, sampled anew at each visit of an image.

Salakhutdinov and Murray, On the quantitative analysis of deep belief networks, International Conference on Machine
Learning (2008).
"""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float, Num, PRNGKeyArray

from neuraxis import check
from neuraxis.errors import InputError
from neuraxis.functions.ranges import only_between


def binarise(key: PRNGKeyArray, x: Num[ArrayLike, "..."]) -> Float[Array, "..."]:
    """Draw 1 with probability x, else 0, independently for every entry.

    Raises:
        InputError: for values outside [0, 1]; while JAX is tracing, such values give NaN instead.
    """
    check.key(key)
    p = only_between(0.0, 1.0, "the probability x", x, remedy="; Dataset.scaled() returns such pixels")
    return jnp.where(jnp.isnan(p), p, jax.random.bernoulli(key, p))


class Binarised(eqx.Module):
    """A loss for binary data, applied to grey pixels that are binarised at each visit: loss(model, binarise(key, x)).

    `descent(Binarised(NegativeELBO()), optimizer)` is the rule of a variational autoencoder with Bernoulli pixels.

    Args:
        loss: function `loss(model, x, key=key)`.

    Raises:
        InputError: for a loss that is not a function, a call without a key, or values outside [0, 1].
    """

    loss: Callable[..., Any]

    def __check_init__(self):
        check.functions(loss=self.loss)

    def __call__(self, model: Any, x: Any, *, key: PRNGKeyArray | None = None) -> Any:
        """Return the loss of the binarised data."""
        if key is None:
            raise InputError("binarisation is random and needs a key, as in loss(model, x, key=key), but received none")
        check.key(key)
        drawing, own = jax.random.split(key)
        return self.loss(model, binarise(drawing, x), key=own)
