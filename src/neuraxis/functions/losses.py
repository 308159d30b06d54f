"""Losses: how far an output y lies from its target t, one value per example.

Each sums over the last axis, (…, k), and keeps the leading ones, which broadcast. `mean_error` averages
over a data set.

Each loss has its matching output activation, with which the derivative by the activation's input z becomes
∂E/∂z = y − t: the identity for the squared error, the logistic function for the Bernoulli cross-entropy and softmax for
the categorical one. The `…_with_logits` forms take z instead of y. They stay exact where y would round to 0 or 1, so
train with these (Bishop, Pattern Recognition and Machine Learning, 2006, section 5.2).
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Array, ArrayLike, Float

from neuraxis import check
from neuraxis.errors import InputError
from neuraxis.functions.activations import softplus

Loss = Callable[[Array, Array], Array]


def squared_error(y: ArrayLike, t: ArrayLike) -> Float[Array, "..."]:
    """½‖y − t‖² of outputs y and targets t, (…, k) each.

    Raises:
        InputError: if the last axes differ or a number is not finite.
    """
    y, t = _pair(y=y, t=t)
    return 0.5 * jnp.sum((y - t) ** 2, axis=-1)


def bernoulli_cross_entropy(y: ArrayLike, t: ArrayLike) -> Float[Array, "..."]:
    """−Σ (t ln y + (1 − t) ln(1 − y)) of probabilities y and targets t in [0, 1], (…, k) each.

    0 · ln 0 counts as 0, so a sure and right answer costs 0; a sure and wrong one costs infinity.

    Raises:
        InputError: if the last axes differ or a number lies outside [0, 1].
    """
    y, t = _pair(y=y, t=t)
    _probabilities(y=y, t=t)
    ones = t * jnp.log(_unless_0_ln_0(t, y, 0.0))
    zeros = (1 - t) * jnp.log1p(-_unless_0_ln_0(1 - t, y, 1.0))
    return jnp.sum(-ones - zeros, axis=-1)


def bernoulli_cross_entropy_with_logits(z: ArrayLike, t: ArrayLike) -> Float[Array, "..."]:
    """Bernoulli cross-entropy of y = 1/(1 + e^(−z)), with z and t (…, k).

    It is Σ (t ln(1 + e^(−z)) + (1 − t) ln(1 + e^z)), whose terms cannot cancel as those of Σ (ln(1 + e^z) − t z) do.

    Raises:
        InputError: if the last axes differ, z is not finite or t lies outside [0, 1].
    """
    z, t = _pair(z=z, t=t)
    _probabilities(t=t)
    return jnp.sum(t * softplus(-z) + (1 - t) * softplus(z), axis=-1)


def categorical_cross_entropy(y: ArrayLike, t: ArrayLike) -> Float[Array, "..."]:
    """−Σ_k t_k ln y_k of class probabilities y and targets t, (…, k) each; t from `one_hot`, or probabilities too.

    0 · ln 0 counts as 0; a class that occurs but was given probability 0 costs infinity.

    Raises:
        InputError: if the last axes differ or a number lies outside [0, 1].
    """
    y, t = _pair(y=y, t=t)
    _probabilities(y=y, t=t)
    return jnp.sum(-t * jnp.log(_unless_0_ln_0(t, y, 0.0)), axis=-1)


def categorical_cross_entropy_with_logits(z: ArrayLike, t: ArrayLike) -> Float[Array, "..."]:
    """Categorical cross-entropy of y = softmax(z), as Σ_k t_k (ln Σ_j e^(z_j) − z_k), with z and t (…, k).

    Raises:
        InputError: if the last axes differ, z is not finite or t lies outside [0, 1].
    """
    z, t = _pair(z=z, t=t)
    _probabilities(t=t)
    return -jnp.sum(t * jax.nn.log_softmax(z), axis=-1)


def one_hot(labels: ArrayLike, classes: int) -> Float[Array, "... classes"]:
    """Turn labels 0 … classes − 1 into targets (…, classes) that are 1 at the label and 0 elsewhere.

    Inside `jit` it costs nothing: XLA compares with the labels where the loss reads the targets. Labels out of range,
    which cannot be refused there, give NaN.

    Raises:
        InputError: if the labels are not integers from 0 to classes − 1.
    """
    check.whole(classes=classes)
    check.labels(labels, classes)
    labels = jnp.asarray(labels)[..., None]
    known = (labels >= 0) & (labels < classes)
    return jnp.where(known, labels == jnp.arange(classes), jnp.nan)


def mean_error(loss: Loss, y: ArrayLike, t: ArrayLike) -> Float[Array, ""]:
    """Error of a data set: the mean of `loss(y, t)` over all examples.

    Raises:
        InputError: if y and t hold no example, not equally many, or what the loss refuses.
    """
    check.same_length(y=y, t=t)
    return jnp.mean(loss(jnp.asarray(y), jnp.asarray(t)))


def _pair(**arrays: ArrayLike) -> tuple[Array, Array]:
    """Give output and target as floats of one size; a shape such as (n, 1) against (n,) would broadcast unseen."""
    floats = {name: jnp.asarray(a, jnp.result_type(a, float)) for name, a in arrays.items()}
    check.finite(**floats)
    (name, first), (_, second) = floats.items()
    if first.ndim == 0:
        raise InputError(f"{name} must have shape (…, k), but is a single number")
    check.last_axis(first.shape[-1], **floats)
    return first, second


def _probabilities(**arrays: Array) -> None:
    for name, p in arrays.items():
        if not isinstance(p, Tracer) and not np.all((np.asarray(p) >= 0) & (np.asarray(p) <= 1)):
            raise InputError(
                f"{name} must hold probabilities from 0 to 1, but reaches from {np.min(p):.6g} to {np.max(p):.6g}"
            )


def _unless_0_ln_0(weight: Array, p: Array, at: float) -> Array:
    """Move p away from `at`, where the logarithm is infinite, if it has weight 0: no NaN in value or gradient."""
    return jnp.where((weight == 0) & (p == at), 0.5, p)
