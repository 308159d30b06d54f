"""Checkpoints: any pytree in one safetensors file. No pickle, written atomically, checked when read.

The file holds every array under its path in the pytree (`layers[0].weight`), and in its header the Python numbers and
texts among the leaves, the kinds of random keys, and whatever the caller wants to remember. Functions belong to the
code and are taken from the pytree that is loaded into. Of any other leaf, `save` says that it cannot be stored.

There are two forms. What lies whole in the memory of one process, on one device or shared between several, becomes one
safetensors file, which other programs can read: everything that is exported is of this form. Arrays of which every
process holds a part only need not fit into one host. They are written with orbax, every process its part, into a
folder that all of them must see; the file, with all the rest, lies beside them in it. `save` sees which form is needed,
and reading sees which it was.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import NamedSharding
from jaxtyping import PyTree

from neuraxis.engine import archive, spread
from neuraxis.engine.interrupt import hold_interrupts
from neuraxis.engine.modes import for_use
from neuraxis.errors import CheckpointError
from neuraxis.values import is_key

_Plain = bool | int | float | complex | str
_KINDS = (bool, int, float, complex, str)


def save(path: os.PathLike | str, tree: PyTree, about: dict[str, Any] | None = None) -> None:
    """Write `tree`, and `about` (anything JSON can hold), to `path`; where several processes run, call it in all.

    An interrupt is held back until all is written.

    Raises:
        CheckpointError: for a leaf that cannot be stored; its name is said.
        InputError: where arrays are spread over several processes and orbax is not installed.
        OSError: where the file cannot be written; an older checkpoint of that name is then untouched.
    """
    path, arrays, plain, keys = Path(path), {}, {}, {}
    for name, leaf in _named(tree):
        if _is_array(leaf):
            if is_key(leaf):
                keys[name] = jax.random.key_impl(leaf)
            arrays[name] = _storable(name, jax.random.key_data(leaf) if is_key(leaf) else leaf)
        elif isinstance(leaf, _Plain):
            plain[name] = [leaf.real, leaf.imag] if isinstance(leaf, complex) else _kind(leaf)(leaf)
        elif not _is_code(leaf):
            raise CheckpointError(f"{name} is a {type(leaf).__name__}, which a checkpoint cannot hold")
    whole = {name: np.asarray(array) for name, array in arrays.items() if not spread.is_spread(array)}
    content = {"plain": dict(sorted(plain.items())), "keys": dict(sorted(keys.items())), "about": about or {}}
    with hold_interrupts():
        if whole.keys() != arrays.keys():
            spread.write(path, content, whole, {name: arrays[name] for name in arrays.keys() - whole.keys()})
        elif jax.process_index() == 0:
            archive.write(spread.file_of(path), content, whole)


def load(path: os.PathLike | str, like: PyTree) -> PyTree:
    """Read a model, ready for use: its layers are in inference mode.

    Args:
        path: what was saved.
        like: a pytree of the same structure. Its arrays, or their bare shapes as `eqx.filter_eval_shape` makes them,
            say the shapes and dtypes that are expected and the shardings that arrays get; those of NumPy stay such.

    Raises:
        CheckpointError: where the checkpoint is missing, damaged, or does not fit `like`.
    """
    return for_use(restore(path, like))


def restore(path: os.PathLike | str, like: PyTree) -> PyTree:
    """Read any pytree as it was saved: `load` for the positions of trainings.

    Raises:
        CheckpointError: where the checkpoint is missing, damaged, or does not fit `like`.
    """
    path, leaves = Path(path), dict(_named(like))
    content, arrays = archive.read(spread.file_of(path))
    plain, keys = content["plain"], content["keys"]
    shapes = {**arrays, **spread.shapes(content)}
    expected = {name for name, leaf in leaves.items() if _is_array(leaf) or isinstance(leaf, _Plain)}
    if differing := expected ^ (shapes.keys() | plain.keys()):
        name = min(differing)
        raise _misfit(path, f"it {'lacks' if name in expected else 'holds besides'} {name!r}")
    for name in expected:
        found = plain[name] if name in plain else _described(shapes[name], keys.get(name))
        _compare(path, name, leaves[name], found)
    arrays |= spread.read(path, content, {name: _place(leaf) for name, leaf in leaves.items() if name in shapes})

    def restored(name: str, leaf: Any) -> Any:
        if name in plain:
            return type(leaf)(complex(*plain[name]) if isinstance(leaf, complex) else plain[name])
        return _like(path, name, leaf, arrays[name], keys.get(name)) if name in arrays else leaf

    return jax.tree.unflatten(jax.tree.structure(like), [restored(name, leaf) for name, leaf in leaves.items()])


def about(path: os.PathLike | str) -> dict[str, Any]:
    """Read what `save` was told to remember.

    Raises:
        CheckpointError: where the checkpoint is missing or damaged.
    """
    return archive.read(spread.file_of(Path(path)))[0]["about"]


def check_same(path: os.PathLike | str, stored: Mapping[str, str], now: Mapping[str, str]) -> None:
    """Compare the digests that were stored in `path` with those of the run that is to go on from it, name by name.

    Raises:
        CheckpointError: where they differ; it says in what.
    """
    if differing := [name for name, digest in now.items() if stored.get(name) != digest]:
        *others, last = differing
        names = f"{', '.join(others)} and {last}" if others else last
        raise CheckpointError(f"{path} belongs to another run, whose {names} differed from what is given here")


def _named(tree: PyTree) -> list[tuple[str, Any]]:
    return [(jax.tree_util.keystr(path).lstrip("."), leaf) for path, leaf in jax.tree.leaves_with_path(tree)]


def _is_array(leaf: Any) -> bool:
    arrays = isinstance(leaf, jax.Array | np.ndarray | np.generic | jax.ShapeDtypeStruct)
    return arrays and not isinstance(leaf, _Plain)  # NumPy's double precision counts among Python's numbers


def _is_code(leaf: Any) -> bool:
    return callable(leaf) or isinstance(leaf, np.dtype)


def _kind(leaf: _Plain) -> type:
    return next(kind for kind in _KINDS if isinstance(leaf, kind))


def _storable(name: str, leaf: Any) -> jax.Array | np.ndarray:
    if isinstance(leaf, jax.ShapeDtypeStruct | np.ma.MaskedArray) or not archive.can_hold(leaf.dtype):
        raise CheckpointError(f"{name} is a {type(leaf).__name__} of {leaf.dtype}, which a checkpoint cannot hold")
    return leaf if isinstance(leaf, jax.Array) else np.asarray(leaf)


def _described(stored: Any, key: str | None) -> jax.ShapeDtypeStruct:
    """Give shape and dtype of an array, or of the random keys whose words it holds."""
    if key is None:
        return jax.ShapeDtypeStruct(stored.shape, stored.dtype)
    return jax.ShapeDtypeStruct(stored.shape[:-1], jax.random.key(0, impl=key).dtype)


def _compare(path: Path, name: str, leaf: Any, found: Any) -> None:
    """Refuse what cannot be put in the place of `leaf` as it is; a whole number can stand where a float is expected."""
    if isinstance(leaf, _Plain):
        kind = _kind(leaf)
        value = complex(*found) if isinstance(found, list) else found
        if type(value) is not kind and not (kind is float and type(value) is int and int(float(value)) == value):
            received = _words(found) if isinstance(found, jax.ShapeDtypeStruct) else repr(value)
            raise _misfit(path, f"{name} should be of type {kind.__name__}, but is {received}")
    elif not isinstance(found, jax.ShapeDtypeStruct):
        raise _misfit(path, f"{name} should be {_words(leaf)}, but is {found!r}")
    elif found.shape != leaf.shape or found.dtype.name != leaf.dtype.name:
        raise _misfit(path, f"{name} should be {_words(leaf)}, but is {_words(found)}")


def _words(array: Any) -> str:
    return f"{array.dtype.name}{list(array.shape)}"


def _misfit(path: Path, how: str) -> CheckpointError:
    return CheckpointError(f"{path} does not fit this model: {how}")


def _place(leaf: Any) -> NamedSharding | None:
    """Say how an array is laid out over a mesh; None leaves it to JAX."""
    sharding = getattr(leaf, "sharding", None)
    return sharding if isinstance(sharding, NamedSharding) else None


def _like(path: Path, name: str, leaf: Any, got: Any, key: str | None) -> Any:
    """Put an array where `leaf` is, in the same kind of array."""
    if isinstance(leaf, np.ndarray):
        return np.asarray(got, leaf.dtype)
    if isinstance(leaf, np.generic):
        return got[()]
    place = _place(leaf)
    if isinstance(got, np.ndarray):
        got = jnp.asarray(got) if place is None else jax.make_array_from_callback(got.shape, place, got.__getitem__)
    got = got if key is None else jax.random.wrap_key_data(got, impl=key)
    if got.dtype != leaf.dtype:
        raise _misfit(path, f"{name} is of {leaf.dtype}, which JAX takes only where jax_enable_x64 is set")
    return got
