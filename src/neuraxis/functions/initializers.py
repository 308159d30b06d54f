"""Random initial weights, equal to those of `jax.nn.initializers` for the same key.

XLA compiles random number generation anew for every shape, which takes seconds on a CPU for small arrays, where it
unrolls the loops. Here numbers are drawn in arrays of few sizes, of which each weight takes the first entries: JAX's
random numbers do not depend on how many are drawn.
"""

import math
from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Array, ArrayLike, Float, PRNGKeyArray

from neuraxis import check
from neuraxis.errors import InputError

Initializer = Callable[[PRNGKeyArray, tuple[int, ...]], Array]

_FEWEST = 2**16
_BYTES = 16  # of memory per number while drawing: random bits, their halves, and the result
_STANDARD_DEVIATION = 0.87962566103423978  # of the standard normal distribution truncated at ±2


def he_normal(key: PRNGKeyArray, shape: tuple[int, ...]) -> Float[Array, "..."]:
    """Draw (*space, in, out) with variance 2/n_in, n_in = in · ∏ space, from a normal distribution truncated at 2σ.

    It preserves the size of activations from layer to layer of ReLU neurons.

    Raises:
        InputError: if the key is not a random key, or the shape does not consist of integers.

    Source: He et al., International Conference on Computer Vision (2015).
    """
    inputs = _inputs(key, shape)
    return _draw(_truncated, key, shape) * (math.sqrt(2 / inputs) / _STANDARD_DEVIATION)


def scaled_normal(variance: ArrayLike) -> Initializer:
    """Return an initializer that draws (in, out) from a normal distribution of mean 0 and variance `variance`/in.

    Raises:
        InputError: for a variance that is negative, not finite or not one number.
    """
    check.not_negative(variance=variance)
    check.one_number(variance=variance)

    def draw(key: PRNGKeyArray, shape: tuple[int, ...]) -> Float[Array, "..."]:
        inputs = _inputs(key, shape)
        return _draw(jax.random.normal, key, shape) * jnp.sqrt(variance / inputs)

    return draw


def _inputs(key: PRNGKeyArray, shape: tuple[int, ...]) -> int:
    """Return the number of inputs of one neuron with weights of that shape."""
    check.key(key)
    if not isinstance(shape, tuple | list):
        raise InputError(f"shape must be a tuple of integers, but is {check.received(shape)}")
    check.whole(0, **{f"shape[{axis}]": size for axis, size in enumerate(shape)})
    return max(1, math.prod(shape[:-1]))  # without inputs there are no weights to scale


def _truncated(key: PRNGKeyArray, shape: tuple[int, ...]) -> Array:
    return jax.random.truncated_normal(key, -2.0, 2.0, shape)


def _draw(sampler: Callable[..., Array], key: PRNGKeyArray, shape: tuple[int, ...]) -> Array:
    size = int(math.prod(shape))  # the shape may consist of NumPy integers
    drawn = max(_FEWEST, 1 << (size - 1).bit_length())
    check.memory(f"drawing weights of shape {tuple(shape)}", _BYTES * drawn)
    flat = _flat(sampler, key, drawn)
    # In NumPy unless traced, so that nothing is compiled for the shape.
    return (
        flat[:size].reshape(shape) if isinstance(flat, Tracer) else jnp.asarray(np.asarray(flat)[:size].reshape(shape))
    )


@partial(jax.jit, static_argnums=(0, 2))
def _flat(sampler, key, count):
    return sampler(key, (count,))
