"""Binary classification by the sign of one output: f(x) > 0 for the class t = +1, f(x) < 0 for t = −1."""

from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Array, ArrayLike, Bool, Float, PRNGKeyArray

from neuraxis import check
from neuraxis.errors import InputError
from neuraxis.functions.activations import softplus
from neuraxis.kinds import Map


def logistic(margin: ArrayLike) -> Float[Array, "..."]:
    """Return the surrogate loss g(z) = ln(1 + e^(−z)) of a margin z: the cross-entropy of a logistic output."""
    return softplus(-check.floats("margin", margin))


def error(model: Map, x: Any, labels: ArrayLike, *, key: PRNGKeyArray | None = None) -> Bool[Array, "..."]:
    """Return whether each example is misclassified, f(x) t ≤ 0; the mean is the classification error R.

    NaN counts as misclassified.

    Args:
        model: map to one output for each example, (…, 1).
        x: examples.
        labels: t = ±1, (N,).
        key: random key for the noise of the model.

    Raises:
        InputError: for labels other than ±1, or a model with several outputs.
    """
    check.functions(model=model)
    f = one_output(model(x, key=key))
    return ~(f * signs_of(labels, f) > 0)


class TwoLogits(eqx.Module):
    """z(x) = (0, f(x)): the logits of a model with one output, whose classes are 0 for t = −1 and 1 for t = +1.

    It makes the model usable with attacks and `robust_accuracy`. Its cross-entropy is ln(1 + e^(−f(x) t)).

    Args:
        model: map to one output for each example, (…, 1).
    """

    model: Map

    def __call__(self, x: Any, *, key: PRNGKeyArray | None = None) -> Float[Array, "... 2"]:
        """Return the logits, (…, 2)."""
        f = one_output(self.model(x, key=key))
        return jnp.stack([jnp.zeros_like(f), f], axis=-1)


def one_output(outputs: Any) -> Float[Array, "..."]:
    """Return f(x), (…,), given the outputs of a model, (…, 1).

    Raises:
        InputError: for another shape.
    """
    f = check.floats("the output", outputs)
    if not f.ndim or f.shape[-1] != 1:
        raise InputError(
            f"binary classification needs a model with one output, (…, 1), but it returned shape {f.shape}"
        )
    return f[..., 0]


def signs_of(labels: Any, f: Float[Array, "..."]) -> Float[Array, "..."]:
    """Return the labels as floats; while JAX is tracing, those that are not ±1 become NaN.

    Raises:
        InputError: for labels that are not ±1, or not one for each example.
    """
    known = check.array("labels", labels)
    if known.shape != f.shape:
        raise InputError(f"labels must be one for each example, shape {f.shape}, but have shape {known.shape}")
    good = (known == 1) | (known == -1)
    if not isinstance(good, Tracer) and not np.all(good):
        raise InputError(f"labels must be −1 or +1, but one is {np.asarray(known)[~np.asarray(good)][0]}")
    return jnp.where(good, known, jnp.nan).astype(f.dtype)
