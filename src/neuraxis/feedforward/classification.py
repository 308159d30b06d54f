"""Classification by any map to logits: the loss that `fit` minimises, and the accuracy.

Labels are integers or booleans, one per example, or class probabilities, (batch, class): soft labels.
"""

from typing import Any

import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Array, ArrayLike, Bool, Float, PRNGKeyArray, Shaped

from neuraxis import check
from neuraxis.errors import InputError
from neuraxis.functions.losses import categorical_cross_entropy_with_logits, one_hot
from neuraxis.functions.precision import single
from neuraxis.kinds import Map
from neuraxis.layers.apply import measure


def loss(
    model: Map,
    x: Any,
    labels: Shaped[ArrayLike, "batch ..."],
    *,
    key: PRNGKeyArray | None = None,
    class_weights: ArrayLike | None = None,
) -> Float[Array, " batch"]:
    """Categorical cross-entropy −Σ_k w_k t_k ln y_k of each example, with y = softmax(model(x)) and t one-hot labels.

    Args:
        model: map to logits, (batch, class).
        x: examples.
        labels: one per example, or class probabilities t, (batch, class).
        key: random key for a stochastic model.
        class_weights: w, one per class, as in `functools.partial(loss, class_weights=weights)`; 1 by default. `fit`
            minimises the mean over the examples (PyTorch divides by the sum of their weights instead).

    Raises:
        InputError: for labels that are neither one integer per example, from 0 to the number of logits − 1, nor one
            probability per logit, and for weights that are negative or not one per logit.
    """
    check.functions(model=model)
    return _cross_entropy(model(x, key=key), labels, class_weights)


def measuring_loss(
    model: Map,
    x: Any,
    labels: Shaped[ArrayLike, "batch ..."],
    *,
    key: PRNGKeyArray | None = None,
    class_weights: ArrayLike | None = None,
) -> tuple[Float[Array, " batch"], Any]:
    """`loss` in training mode, and the model with updated statistics: the loss for models with batch normalisation.

    The arguments are those of `loss`.

    Raises:
        InputError: as `loss`, and for a model that has layers with statistics, but no method `measure`.
    """
    check.functions(model=model)
    logits, measured = measure(model, x, key)
    return _cross_entropy(logits, labels, class_weights), measured


def correct(
    model: Map, x: Any, labels: Shaped[ArrayLike, "batch ..."], *, key: PRNGKeyArray | None = None
) -> Bool[Array, " batch"]:
    """Return for each example whether the largest logit is that of the label; the mean is the accuracy.

    An example with a NaN among its logits counts as misclassified. The class of a soft label is the most probable one.

    Args:
        model: map to logits, (batch, class).
        x: examples.
        labels: one per example, or class probabilities, (batch, class).
        key: random key for a stochastic model.

    Raises:
        InputError: for labels as for `loss`.
    """
    check.functions(model=model)
    logits = check.floats("the logits", model(x, key=key))
    targets = _targets(logits, labels)
    right = jnp.argmax(logits, axis=-1) == jnp.argmax(targets, axis=-1)
    return right & ~jnp.any(jnp.isnan(logits) | jnp.isnan(targets), axis=-1)


def _cross_entropy(logits: ArrayLike, labels: ArrayLike, class_weights: ArrayLike | None) -> Float[Array, " batch"]:
    z = check.floats("the logits", logits)
    return categorical_cross_entropy_with_logits(z, _targets(z, labels), class_weights)


def _targets(logits: Array, labels: ArrayLike) -> Float[Array, "... class"]:
    """Return one target per example; labels of other shapes would broadcast silently, and are refused."""
    if not logits.ndim or not logits.shape[-1]:
        raise InputError(f"the model must return logits of shape (…, class), but returned shape {logits.shape}")
    known = check.array("labels", labels)
    shape, expected = known.shape, logits.shape[:-1]
    if shape == logits.shape:
        return _distributions(known)
    if shape != expected:
        cure = "; remove the last axis, as in labels[:, 0]" if shape == (*expected, 1) else ""
        raise InputError(f"labels must be one per example, of shape {expected}, but have shape {shape}{cure}")
    return one_hot(known, logits.shape[-1])


def _distributions(labels: ArrayLike) -> Float[Array, "... class"]:
    """Return soft labels whose probabilities add up to 1; others are refused, or become NaN while JAX is tracing."""
    t = check.floats("labels", labels)
    sums = jnp.sum(single(t), axis=-1, keepdims=True)
    good = jnp.abs(sums - 1) < 0.01  # tolerance for half precision
    if not isinstance(good, Tracer) and not np.all(good):
        raise InputError(f"labels must be probabilities that add up to 1, but one adds up to {sums[~good][0]:.6g}")
    return jnp.where(good, t, jnp.nan)
