"""Sequences of different lengths in one array."""

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Bool, Int, Integer

from neuraxis import check
from neuraxis.errors import InputError


def padded(
    sequences: Sequence[Any], padding: int = 0, length: int | None = None
) -> tuple[Int[np.ndarray, "batch time"], Int[np.ndarray, " batch"]]:
    """Stack sequences of tokens, with padding at the end of each.

    Args:
        sequences: lists or arrays of integers.
        padding: padding token.
        length: padded length; by default that of the longest sequence.

    Returns:
        The tokens, int32, and the original lengths.

    Raises:
        InputError: for arguments that are not sequences of integers, or sequences longer than `length`.
    """
    check.whole(0, padding=padding)
    if not isinstance(sequences, Sequence | np.ndarray) or isinstance(sequences, str | bytes):
        raise InputError(f"sequences must be a list of sequences of tokens, but is {check.received(sequences)}")
    rows = [_tokens(f"sequences[{i}]", sequence) for i, sequence in enumerate(sequences)]
    lengths = np.array([len(row) for row in rows], np.int32)
    longest = int(lengths.max(initial=0))
    if length is not None:
        check.whole(0, length=length)
        if longest > length:
            raise InputError(f"sequences must be at most {length} tokens long, but one has {longest}")
    tokens = np.full((len(rows), longest if length is None else int(length)), padding, np.int32)
    for row, sequence in zip(tokens, rows, strict=True):
        row[: len(sequence)] = sequence
    return tokens, lengths


def within(lengths: Integer[ArrayLike, "..."], time: int) -> Bool[Array, "... time"]:
    """Return the mask of padded sequences: True for tokens, False for padding.

    Args:
        lengths: original lengths of the sequences.
        time: padded length.

    Raises:
        InputError: for lengths or a time that are not integers.
    """
    check.whole(0, time=time)
    numbers = check.array("lengths", lengths)
    if numbers.dtype.kind not in "iu":
        raise InputError(f"lengths must be integers, but have dtype {numbers.dtype}")
    return jnp.arange(time) < jnp.asarray(numbers)[..., None]


def _tokens(name: str, sequence: Any) -> np.ndarray:
    tokens = np.asarray(check.array(name, sequence))
    if tokens.ndim != 1 or (tokens.size and tokens.dtype.kind not in "iu"):
        raise InputError(f"{name} must be a sequence of integers, but is {check.received(sequence)}")
    return tokens
