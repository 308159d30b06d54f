"""Leaves of a pytree in a checkpoint: named by their paths, compared with the expected ones, and restored."""

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
_LISTED = 5  # maximum number of mismatches listed in a message


def named(tree: PyTree) -> dict[str, Any]:
    """Return the leaves by their paths, such as `layers[0].weight`."""
    return {jax.tree_util.keystr(path).lstrip("."): leaf for path, leaf in jax.tree.leaves_with_path(tree)}


def is_array(leaf: Any) -> bool:
    """Return whether a leaf is stored as an array; np.float64, a subclass of float, is stored as a Python number."""
    arrays = isinstance(leaf, jax.Array | np.ndarray | np.generic | jax.ShapeDtypeStruct)
    return arrays and not isinstance(leaf, Plain)


def is_stored(leaf: Any) -> bool:
    """Return whether a leaf is stored; all others are part of the code."""
    return is_array(leaf) or isinstance(leaf, Plain)


def kind_of(leaf: Plain) -> type:
    """Return the Python type as which a number or string is stored."""
    return next(kind for kind in _KINDS if isinstance(leaf, kind))


def described(stored: Any, key: str | None) -> jax.ShapeDtypeStruct:
    """Return shape and dtype of an array, or of the random keys whose key data it holds."""
    if key is None:
        return jax.ShapeDtypeStruct(stored.shape, stored.dtype)
    return jax.ShapeDtypeStruct(stored.shape[:-1], jax.random.key(0, impl=key).dtype)


def difference(leaf: Any, found: Any) -> str | None:
    """Describe how a stored value differs from one that can replace `leaf`; return None if it fits.

    An integer can replace a float.
    """
    if isinstance(leaf, Plain):
        kind = kind_of(leaf)
        value = complex(*found) if isinstance(found, list) else found
        is_whole = kind is float and type(value) is int and int(float(value)) == value
        return None if type(value) is kind or is_whole else f"should be of type {kind.__name__}, but is {words(found)}"
    fits = isinstance(found, jax.ShapeDtypeStruct) and (found.shape, found.dtype.name) == (leaf.shape, leaf.dtype.name)
    return None if fits else f"should be {words(leaf)}, but is {words(found)}"


def refuse(path: Path, misfits: list[str]) -> None:
    """Refuse a file that does not fit a model, if there are any mismatches.

    Raises:
        CheckpointError: with the first mismatches.
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
    """Return the sharding of an array over a mesh; None leaves it to JAX."""
    sharding = getattr(leaf, "sharding", None)
    return sharding if isinstance(sharding, NamedSharding) else None


def like(path: Path, name: str, leaf: Any, got: Any, key: str | None) -> Any:
    """Convert a stored array to the kind of array, and the sharding, of `leaf`.

    Raises:
        CheckpointError: for double precision if it is disabled in JAX.
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
        refuse(path, [f"{name} is of {leaf.dtype}, which JAX supports only if jax_enable_x64 is set"])
    return got
