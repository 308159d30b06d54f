"""The hidden state that a recurrent cell begins with."""

from typing import Any

import jax.numpy as jnp
from jaxtyping import Array, Float

from neuraxis import check
from neuraxis.errors import InputError
from neuraxis.layers import Linear


def zero_state(input: Linear, hidden_size: int, input_shape: Any) -> Float[Array, "... hidden"]:
    """Return h = 0 for inputs of that shape, (…, in).

    Args:
        input: the layer that takes them.
        hidden_size: features of h.
        input_shape: of one step, without the time axis.

    Raises:
        InputError: where the layer takes inputs of another size.
    """
    in_size, shape = len(input.weight), check.broadcast(input_shape)
    if shape[-1:] != (in_size,):
        raise InputError(f"the input of a step must have shape (…, {in_size}), but has shape {shape}")
    return jnp.zeros((*shape[:-1], hidden_size), input.weight.dtype)


def as_state(state: Any, shape: tuple[int, ...]) -> Float[Array, "... hidden"]:
    """Return a state of h as floats.

    Raises:
        InputError: for one of another shape, or that holds no numbers.
    """
    h = check.floats("state", state)
    if h.shape != shape:
        raise InputError(f"state must have shape {shape}, but has shape {h.shape}")
    return h
