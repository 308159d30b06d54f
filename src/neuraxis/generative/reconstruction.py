"""Reconstruction by any map: what `fit` minimises for an autoencoder, one value per example.

The target is x itself, or, where a batch holds two arrays, the second one: `fit(model, descent(squared_error, …),
(damaged, whole), …)` learns to restore.
"""

from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from neuraxis import check
from neuraxis.errors import InputError
from neuraxis.functions import losses
from neuraxis.functions.ranges import only_between
from neuraxis.kinds import Map


def squared_error(model: Map, x: Any, target: Any = None, *, key: PRNGKeyArray | None = None) -> Float[Array, " batch"]:
    """½‖x̂ − t‖² of x̂ = model(x), summed over all numbers of an example.

    Args:
        model: gives reconstructions of the shape of the target.
        x: examples, (batch, …).
        target: t; x where it is None.
        key: noise of the model.

    Raises:
        InputError: for examples that are not finite, and for reconstructions of another shape.
    """
    return losses.squared_error(*_pair(model, x, target, key))


def bernoulli_cross_entropy(
    model: Map, x: Any, target: Any = None, *, key: PRNGKeyArray | None = None
) -> Float[Array, " batch"]:
    """−Σ (t ln y + (1 − t) ln(1 − y)) of y = logistic(model(x)), summed over all numbers of an example [nats].

    It is least at y = t, where it is 0 for black and white pixels alone: grey ones keep their entropy.

    Args:
        model: gives logits of the shape of the target.
        x: examples, (batch, …).
        target: t, from 0 to 1; x where it is None.
        key: noise of the model.

    Raises:
        InputError: for examples that are not finite, a target outside [0, 1], and for logits of another shape.
    """
    z, t = _pair(model, x, target, key)
    t = only_between(0.0, 1.0, "what the Bernoulli cross-entropy reconstructs", t)
    return losses.bernoulli_cross_entropy_with_logits(z, t)


def _pair(model: Map, x: Any, target: Any, key: PRNGKeyArray | None) -> tuple[Array, Array]:
    """Return reconstructions and targets, (batch, numbers of an example)."""
    check.no_class(model=model)
    check.functions(model=model)
    name, given = ("x", x) if target is None else ("target", target)
    t = check.floats(name, given)
    if t.ndim < 2:
        raise InputError(f"{name} must contain examples along its first axis, (batch, …), but has shape {t.shape}")
    check.finite(**{name: t})
    found = check.floats("what the model gives", model(x, key=key))
    if found.shape != t.shape:
        raise InputError(
            f"the model must return reconstructions of the shape of {name}, {t.shape}, but returned {found.shape}"
        )
    return _flat(found), _flat(t)


def _flat(x: Array) -> Array:
    return jnp.reshape(x, (len(x), int(np.prod(x.shape[1:]))))
