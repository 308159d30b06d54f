"""Classification by any map to logits: what `fit` minimises and what is measured."""

import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Bool, Float, Int, PRNGKeyArray

from neuraxis.errors import InputError
from neuraxis.functions.losses import categorical_cross_entropy_with_logits, one_hot
from neuraxis.kinds import Map, MeasuringMap


def loss(
    model: Map, x: Float[ArrayLike, "batch ..."], labels: Int[ArrayLike, " batch"], *, key: PRNGKeyArray | None = None
) -> Float[Array, " batch"]:
    """Categorical cross-entropy of softmax(model(x)) for each example.

    Raises:
        InputError: for labels that are not one per example, or not integers from 0 to the number of logits − 1.
    """
    return _cross_entropy(model(x, key=key), labels)


def measuring_loss(
    model: MeasuringMap,
    x: Float[ArrayLike, "batch ..."],
    labels: Int[ArrayLike, " batch"],
    *,
    key: PRNGKeyArray | None = None,
) -> tuple[Float[Array, " batch"], MeasuringMap]:
    """`loss` in training, and the model with the statistics it measured: what `fit` needs for batch normalisation."""
    logits, model = model.measure(x, key=key)
    return _cross_entropy(logits, labels), model


def _cross_entropy(logits: Array, labels: ArrayLike) -> Float[Array, " batch"]:
    _check_shape(labels, logits)
    return categorical_cross_entropy_with_logits(logits, one_hot(labels, logits.shape[-1]))


def _check_shape(labels: ArrayLike, logits: Array) -> None:
    """Refuse labels that are not one per example: in other shapes they would broadcast unseen."""
    shape, expected = jnp.shape(labels), logits.shape[:-1]
    if shape != expected:
        cure = "; take the last axis off, as in labels[:, 0]" if shape == (*expected, 1) else ""
        raise InputError(f"labels must be one per example, of shape {expected}, but have shape {shape}{cure}")


def correct(
    model: Map, x: Float[ArrayLike, "batch ..."], labels: Int[ArrayLike, " batch"], *, key: PRNGKeyArray | None = None
) -> Bool[Array, " batch"]:
    """Say for each example whether the largest logit is the label's; the mean is the accuracy.

    Raises:
        InputError: for labels that are not one per example.
    """
    logits = model(x, key=key)
    _check_shape(labels, logits)
    return jnp.argmax(logits, axis=-1) == jnp.asarray(labels)
