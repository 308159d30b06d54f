"""Dynamic binarisation: grey pixels as probabilities of white, drawn anew whenever an image is visited.

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
    """Draw 1 with probability x, else 0, for every number by itself.

    Raises:
        InputError: for numbers outside [0, 1]; those that JAX is tracing, which cannot be looked at, give NaN.
    """
    check.key(key)
    p = only_between(0.0, 1.0, "what is binarised", x, remedy="; Dataset.scaled() gives such pixels")
    return jnp.where(jnp.isnan(p), p, jax.random.bernoulli(key, p))


class Binarised(eqx.Module):
    """A loss of binary data for grey ones, which are drawn anew at each visit: loss(model, binarise(key, x)).

    `descent(Binarised(NegativeELBO()), optimizer)` is the rule of a variational autoencoder of Bernoulli pixels.

    Args:
        loss: `loss(model, x, key=key)`.

    Raises:
        InputError: for a loss that is no function, a call without a key, and numbers outside [0, 1].
    """

    loss: Callable[..., Any]

    def __check_init__(self):
        check.functions(loss=self.loss)

    def __call__(self, model: Any, x: Any, *, key: PRNGKeyArray | None = None) -> Any:
        """Return what the loss gives for the drawn data."""
        if key is None:
            raise InputError("binarisation is drawn and needs a key, as in loss(model, x, key=key), but received none")
        check.key(key)
        drawing, own = jax.random.split(key)
        return self.loss(model, binarise(drawing, x), key=own)
