"""Checkpoints: any pytree in one safetensors file. No pickle, written atomically, checked when read.

The file holds every array under its path in the pytree (`layers[0].weight`), and as JSON in its header the Python
numbers among the leaves, whatever the caller wants to remember, and a SHA-256 over all of it. Leaves that are neither
(activation functions, say) belong to the code and are taken from the pytree that is loaded into.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import PyTree
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save as to_bytes

from neuraxis.errors import CheckpointError
from neuraxis.files import write_atomically

_FORMAT = "neuraxis checkpoint 1"


def save(path: Path, tree: PyTree, about: dict[str, Any] | None = None) -> None:
    """Write `tree`, and `about` (anything JSON can hold), to `path`.

    Raises:
        OSError: where the file cannot be written; an older file of that name is then untouched.
    """
    arrays, numbers = {}, {}
    for name, leaf in _named(tree):
        if _is_array(leaf):
            arrays[name] = np.asarray(jax.random.key_data(leaf) if _is_key(leaf) else leaf)
        elif isinstance(leaf, int | float):
            numbers[name] = leaf
    header = {"format": _FORMAT, "numbers": json.dumps(numbers), "about": json.dumps(about or {})}
    write_atomically(path, to_bytes(arrays, metadata=header | {"sha256": _digest(header, arrays)}))


def load(path: Path, like: PyTree) -> PyTree:
    """Read a checkpoint into the structure of `like`, whose arrays say the shapes and dtypes that are expected.

    Raises:
        CheckpointError: where the file is missing, damaged, or does not fit `like`.
    """
    header, arrays = _read(path)
    numbers = json.loads(header["numbers"])
    expected = {name for name, leaf in _named(like) if _is_array(leaf) or isinstance(leaf, int | float)}
    if differing := expected ^ (arrays.keys() | numbers.keys()):
        name = min(differing)
        where = "lacks" if name in expected else "holds besides"
        raise CheckpointError(f"{path} does not fit this model: it {where} {name!r}")

    def restore(name: str, leaf: Any) -> Any:
        if name in numbers:
            return type(leaf)(numbers[name])
        if name not in arrays:
            return leaf
        if _is_key(leaf):
            return jax.random.wrap_key_data(jnp.asarray(arrays[name]), impl=jax.random.key_impl(leaf))
        got = arrays[name]
        if got.shape != leaf.shape or got.dtype != leaf.dtype:
            raise CheckpointError(
                f"{path} does not fit this model: {name} should be {leaf.dtype}{list(leaf.shape)}, "
                f"but is {got.dtype}{list(got.shape)}"
            )
        return got if isinstance(leaf, np.ndarray) else jnp.asarray(got)

    leaves = [restore(name, leaf) for name, leaf in _named(like)]
    return jax.tree.unflatten(jax.tree.structure(like), leaves)


def about(path: Path) -> dict[str, Any]:
    """Read what `save` was told to remember.

    Raises:
        CheckpointError: where the file is missing or damaged.
    """
    return json.loads(_read(path)[0]["about"])


def _read(path: Path) -> tuple[dict[str, str], dict[str, np.ndarray]]:
    try:
        with safe_open(path, framework="np") as file:
            header = dict(file.metadata() or {})
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
    except FileNotFoundError as error:
        raise CheckpointError(f"there is no checkpoint {path}") from error
    except (SafetensorError, OSError, ValueError) as error:
        raise CheckpointError(f"{path} is damaged or not a checkpoint: {error}") from error
    if header.get("format") != _FORMAT:
        raise CheckpointError(f"{path} is not a checkpoint of this program: its format is {header.get('format')!r}")
    if header.pop("sha256", None) != _digest(header, arrays):
        raise CheckpointError(f"{path} is damaged: its content does not match its SHA-256")
    return header, arrays


def _digest(header: dict[str, str], arrays: dict[str, np.ndarray]) -> str:
    digest = hashlib.sha256(json.dumps(header, sort_keys=True).encode())
    for name in sorted(arrays):
        digest.update(f"{name} {arrays[name].dtype} {arrays[name].shape}".encode())
        digest.update(np.ascontiguousarray(arrays[name]).tobytes())
    return digest.hexdigest()


def _named(tree: PyTree) -> list[tuple[str, Any]]:
    return [(jax.tree_util.keystr(path).lstrip("."), leaf) for path, leaf in jax.tree.leaves_with_path(tree)]


def _is_array(leaf: Any) -> bool:
    return isinstance(leaf, jax.Array | np.ndarray | jax.ShapeDtypeStruct)


def _is_key(leaf: Any) -> bool:
    return isinstance(leaf, jax.Array) and jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)
