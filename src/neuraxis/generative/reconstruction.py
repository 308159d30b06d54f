"""Reconstruction losses, such as those of an autoencoder, with one value per example.

The target is x itself, or the second array of a batch, if there is one: `fit(model, descent(squared_error, …),
(corrupted, clean), …)` trains a model to restore.
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
    """Return ½‖x̂ − t‖² with x̂ = model(x), summed over the entries of each example.

    Args:
        model: map from x to reconstructions x̂ of the shape of the target.
        x: examples, (batch, …).
        target: target t; x by default.
        key: random key for the model.

    Raises:
        InputError: for targets that are not finite, or reconstructions of another shape.
    """
    return losses.squared_error(*_pair(model, x, target, key))


def bernoulli_cross_entropy(
    model: Map, x: Any, target: Any = None, *, key: PRNGKeyArray | None = None
) -> Float[Array, " batch"]:
    """Return −Σ (t ln y + (1 − t) ln(1 − y)) with y = logistic(model(x)), over the entries of each example [nats].

    Its minimum, at y = t, is the entropy of t, which is 0 only for black and white pixels.

    Args:
        model: map from x to logits of the shape of the target.
        x: examples, (batch, …).
        target: target t, from 0 to 1; x by default.
        key: random key for the model.

    Raises:
        InputError: for targets that are not finite or outside [0, 1], or logits of another shape.
    """
    z, t = _pair(model, x, target, key)
    t = only_between(0.0, 1.0, "the target of the Bernoulli cross-entropy", t)
    return losses.bernoulli_cross_entropy_with_logits(z, t)


def _pair(model: Map, x: Any, target: Any, key: PRNGKeyArray | None) -> tuple[Array, Array]:
    """Return reconstructions and targets, (batch, entry)."""
    check.no_class(model=model)
    check.functions(model=model)
    name, given = ("x", x) if target is None else ("target", target)
    t = check.floats(name, given)
    if t.ndim < 2:
        raise InputError(f"{name} must contain examples along its first axis, (batch, …), but has shape {t.shape}")
    check.finite(**{name: t})
    found = check.floats("the output of the model", model(x, key=key))
    if found.shape != t.shape:
        raise InputError(
            f"the model must return reconstructions of the shape of {name}, {t.shape}, but returned {found.shape}"
        )
    return _flat(found), _flat(t)


def _flat(x: Array) -> Array:
    return jnp.reshape(x, (len(x), int(np.prod(x.shape[1:]))))
