"""Backpropagation by hand: the gradient of a feedforward network as a recursion from layer to layer.

With h⁰ = x, zˡ = hˡ Wˡ + bˡ and hˡ⁺¹ = σ(zˡ), and gradients ∇_z E with one row for each example,

    ∇_{zˡ} E = σ′(zˡ) ⊙ (∇_{zˡ⁺¹} E (Wˡ⁺¹)ᵀ),    ∇_{Wˡ} E = (hˡ)ᵀ ∇_{zˡ} E,    ∇_{bˡ} E = Σ of the rows of ∇_{zˡ} E.

It starts at the last layer, where the output activation and its matching loss give ∇_z E = (y − t)/N for N examples.

Source: Rumelhart, Hinton & Williams, Nature 323:533 (1986).
"""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any, Protocol, runtime_checkable

import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float

from neuraxis import check
from neuraxis.errors import InputError

Layer = tuple[Any, Any]  # W (in, out) and b (out)


@runtime_checkable
class Activation(Protocol):
    """An elementwise function with its derivative, such as those of `neuraxis.functions.activations`."""

    def __call__(self, z: Any, /) -> Any:
        """Return σ(z)."""
        ...

    def derivative(self, z: Any, /) -> Any:
        """Return σ′(z)."""
        ...


def forward(
    layers: Sequence[Layer], x: Float[Array, "batch in"], activation: Callable[[Any], Any]
) -> tuple[list[Array], list[Array]]:
    """Return the pre-activations z⁰, z¹, … and the inputs h⁰ = x, h¹, … of all layers.

    Args:
        layers: pairs (W, b) of shapes (in, out) and (out,).
        x: examples.
        activation: activation function σ between layers.
    """
    z, h = [], [x]
    for W, b in layers:
        z.append(h[-1] @ W + b)
        h.append(activation(z[-1]))
    return z, h[:-1]


def backward(
    layers: Sequence[Layer],
    z: Sequence[Array],
    h: Sequence[Array],
    error: Float[Array, "batch out"],
    derivative: Callable[[Any], Any],
) -> list[tuple[Array, Array]]:
    """Return ∇_W E and ∇_b E of every layer.

    Args:
        layers: pairs (W, b).
        z: pre-activations of all layers, from `forward`.
        h: inputs of all layers, from `forward`.
        error: ∇_z E of the last layer.
        derivative: derivative σ′ of the activation function between layers.
    """
    gradients = []
    for i in reversed(range(len(layers))):
        gradients.append((h[i].T @ error, jnp.sum(error, axis=0)))
        if i > 0:
            W, _ = layers[i]
            error = derivative(z[i - 1]) * (error @ W.T)
    return gradients[::-1]


def gradients(
    layers: Sequence[Layer],
    x: Float[ArrayLike, "*batch in"],
    t: Float[ArrayLike, "*batch out"],
    *,
    activation: Activation,
    output: Callable[[Array], Array],
) -> list[tuple[Array, Array]]:
    """Return the gradient of the mean loss of outputs y for targets t with respect to every W and b.

    Args:
        layers: (W, b) of each layer, W (in, out) and b (out).
        x: inputs, one example for each index of the leading axes.
        t: targets.
        activation: activation function σ of all layers but the last.
        output: activation function of the last layer. It implies the loss, for which ∂E/∂z = y − t: the squared error
            ½‖y − t‖² for `identity`, and the cross-entropies for `logistic` and `softmax`.

    Raises:
        InputError: for an empty list of layers, numbers that are not real, shapes that do not fit, or an activation
            without a derivative.
    """
    if not isinstance(activation, Activation):
        raise InputError(
            f"activation must be a function with a method derivative, such as those of neuraxis.functions.activations, "
            f"but is {check.received(activation)}"
        )
    check.functions(output=output)
    pairs = _pairs(layers)
    x, t = _check(pairs, check.floats("x", x), check.floats("t", t))
    z, h = forward(pairs, x, activation)
    error = (output(z[-1]) - t) / len(x)
    return backward(pairs, z, h, error, activation.derivative)


def _pairs(layers: Any) -> list[tuple[Array, Array]]:
    try:
        pairs = [(W, b) for W, b in layers]
    except (TypeError, ValueError):
        raise InputError(f"layers must be a list of pairs (W, b), but are {check.received(layers)}") from None
    if not pairs:
        raise InputError("layers must contain at least one layer (W, b), but are empty")
    return [(check.floats(f"W of layer {i}", W), check.floats(f"b of layer {i}", b)) for i, (W, b) in enumerate(pairs)]


def _check(layers: Sequence[tuple[Array, Array]], x: Array, t: Array) -> tuple[Array, Array]:
    """Return inputs and targets with a single batch axis."""
    for i, (W, b) in enumerate(layers):
        if W.ndim != 2 or b.shape != W.shape[1:]:
            raise InputError(
                f"layer {i} must have W (in, out) and b (out), but they have shapes {W.shape} and {b.shape}"
            )
    for i, ((W, _), (V, _)) in enumerate(pairwise(layers)):
        if W.shape[1] != V.shape[0]:
            raise InputError(f"layer {i} has {W.shape[1]} outputs, but layer {i + 1} has {V.shape[0]} inputs")
    check.last_axis(layers[0][0].shape[0], x=x)
    check.last_axis(layers[-1][0].shape[1], t=t)
    if x.shape[:-1] != t.shape[:-1]:
        raise InputError(f"x and t must contain equally many examples, but have shapes {x.shape} and {t.shape}")
    if x.size == 0:
        raise InputError(f"x contains no examples: its shape is {x.shape}")
    return x.reshape(-1, x.shape[-1]), t.reshape(-1, t.shape[-1])
