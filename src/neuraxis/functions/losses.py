"""Loss functions of an output y and its target t, with one value per example.

Each sums over the last axis, (…, k), and keeps the leading ones. Output and target must have the same shape, because
broadcasting would hide mistakes. Sums are taken in at least single precision. `mean_error` averages over a data set.

Squared error and cross-entropies have a matching output activation, for which the derivative with respect to its input
z becomes ∂E/∂z = y − t: the identity for the squared error, the logistic function for the Bernoulli cross-entropy and
softmax for the categorical one. The `…_with_logits` forms take z instead of y. They stay accurate where y would round
to 0 or 1, so use these for training (Bishop, Pattern Recognition and Machine Learning, 2006, section 5.2).
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float

from neuraxis import check
from neuraxis.errors import InputError
from neuraxis.functions.activations import softplus
from neuraxis.functions.precision import single
from neuraxis.functions.ranges import only_between

Loss = Callable[[Array, Array], Array]


def squared_error(y: ArrayLike, t: ArrayLike) -> Float[Array, "..."]:
    """½‖y − t‖² of outputs y and targets t, each (…, k).

    Raises:
        InputError: if the shapes differ or a number is not finite.
    """
    y, t = _pair(y=y, t=t)
    return 0.5 * jnp.sum((y - t) ** 2, axis=-1)


def absolute_error(y: ArrayLike, t: ArrayLike) -> Float[Array, "..."]:
    """Σ |y − t| of outputs y and targets t, each (…, k); its derivative at y = t is taken to be 0.

    Raises:
        InputError: if the shapes differ or a number is not finite.
    """
    y, t = _pair(y=y, t=t)
    residual = y - t
    return jnp.sum(residual * jnp.sign(residual), axis=-1)  # not by jnp.abs, whose derivative at 0 is 1


def huber_loss(y: ArrayLike, t: ArrayLike, delta: ArrayLike = 1.0) -> Float[Array, "..."]:
    """Σ h(y − t) of outputs y and targets t, each (…, k), with h(r) = ½r² for |r| ≤ δ and δ (|r| − ½δ) beyond.

    The gradient of an outlier is limited to ±δ.

    Args:
        y: output.
        t: target.
        delta: δ, residual at which the loss becomes linear.

    Raises:
        InputError: if the shapes differ, a number is not finite or δ is not positive.

    Source: P. J. Huber, Annals of Mathematical Statistics 35:73 (1964).
    """
    y, t = _pair(y=y, t=t)
    check.positive(delta=delta)
    check.one_number(delta=delta)
    size = jnp.abs(y - t)
    inner = jnp.minimum(size, delta)
    return jnp.sum(inner * (size - 0.5 * inner), axis=-1)


def bernoulli_cross_entropy(y: ArrayLike, t: ArrayLike) -> Float[Array, "..."]:
    """−Σ (t ln y + (1 − t) ln(1 − y)) of probabilities y and targets t in [0, 1], each (…, k).

    0 · ln 0 counts as 0, so the loss is 0 for y = t = 0 or 1; it is infinite if an outcome of probability 0 occurs.

    Raises:
        InputError: if the shapes differ or a number lies outside [0, 1].
    """
    y, t = _pair(y=y, t=t)
    y, t = _probabilities("y", y), _probabilities("t", t)
    ones = t * jnp.log(_unless_0_ln_0(t, y, 0.0))
    zeros = (1 - t) * jnp.log1p(-_unless_0_ln_0(1 - t, y, 1.0))
    return jnp.sum(-ones - zeros, axis=-1)


def bernoulli_cross_entropy_with_logits(z: ArrayLike, t: ArrayLike) -> Float[Array, "..."]:
    """Bernoulli cross-entropy of y = 1/(1 + e^(−z)), with z and t (…, k).

    It is computed as Σ (t ln(1 + e^(−z)) + (1 − t) ln(1 + e^z)), whose terms cannot cancel, unlike those of
    Σ (ln(1 + e^z) − t z).

    Raises:
        InputError: if the shapes differ, z is not finite or t lies outside [0, 1].
    """
    z, t = _pair(z=z, t=t)
    t = _probabilities("t", t)
    return jnp.sum(t * softplus(-z) + (1 - t) * softplus(z), axis=-1)


def categorical_cross_entropy(y: ArrayLike, t: ArrayLike) -> Float[Array, "..."]:
    """−Σ_k t_k ln y_k of class probabilities y and targets t, each (…, k); t is one-hot or also probabilities.

    0 · ln 0 counts as 0; the loss is infinite if a class of probability 0 occurs.

    Raises:
        InputError: if the shapes differ or a number lies outside [0, 1].
    """
    y, t = _pair(y=y, t=t)
    y, t = _probabilities("y", y), _probabilities("t", t)
    return jnp.sum(-t * jnp.log(_unless_0_ln_0(t, y, 0.0)), axis=-1)


def categorical_cross_entropy_with_logits(
    z: ArrayLike, t: ArrayLike, class_weights: ArrayLike | None = None
) -> Float[Array, "..."]:
    """Categorical cross-entropy of y = softmax(z), Σ_k w_k t_k (ln Σ_j e^(z_j) − z_k), with z and t (…, k).

    Args:
        z: logits.
        t: target, one-hot or probabilities.
        class_weights: weight w of each class; 1 by default.

    Raises:
        InputError: if the shapes differ, z is not finite, t lies outside [0, 1], or the class weights are negative or
            not one for each class.
    """
    z, t = _pair(z=z, t=t)
    t = _probabilities("t", t)
    if class_weights is not None:
        t = t * _weights(class_weights, z.shape[-1])
    return -jnp.sum(t * jax.nn.log_softmax(z), axis=-1)


def _weights(class_weights: ArrayLike, classes: int) -> Array:
    weights = check.floats("class_weights", class_weights)
    check.not_negative(class_weights=weights)
    if weights.shape != (classes,):
        raise InputError(f"class_weights must be one for each class, shape ({classes},), but {_has(weights)}")
    return single(weights)


def one_hot(labels: ArrayLike, classes: int) -> Float[Array, "... classes"]:
    """Convert labels 0 … classes − 1, or booleans, to targets (…, classes) that are 1 at the label and 0 elsewhere.

    Inside `jit` it costs nothing: XLA compares with the labels where the loss reads the targets. Labels out of range,
    which cannot be rejected there, give NaN.

    Raises:
        InputError: if the labels are not integers from 0 to classes − 1.
    """
    check.whole(classes=classes)
    if classes >= 2**31:
        raise InputError(f"classes must be an integer below 2³¹, but is {classes}")
    check.labels(labels, classes)
    given = jnp.asarray(check.array("labels", labels))
    # In a type that can hold the number of classes; 8 bits cannot hold 256.
    index = given.astype(jnp.promote_types(given.dtype, jnp.int32))[..., None]
    known = (index >= 0) & (index < classes)
    return jnp.where(known, index == jnp.arange(classes), jnp.nan)


def mean_error(loss: Loss, y: ArrayLike, t: ArrayLike) -> Float[Array, ""]:
    """Return the mean of `loss(y, t)` over all examples of a data set.

    Args:
        loss: function that returns one value per example.
        y: outputs, (N, …).
        t: targets, (N, …).

    Raises:
        InputError: if y and t are empty, differ in length or are rejected by the loss, or if the loss does not return
            one value per example.
    """
    check.functions(loss=loss)
    outputs, targets = jnp.asarray(check.array("y", y)), jnp.asarray(check.array("t", t))
    check.same_length(y=outputs, t=targets)
    errors = check.floats("loss(y, t)", loss(outputs, targets))
    if not errors.ndim or errors.shape != outputs.shape[: errors.ndim]:
        raise InputError(
            f"loss must return one value per example for y of shape {outputs.shape}, but its result {_has(errors)}"
        )
    return jnp.mean(errors)


def _pair(**arrays: ArrayLike) -> tuple[Array, Array]:
    """Return output and target as floats of one shape; shapes such as (n, 1) and (n,) would broadcast unnoticed."""
    floats = {name: check.floats(name, a) for name, a in arrays.items()}
    check.finite(**floats)
    (name, first), (_, t) = floats.items()
    if first.ndim == 0 or first.shape[-1] == 0:
        raise InputError(f"{name} must have shape (…, k), but {_has(first)}")
    if first.shape != t.shape:
        labels = t.shape == first.shape[:-1] and check.array("t", arrays["t"]).dtype.kind in "iu"
        cure = f"; one_hot(labels, {first.shape[-1]}) converts labels to targets" if labels else ""
        raise InputError(f"t must have the shape of {name}, {first.shape}, but {_has(t)}{cure}")
    return single(first), single(t)


def _has(array: Array) -> str:
    return f"has shape {array.shape}" if array.ndim else "is a single number"


def _probabilities(name: str, p: Array) -> Array:
    return only_between(0.0, 1.0, name, p, expected="contain probabilities")


def _unless_0_ln_0(weight: Array, p: Array, at: float) -> Array:
    """Replace p at `at`, where the logarithm is infinite, if its weight is 0, to avoid NaN in value and gradient."""
    return jnp.where((weight == 0) & (p == at), 0.5, p)
