"""Leaves of a pytree as a checkpoint holds them: by name, compared with what is expected, put back."""

from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import NamedSharding
from jaxtyping import PyTree

from neuraxis.errors import CheckpointError

Plain = bool | int | float | complex | str
_KINDS = (bool, int, float, complex, str)
_LISTED = 5  # how many misfits a message names


def named(tree: PyTree) -> dict[str, Any]:
    """Return the leaves by their paths, such as `layers[0].weight`."""
    return {jax.tree_util.keystr(path).lstrip("."): leaf for path, leaf in jax.tree.leaves_with_path(tree)}


def is_array(leaf: Any) -> bool:
    """Tell whether a leaf is stored as an array; NumPy's double precision counts among Python's numbers."""
    arrays = isinstance(leaf, jax.Array | np.ndarray | np.generic | jax.ShapeDtypeStruct)
    return arrays and not isinstance(leaf, Plain)


def is_stored(leaf: Any) -> bool:
    """Tell whether a leaf is stored; the others belong to the code."""
    return is_array(leaf) or isinstance(leaf, Plain)


def kind_of(leaf: Plain) -> type:
    """Return which of Python's types a number or text is stored as."""
    return next(kind for kind in _KINDS if isinstance(leaf, kind))


def described(stored: Any, key: str | None) -> jax.ShapeDtypeStruct:
    """Return shape and dtype of an array, or of the random keys whose words it holds."""
    if key is None:
        return jax.ShapeDtypeStruct(stored.shape, stored.dtype)
    return jax.ShapeDtypeStruct(stored.shape[:-1], jax.random.key(0, impl=key).dtype)


def difference(leaf: Any, found: Any) -> str | None:
    """Say how what was found differs from what can be put in the place of `leaf`; None where it fits.

    A whole number can stand where a float is expected.
    """
    if isinstance(leaf, Plain):
        kind = kind_of(leaf)
        value = complex(*found) if isinstance(found, list) else found
        is_whole = kind is float and type(value) is int and int(float(value)) == value
        return None if type(value) is kind or is_whole else f"should be of type {kind.__name__}, but is {words(found)}"
    fits = isinstance(found, jax.ShapeDtypeStruct) and (found.shape, found.dtype.name) == (leaf.shape, leaf.dtype.name)
    return None if fits else f"should be {words(leaf)}, but is {words(found)}"


def refuse(path: Path, misfits: list[str]) -> None:
    """Refuse a file that does not fit a model, if there is anything in which it does not.

    Raises:
        CheckpointError: with what does not fit, as far as that is short.
    """
    if misfits:
        more = f"; and {len(misfits) - _LISTED} more" if len(misfits) > _LISTED else ""
        raise CheckpointError(f"{path} does not fit this model: {'; '.join(misfits[:_LISTED])}{more}")


def words(leaf: Any) -> str:
    """Describe a leaf: an array by dtype and shape, as in float32[2, 3]."""
    if hasattr(leaf, "dtype") and hasattr(leaf, "shape"):
        return f"{leaf.dtype.name}{list(leaf.shape)}"
    return repr(complex(*leaf) if isinstance(leaf, list) else leaf)


def place(leaf: Any) -> NamedSharding | None:
    """Say how an array is laid out over a mesh; None leaves it to JAX."""
    sharding = getattr(leaf, "sharding", None)
    return sharding if isinstance(sharding, NamedSharding) else None


def like(path: Path, name: str, leaf: Any, got: Any, key: str | None) -> Any:
    """Put an array where `leaf` is, in the same kind of array.

    Raises:
        CheckpointError: for one in double precision where JAX has only single.
    """
    if isinstance(leaf, np.ndarray):
        return np.asarray(got, leaf.dtype)
    if isinstance(leaf, np.generic):
        return got[()]
    where = place(leaf)
    if isinstance(got, np.ndarray):
        got = jnp.asarray(got) if where is None else jax.make_array_from_callback(got.shape, where, got.__getitem__)
    got = got if key is None else jax.random.wrap_key_data(got, impl=key)
    if got.dtype != leaf.dtype:
        refuse(path, [f"{name} is of {leaf.dtype}, which JAX takes only where jax_enable_x64 is set"])
    return got
