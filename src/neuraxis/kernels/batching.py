"""Calling a kernel for each entry of a batch."""

from collections.abc import Callable, Sequence
from typing import Any

from jax import lax
from jaxtyping import Array


def one_by_one(function: Callable[..., Any], in_batched: Sequence[bool], arguments: Sequence[Array]) -> Any:
    """Call a function for each entry of the batch in sequence; arguments without a batch are the same for all."""

    def one(own):
        own = iter(own)
        return function(*(next(own) if b else x for x, b in zip(arguments, in_batched, strict=True)))

    return lax.map(one, tuple(x for x, b in zip(arguments, in_batched, strict=True) if b))
