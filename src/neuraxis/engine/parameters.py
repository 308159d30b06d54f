"""Selection of the parameters of a model."""

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
    """Mark every leaf as trained or not: floating-point arrays are trained, unless they are in `kinds.Statistics`.

    Python numbers are not: `jnp.asarray(20.0)` in a field makes it learnable.
    """

    def mark(node: Any) -> Any:
        if isinstance(node, Statistics):
            return jax.tree.map(lambda _: False, node)
        return eqx.is_inexact_array(node) and not is_number(node)

    return jax.tree.map(mark, model, is_leaf=lambda node: isinstance(node, Statistics))


def split_parameters(model: PyTree) -> tuple[PyTree, PyTree]:
    """Split a model into its parameters and the rest; `equinox.combine` recombines them."""
    return eqx.partition(model, learnable(model))


def picked(model: PyTree, pick: Callable[[Any], Any], name: str) -> PyTree:
    """Mark every leaf that `pick`, the user's argument `name`, selects, alone or as part of a subtree.

    Raises:
        InputError: for a function that does not fit the model.
    """
    check.functions(**{name: pick})
    nothing = jax.tree.map(lambda _: False, model)
    try:
        return eqx.tree_at(pick, nothing, replace_fn=lambda part: jax.tree.map(lambda _: True, part))
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"{name} must pick parts of the model, as in lambda model: model.head, but does not fit this one: {error}"
        ) from error
