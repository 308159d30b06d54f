"""Losses that attacks increase: functions of logits z (N, classes) and labels (N,) with one value per example, (N,).

Without targets a loss is small where the label is predicted; with target classes as a third argument it is large where
the target is. Attacks accept any function of this kind.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from neuraxis import check
from neuraxis.errors import InputError
from neuraxis.functions.losses import categorical_cross_entropy_with_logits, one_hot

AttackLoss = Callable[..., Float[Array, " N"]]
Logits = Float[Array, "N classes"]
Classes = Int[Array, " N"]


def cross_entropy(logits: Logits, labels: Classes, targets: Classes | None = None) -> Float[Array, " N"]:
    """−ln softmax(z)_label; with targets, ln softmax(z)_target.

    Its gradient vanishes where the network is very confident: from a margin of 104 between logits on, it is 0 or
    rounding noise in single precision.
    """
    if targets is None:
        return categorical_cross_entropy_with_logits(logits, one_hot(labels, logits.shape[-1]))
    return -categorical_cross_entropy_with_logits(logits, one_hot(targets, logits.shape[-1]))


def margin(logits: Logits, labels: Classes, targets: Classes | None = None) -> Float[Array, " N"]:
    """max_{i≠label} z_i − z_label, positive where another class is predicted.

    With targets, z_target − max_{i≠target} z_i.

    Source: Carlini & Wagner, IEEE Symposium on Security and Privacy (2017), without clipping at 0.
    """
    if targets is None:
        return _largest_but(logits, labels) - _at(logits, labels)
    return _at(logits, targets) - _largest_but(logits, targets)


def dlr(logits: Logits, labels: Classes, targets: Classes | None = None) -> Float[Array, " N"]:
    """Difference of logits ratio, (max_{i≠label} z_i − z_label)/(z_π₁ − z_π₃), with z_π₁ ≥ z_π₂ ≥ … the sorted logits.

    With targets, (z_target − z_label)/(z_π₁ − (z_π₃ + z_π₄)/2). It is invariant under scaling and shifting of z, so
    large logits cannot mask its gradient. It needs three classes, and four with targets.

    Raises:
        InputError: for fewer classes.

    Source: Croce & Hein, International Conference on Machine Learning (2020), equations 6 and 7.
    """
    needed = 3 if targets is None else 4
    if logits.shape[-1] < needed:
        raise InputError(
            f"the difference of logits ratio needs {needed} classes, but the model has {logits.shape[-1]}; "
            "margin needs only two"
        )
    ordered, _ = jax.lax.top_k(logits, needed)
    if targets is None:
        difference = _largest_but(logits, labels) - _at(logits, labels)
        return difference / (ordered[:, 0] - ordered[:, 2] + 1e-12)
    difference = _at(logits, targets) - _at(logits, labels)
    return difference / (ordered[:, 0] - (ordered[:, 2] + ordered[:, 3]) / 2 + 1e-12)


def loss_of(loss: AttackLoss, logits: Logits, labels: Classes, targets: Classes | None) -> Float[Array, " N"]:
    """Return the loss that the attack increases, one value per example.

    Raises:
        InputError: for a loss that takes other arguments, or does not return one value per example.
    """
    arguments = (logits, labels) if targets is None else (logits, labels, targets)
    check.takes("loss", loss, *("logits", "labels", "targets")[: len(arguments)])
    values = loss(*arguments)
    if jnp.shape(values) != labels.shape:
        raise InputError(
            f"the loss of an attack must return one value per example, shape {labels.shape}, but returned "
            f"{jnp.shape(values)}"
        )
    return values


def _at(logits: Logits, classes: Classes) -> Float[Array, " N"]:
    return jnp.take_along_axis(logits, classes[:, None], axis=-1)[:, 0]


def _largest_but(logits: Logits, classes: Classes) -> Float[Array, " N"]:
    others = jnp.arange(logits.shape[-1]) != classes[:, None]
    return jnp.max(jnp.where(others, logits, -jnp.inf), axis=-1)
