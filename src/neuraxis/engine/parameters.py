"""Which leaves of a model are its parameters."""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
from jaxtyping import PyTree

from neuraxis import check
from neuraxis.errors import InputError
from neuraxis.kinds import Statistics
from neuraxis.values import is_number


def learnable(model: PyTree) -> PyTree:
    """Say of every leaf whether it is learnt: arrays of floating-point numbers are, if not in `kinds.Statistics`.

    Python numbers are not: `jnp.asarray(20.0)` in a field makes it learnable.
    """

    def mark(node: Any) -> Any:
        if isinstance(node, Statistics):
            return jax.tree.map(lambda _: False, node)
        return eqx.is_inexact_array(node) and not is_number(node)

    return jax.tree.map(mark, model, is_leaf=lambda node: isinstance(node, Statistics))


def split_parameters(model: PyTree) -> tuple[PyTree, PyTree]:
    """Take a model apart into its parameters and the rest; `equinox.combine` puts it together again."""
    return eqx.partition(model, learnable(model))


def picked(model: PyTree, pick: Callable[[Any], Any], name: str) -> PyTree:
    """Say of every leaf whether `pick`, which a user calls `name`, picks it, alone or with the part that it is in.

    Raises:
        InputError: for one that does not fit the model.
    """
    check.functions(**{name: pick})
    nothing = jax.tree.map(lambda _: False, model)
    try:
        return eqx.tree_at(pick, nothing, replace_fn=lambda part: jax.tree.map(lambda _: True, part))
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"{name} must pick parts of the model, as in lambda model: model.head, but does not fit this one: {error}"
        ) from error
