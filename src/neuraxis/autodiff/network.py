"""A small network for the tape, trained by the classic loop.

```
for x, t in batches:
    y = net(x)
    loss = cross_entropy(y, t)
    net.zero_grad()
    loss.backward()
    for parameter in net.parameters:
        parameter.val -= learning_rate * parameter.grad
```
"""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import PRNGKeyArray

from neuraxis import check
from neuraxis.autodiff.ops import matmul, relu
from neuraxis.autodiff.var import Var, value_of, with_axes
from neuraxis.errors import InputError

Layers = Sequence[tuple[Any, Any]]


def forward(layers: Layers, x: Any, activation: Callable[[Any], Any] = relu) -> Any:
    """Apply all layers, h ← σ(h W + b), with no activation after the last one.

    Args:
        layers: pairs (W, b) of shapes (in, out) and (out,), of arrays or `Var`s.
        x: examples, (…, in).
        activation: activation function σ.

    Raises:
        InputError: if `layers` is empty or does not consist of such pairs.
    """
    pairs = isinstance(layers, Sequence) and all(isinstance(pair, Sequence) and len(pair) == 2 for pair in layers)
    if not (pairs and layers):
        raise InputError(f"layers must be a list of at least one pair (W, b), but are {check.received(layers)}")
    *hidden, (W, b) = layers
    for V, c in hidden:
        x = activation(matmul(x, V) + c)
    return matmul(x, W) + b


class Network:
    """Fully connected network whose parameters are `Var`s: y = net(x), with x (…, in) and y (…, out).

    Parameters are NumPy arrays. Initial weights are normally distributed with variance 2/n_in (He et al., ICCV 2015),
    initial biases are zero.

    Attributes:
        layers: (W, b) of each layer, W (in, out).

    Raises:
        InputError: for fewer than two sizes, a size that is not a positive integer, or an activation that is not a
            function.
    """

    def __init__(self, sizes: Sequence[int], activation: Callable[[Any], Any] = relu, *, key: PRNGKeyArray):
        if not isinstance(sizes, Sequence) or isinstance(sizes, str) or len(sizes) < 2:
            raise InputError(f"sizes must name at least input and output, but are {check.received(sizes)}")
        for size in sizes:
            check.whole(sizes=size)
        check.functions(activation=activation)
        check.key(key)
        for pair in pairwise(sizes):
            check.array_fits("sizes", pair)
        self.activation = activation
        self.layers = []
        for i, (n, m) in enumerate(pairwise(sizes), start=1):
            key, own = jax.random.split(key)
            weights = jax.random.normal(own, (n, m)) * (2 / n) ** 0.5
            self.layers.append((Var(np.array(weights), f"W{i}"), Var(np.array(jnp.zeros(m)), f"b{i}")))

    @property
    def parameters(self) -> list[Var]:
        """W and b of all layers."""
        return [parameter for layer in self.layers for parameter in layer]

    def zero_grad(self) -> None:
        """Reset the gradients of all parameters."""
        for parameter in self.parameters:
            parameter.zero_grad()

    def __call__(self, x: Any) -> Any:
        """Return the outputs (logits, for classification).

        Raises:
            InputError: if the last axis of x does not have the input size.
        """
        x = with_axes("x", x)
        check.last_axis(self.layers[0][0].shape[0], x=value_of(x))
        return forward(self.layers, x, self.activation)
