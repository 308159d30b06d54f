"""The initial hidden state of a recurrent cell."""

from typing import Any

import jax.numpy as jnp
from jaxtyping import Array, Float

from neuraxis import check
from neuraxis.errors import InputError
from neuraxis.layers import Linear


def zero_state(input: Linear, hidden_size: int, input_shape: Any) -> Float[Array, "... hidden"]:
    """Return h = 0, (…, hidden).

    Args:
        input: input layer of the cell.
        hidden_size: number of features of h.
        input_shape: shape of the input of one step, (…, in).

    Raises:
        InputError: for inputs of another size than that of the layer.
    """
    in_size, shape = len(input.weight), check.broadcast(input_shape)
    if shape[-1:] != (in_size,):
        raise InputError(f"the input of a step must have shape (…, {in_size}), but has shape {shape}")
    return jnp.zeros((*shape[:-1], hidden_size), input.weight.dtype)


def as_state(state: Any, shape: tuple[int, ...]) -> Float[Array, "... hidden"]:
    """Return a state as floats.

    Raises:
        InputError: for a state of another shape, or that is not numeric.
    """
    h = check.floats("state", state)
    if h.shape != shape:
        raise InputError(f"state must have shape {shape}, but has shape {h.shape}")
    return h
