"""What pages that train have in common: learning rates that are values, and curves that stay short."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import PyTree


def with_hyperparameters(state: PyTree, **values: int | float) -> PyTree:
    """Return the state of a rule with new hyperparameters of its optimisers, made by `optax.inject_hyperparams`.

    They are values there, so that another learning rate reuses the compiled program.
    """
    arrays = {name: jnp.asarray(value, jnp.float32) for name, value in values.items()}
    is_optimizer = lambda node: hasattr(node, "hyperparams")
    replaced = lambda node: node._replace(hyperparams=node.hyperparams | arrays) if is_optimizer(node) else node
    return jax.tree.map(replaced, state, is_leaf=is_optimizer)


def remembered(history: np.ndarray, row: Sequence[Any] | np.ndarray, most: int = 500) -> np.ndarray:
    """Return a history (rows, columns) with a row added; once it has more than `most`, every second row is dropped.

    The last row is always kept.
    """
    longer = np.concatenate([history, np.asarray(row, float)[None]])
    return longer if len(longer) <= most else longer[::-1][::2][::-1]
