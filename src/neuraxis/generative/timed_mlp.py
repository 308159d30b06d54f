"""A multilayer perceptron with time and class as further inputs: a diffusion network for points."""

from collections.abc import Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float, Integer, PRNGKeyArray

from neuraxis import check
from neuraxis.feedforward import MLP
from neuraxis.functions.activations import silu
from neuraxis.generative.conditioning import Conditioning, for_each_example


class TimedMLP(eqx.Module):
    """y = f([x, e]), with a multilayer perceptron f and the `Conditioning` e on time and class.

    Args:
        size: number of features of x and y.
        hidden_sizes: numbers of neurons in the hidden layers of f; the first is also the size of e.
        key: random key for the initial weights.
        classes: number of classes; 0 for a network without labels.

    Raises:
        InputError: for sizes that are not positive, or an x of another size.
    """

    conditioning: Conditioning
    network: MLP

    def __init__(self, size: int, hidden_sizes: Sequence[int], *, key: PRNGKeyArray, classes: int = 0):
        check.whole(size=size)
        check.key(key)
        hidden_sizes = check.sizes(hidden_sizes=hidden_sizes)
        own, rest = jax.random.split(key)
        self.conditioning = Conditioning(hidden_sizes[0], key=own, classes=classes)
        self.network = MLP((size + hidden_sizes[0], *hidden_sizes, size), key=rest, activation=silu)

    @property
    def classes(self) -> int:
        """Number of classes."""
        return self.conditioning.classes

    def __call__(
        self,
        x: Float[ArrayLike, "... feature"],
        time: Float[ArrayLike, "..."],
        label: Integer[ArrayLike, "..."] | None = None,
        *,
        key: PRNGKeyArray | None = None,
    ) -> Float[Array, "... feature"]:
        """Map points (…, feature) at times (…) to (…, feature); times and labels are broadcast."""
        points = check.floats("x", x)
        check.last_axis(self.network.layers[-1].weight.shape[1], x=points)
        e = for_each_example(self.conditioning, points.shape[:-1], time, label)
        return self.network(jnp.concatenate([points, e.astype(points.dtype)], axis=-1))
