"""Sums of products over named axes, in Einstein notation."""

from collections.abc import Sequence
from string import ascii_letters
from typing import Any

import numpy as np

from neuraxis import check
from neuraxis.autodiff.var import EveryArgument, define, with_axes
from neuraxis.errors import InputError


def _einsum_backward(i: int, g: Any, y: Any, *arguments: Any, subscripts: str) -> Any:
    """Return the gradient of argument i: the products of g and the other arguments, summed over all axes but its own.

    Along an axis that occurs nowhere else, which was summed, all entries have the same gradient. If an axis occurs
    twice, the argument's diagonal was taken; a unit matrix makes the gradient 0 off the diagonal.
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
    """Multiply arrays and sum over axes, which are named by letters: `"ij,jk->ik"` is a matrix product.

    Axes with the same letter are aligned; those that do not occur after the arrow are summed over. Without an arrow the
    result has the letters that occur once, in alphabetical order. `...` stands for the axes without a letter.

    Raises:
        InputError: for letters that do not fit the arguments.
    """
    arguments = tuple(with_axes("an argument of einsum", a) for a in arguments)
    return _einsum(*arguments, subscripts=_spelled_out(subscripts, [a.ndim for a in arguments]))


def _spelled_out(subscripts: Any, ndims: Sequence[int]) -> str:
    """Write out the letters of the result, and letters for every `...`."""
    if not isinstance(subscripts, str):
        raise InputError(f'subscripts must be a string such as "ij,jk->ik", but are {check.received(subscripts)}')
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
