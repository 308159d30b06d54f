"""Multilayer perceptron."""

from collections.abc import Callable, Sequence
from itertools import pairwise

import equinox as eqx
import jax
import numpy as np
from jaxtyping import Array, ArrayLike, Float, Num, PRNGKeyArray

from neuraxis import check
from neuraxis.errors import InputError
from neuraxis.functions.activations import relu
from neuraxis.layers import Linear


class MLP(eqx.Module):
    """h⁰ = x; hˡ = σ(hˡ⁻¹ Wˡ + bˡ) for the hidden layers; y = hᴸ⁻¹ Wᴸ + bᴸ, without activation (logits).

    Args:
        sizes: sizes of the input, the hidden layers and the output, such as (784, 512, 10).
        key: random key for the initial weights.
        activation: σ of the hidden layers.

    Raises:
        InputError: for fewer than two sizes, sizes that are not positive, or an activation that is not a function.

    Source: Rumelhart, Hinton and Williams (1986).
    """

    layers: tuple[Linear, ...]
    activation: Callable = eqx.field(static=True)

    def __init__(self, sizes: Sequence[int], *, key: PRNGKeyArray, activation: Callable = relu):
        if not isinstance(sizes, Sequence | np.ndarray) or isinstance(sizes, str) or len(sizes) < 2:
            received = check.received(sizes)
            raise InputError(f"sizes must name at least input and output, such as (784, 10), but are {received}")
        check.whole(**{f"sizes[{i}]": size for i, size in enumerate(sizes)})
        check.key(key)
        check.functions(activation=activation)
        keys = jax.random.split(key, len(sizes) - 1)
        shapes = pairwise(sizes)
        self.layers = tuple(Linear(i, o, key=k) for (i, o), k in zip(shapes, keys, strict=True))
        self.activation = activation

    def __call__(self, x: Num[ArrayLike, "... in"], *, key: PRNGKeyArray | None = None) -> Float[Array, "... out"]:
        """Map (…, in) to logits (…, out)."""
        h = x
        for layer in self.layers[:-1]:
            h = self.activation(layer(h))
        return self.layers[-1](h)
