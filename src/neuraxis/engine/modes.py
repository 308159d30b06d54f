"""Training and inference mode: the fields called `inference`, and parts of a model that measure statistics in training.

A layer that the user put into inference mode, `inference=True`, stays in it. Models returned by `fit` and `load` are in
inference mode too, ready for use, but return to training mode when passed to `fit` again. These functions therefore set
a different value, which counts as True everywhere else.
"""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import PyTree

from neuraxis.kinds import Statistics


class _ReadyForUse(int):
    """The value of True that neuraxis itself sets."""

    def __repr__(self) -> str:
        return "True"


def for_use(model: PyTree) -> PyTree:
    """Put a model into inference mode; `for_training` reverses this."""
    return _with_flags(model, lambda flag: flag or _ReadyForUse(True))


def for_training(model: PyTree) -> PyTree:
    """Put a model into training mode, except for layers that the user put into inference mode.

    Statistics are promoted to at least single precision, in which they are measured.
    """
    model = _with_flags(model, lambda flag: False if isinstance(flag, _ReadyForUse) else flag)
    return jax.tree.map(
        lambda node: jax.tree.map(_in_single, node) if isinstance(node, Statistics) else node,
        model,
        is_leaf=lambda node: isinstance(node, Statistics),
    )


def _in_single(leaf: Any) -> Any:
    return leaf.astype(jnp.promote_types(leaf.dtype, jnp.float32)) if eqx.is_inexact_array(leaf) else leaf


def _with_flags(model: PyTree, change: Callable[[Any], Any]) -> PyTree:
    def changed(path: tuple[Any, ...], leaf: Any) -> Any:
        is_flag = path and getattr(path[-1], "name", None) == "inference" and isinstance(leaf, bool | _ReadyForUse)
        return change(leaf) if is_flag else leaf

    return jax.tree.map_with_path(changed, model)


def measuring_parts(model: PyTree) -> list[tuple[str, Any]]:
    """Return the parts of a model that have statistics and are in training mode, with their paths."""
    nodes = jax.tree.leaves_with_path(model, is_leaf=_has_statistics)
    parts = [(path, node) for path, node in nodes if _has_statistics(node) and not getattr(node, "inference", False)]
    return [(jax.tree_util.keystr(path).lstrip("."), part) for path, part in parts]


def _has_statistics(node: Any) -> bool:
    fields = vars(node).values() if isinstance(node, eqx.Module) else ()
    return isinstance(node, Statistics) or any(isinstance(field, Statistics) for field in fields)
