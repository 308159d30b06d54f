"""Sums of products over named axes, in Einstein's notation."""

from collections.abc import Sequence
from string import ascii_letters
from typing import Any

import numpy as np

from neuraxis import check
from neuraxis.autodiff.var import EveryArgument, define, with_axes
from neuraxis.errors import InputError


def _einsum_backward(i: int, g: Any, y: Any, *arguments: Any, subscripts: str) -> Any:
    """Return the gradient by argument i: the sum of products of g with the other arguments, over all axes but its own.

    An axis that occurs nowhere else was summed: its entries share one gradient. An axis that occurs twice was a
    diagonal: off it the gradient is 0, by a unit matrix.
    """
    names, out = subscripts.split("->")
    *others, own = [*names.split(",")[:i], *names.split(",")[i + 1 :], names.split(",")[i]]
    unused = iter(letter for letter in ascii_letters if letter not in subscripts)
    factors, axes, wanted = [g, *arguments[:i], *arguments[i + 1 :]], [out, *others], ""
    for letter, size in zip(own, arguments[i].shape, strict=True):
        name = letter
        if letter in wanted:
            name = next(unused)
            factors, axes = [*factors, np.eye(size, dtype=y.dtype)], [*axes, letter + name]
        elif letter not in "".join(axes):
            factors, axes = [*factors, np.ones(size, y.dtype)], [*axes, letter]
        wanted += name
    return _einsum(*factors, subscripts=f"{','.join(axes)}->{wanted}")


_einsum = define(
    "einsum", lambda xp, *arguments, subscripts: xp.einsum(subscripts, *arguments), EveryArgument(_einsum_backward)
)


def einsum(subscripts: str, *arguments: Any) -> Any:
    """Multiply arrays and sum over axes, which letters name: `"ij,jk->ik"` is a product of matrices.

    Axes with the same letter run together; those that the part after the arrow does not name are summed. Without an
    arrow the result has the letters that occur once, in the order of the alphabet. `...` stands for the axes before
    those that are named.

    Raises:
        InputError: for letters that do not fit the arguments.
    """
    arguments = tuple(with_axes("an argument of einsum", a) for a in arguments)
    return _einsum(*arguments, subscripts=_spelled_out(subscripts, [a.ndim for a in arguments]))


def _spelled_out(subscripts: Any, ndims: Sequence[int]) -> str:
    """Write the result's letters, and letters for every `...`."""
    if not isinstance(subscripts, str):
        raise InputError(f'subscripts must be a text such as "ij,jk->ik", but are {check.received(subscripts)}')
    names, arrow, out = subscripts.replace(" ", "").partition("->")
    parts = names.split(",")
    plain = "".join([*parts, out]).replace("...", "")
    if not all(letter in ascii_letters for letter in plain) or len(parts) != len(ndims):
        raise InputError(f'subscripts must name the axes of {len(ndims)} arguments by letters, but are "{subscripts}"')
    rest = [ndim - len(part.replace("...", "")) for part, ndim in zip(parts, ndims, strict=True)]
    for part, more, ndim in zip(parts, rest, ndims, strict=True):
        if more < 0 or (more > 0 and "..." not in part):
            raise InputError(f'"{part}" in "{subscripts}" must name the axes of an argument with {ndim} axes')
    unused = [letter for letter in ascii_letters if letter not in plain]
    before = "".join(unused[: max([m for p, m in zip(parts, rest, strict=True) if "..." in p], default=0)])
    parts = [p.replace("...", before[len(before) - m :]) for p, m in zip(parts, rest, strict=True)]
    once = "".join(sorted(letter for letter in set(plain) if "".join(parts).count(letter) == 1))
    result = out.replace("...", before) if arrow else before + once
    if len(set(result)) < len(result) or not set(result) <= set("".join(parts)):
        raise InputError(f'the result of "{subscripts}" must name axes of the arguments, each once')
    return f"{','.join(parts)}->{result}"
