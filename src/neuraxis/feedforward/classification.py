"""Classification by any map to logits: what `fit` minimises and what is measured."""

import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Bool, Float, Int, PRNGKeyArray

from neuraxis.functions.losses import categorical_cross_entropy_with_logits, one_hot
from neuraxis.kinds import Map, MeasuringMap


def loss(
    model: Map, x: Float[ArrayLike, "batch ..."], labels: Int[ArrayLike, " batch"], *, key: PRNGKeyArray | None = None
) -> Float[Array, " batch"]:
    """Categorical cross-entropy of softmax(model(x)) for each example."""
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
    return categorical_cross_entropy_with_logits(logits, one_hot(labels, logits.shape[-1]))


def correct(
    model: Map, x: Float[ArrayLike, "batch ..."], labels: Int[ArrayLike, " batch"], *, key: PRNGKeyArray | None = None
) -> Bool[Array, " batch"]:
    """Say for each example whether the largest logit is the label's; the mean is the accuracy."""
    return jnp.argmax(model(x, key=key), axis=-1) == labels
