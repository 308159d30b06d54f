"""A multilayer perceptron that knows the time: the network of diffusion for points."""

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
        size: numbers in x and y.
        hidden_sizes: neurons in the hidden layers of f; the first is also the size of e.
        key: seed of the weights.
        classes: how many are known.

    Raises:
        InputError: for sizes that are not positive, or an x that does not fit.
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
        """How many classes are known."""
        return self.conditioning.classes

    def __call__(
        self,
        x: Float[ArrayLike, "... feature"],
        time: Float[ArrayLike, "..."],
        label: Integer[ArrayLike, "..."] | None = None,
        *,
        key: PRNGKeyArray | None = None,
    ) -> Float[Array, "... feature"]:
        """Map (…, feature) at times (…) to (…, feature); one time, or one label, may stand for all."""
        points = check.floats("x", x)
        check.last_axis(self.network.layers[-1].weight.shape[1], x=points)
        e = for_each_example(self.conditioning, points.shape[:-1], time, label)
        return self.network(jnp.concatenate([points, e.astype(points.dtype)], axis=-1))
