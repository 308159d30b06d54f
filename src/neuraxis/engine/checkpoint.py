"""Checkpoints: any pytree in one safetensors file. No pickle, written atomically, verified when read.

The file stores every array under its path in the pytree (`layers[0].weight`), and in its header the Python numbers and
strings among the leaves, the kinds of random keys, additional information from the caller, and the structure of the
pytree: classes and functions by name. `load` thus rebuilds the model, or fills a given one, or a part of it. Leaves of
any other kind cannot be stored, and `save` refuses them.

There are two formats. Arrays held entirely by one process, on one or several devices, are written to one safetensors
file, which other programs can read: everything that is exported has this format. Arrays of which every process holds
only a part need not fit into one host. They are written with orbax, each process its part, into a folder that must be
visible to all; the file with everything else is in the same folder. `save` determines which format is needed, and
reading which one was used.
"""

import json
import os
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np
from jax.core import Tracer
from jaxtyping import PyTree

from neuraxis import check
from neuraxis.engine import archive, leaves, spread, structure
from neuraxis.engine.interrupt import hold_interrupts
from neuraxis.engine.leaves import Plain, is_array, is_stored, named
from neuraxis.engine.modes import for_use
from neuraxis.engine.parameters import picked
from neuraxis.errors import CheckpointError, InputError
from neuraxis.values import is_key


def save(path: os.PathLike | str, tree: PyTree, about: dict[str, Any] | None = None) -> None:
    """Write a tree to a file; if several processes run, call this in all of them.

    An interrupt is deferred until everything is written.

    Args:
        path: path of the file, which is written atomically.
        tree: a model, or any other pytree.
        about: additional information to store, anything that JSON can represent.

    Raises:
        CheckpointError: for a leaf that cannot be stored, which the message names; for a path that is a folder with
            other files.
        InputError: for an `about` that JSON cannot represent; if arrays are distributed over several processes and
            orbax is not installed.
        OSError: if the file cannot be written; an existing checkpoint is then left unchanged.
    """
    path, remembered, arrays, plain, keys = check.path("path", path), _remembered(about), {}, {}, {}
    for name, leaf in named(tree).items():
        if is_array(leaf):
            if is_key(leaf):
                keys[name] = jax.random.key_impl(leaf)
            arrays[name] = _storable(name, leaf)
        elif isinstance(leaf, Plain):
            plain[name] = [leaf.real, leaf.imag] if isinstance(leaf, complex) else leaves.kind_of(leaf)(leaf)
        elif not (callable(leaf) or isinstance(leaf, np.dtype)):
            raise CheckpointError(
                f"{name or 'what is saved'} is a {type(leaf).__name__}, which a checkpoint cannot hold; "
                f"make it an equinox.Module, or another pytree"
            )
    whole = {name: np.asarray(array) for name, array in arrays.items() if not spread.is_spread(array)}
    content = {
        "plain": dict(sorted(plain.items())),
        "keys": dict(sorted(keys.items())),
        "about": remembered,
        "structure": structure.describe(tree),
    }
    with hold_interrupts():
        if whole.keys() != arrays.keys():
            spread.write(path, content, whole, {name: arrays[name] for name in arrays.keys() - whole.keys()})
        elif jax.process_index() == 0:
            file = spread.file_of(path)
            if file.is_dir():
                raise CheckpointError(f"{path} must be a file, but is a folder without a checkpoint")
            archive.write(file, content, whole)


def load(
    path: os.PathLike | str,
    like: PyTree = None,
    *,
    only: Callable[[Any], Any] | None = None,
    own: Collection[Any] = (),
) -> PyTree:
    """Read a model, ready for use: its layers are in inference mode.

    Without `like` the model is rebuilt from its description in the file. Nothing in the file is executed: its classes
    are modules that are already imported, or of neuraxis, and its functions are of neuraxis, JAX or NumPy. Others, such
    as a custom activation or a class that has moved, are listed in `own`. Functions without a name, such as lambdas,
    are taken from `like` only.

    Args:
        path: path of the checkpoint.
        like: a pytree of the same structure. Its arrays, or their shapes as from `eqx.filter_eval_shape`, determine the
            expected shapes and dtypes and the shardings of the result; NumPy arrays stay NumPy arrays.
        only: selects the part or parts to read, as in `lambda model: model.encoder`; the rest of `like` is unchanged,
            and other contents of the file are ignored.
        own: further classes and functions that the file may refer to.

    Raises:
        CheckpointError: if the checkpoint is missing, damaged, does not fit `like`, or cannot be rebuilt without it.
        InputError: for an `only` that selects nothing, and an `own` of anything but classes and functions.
    """
    path = check.path("path", path)
    check.no_class(like=like)
    if like is None and only is not None:
        raise InputError("only picks a part of a model, so the model must be given: load(path, model, only=…)")
    _check_own(own)
    if like is not None and own:
        raise InputError("own must be given only without a model to load into, but one is given")
    content, arrays = archive.read(spread.file_of(path))
    if like is None:
        like = _made_again(path, content, arrays, own)
    wanted = None if only is None else {name for name, chosen in named(picked(like, only, "only")).items() if chosen}
    return for_use(_filled(path, content, arrays, like, wanted))


def restore(path: os.PathLike | str, like: PyTree) -> PyTree:
    """Read any pytree as it was saved: `load` for the positions of training runs.

    Raises:
        CheckpointError: if the checkpoint is missing, damaged, or does not fit `like`.
    """
    path = check.path("path", path)
    return _filled(path, *archive.read(spread.file_of(path)), like)


def about(path: os.PathLike | str) -> dict[str, Any]:
    """Read the additional information that was given to `save`.

    Raises:
        CheckpointError: if the checkpoint is missing or damaged.
    """
    return archive.read(spread.file_of(check.path("path", path)))[0]["about"]


def check_same(path: os.PathLike | str, stored: Mapping[str, str], now: Mapping[str, str]) -> None:
    """Check that the digests stored in `path` equal those of the run that is to continue from it.

    Raises:
        CheckpointError: if they differ; the message names which.
    """
    if differing := [name for name, digest in now.items() if stored.get(name) != digest]:
        *others, last = differing
        names = f"{', '.join(others)} and {last}" if others else last
        raise CheckpointError(f"{path} belongs to another run, whose {names} differed from what is given here")


def _remembered(about: dict[str, Any] | None) -> dict[str, Any]:
    if about is not None and not isinstance(about, dict):
        raise InputError(f"about must be a dict, but is {check.received(about)}")
    try:
        json.dumps(about)
    except (TypeError, ValueError, RecursionError) as error:
        raise InputError(f"about must be what JSON can represent, but {error}") from None
    return about or {}


def _storable(name: str, leaf: Any) -> jax.Array | np.ndarray:
    if isinstance(leaf, Tracer):
        raise CheckpointError(f"{name} is being traced; a checkpoint is written outside of jit, grad and vmap")
    if isinstance(leaf, jax.Array) and leaf.is_deleted():
        raise CheckpointError(f"{name} has been deleted: its memory was donated to a compiled program")
    words = jax.random.key_data(leaf) if is_key(leaf) and isinstance(leaf, jax.Array) else leaf
    if isinstance(leaf, jax.ShapeDtypeStruct | np.ma.MaskedArray) or not archive.can_hold(words.dtype):
        raise CheckpointError(f"{name} is a {type(leaf).__name__} of {leaf.dtype}, which a checkpoint cannot hold")
    return words if isinstance(words, jax.Array) else np.asarray(words)


def _check_own(own: Any) -> None:
    listed = isinstance(own, list | tuple | set | frozenset)
    if not listed or not all(callable(thing) and hasattr(thing, "__qualname__") for thing in own):
        expected = "classes and functions, as in own=(Model, activation)"
        raise InputError(f"own must be {expected}, but is {check.received(own)}")


def _made_again(path: Path, content: dict[str, Any], arrays: dict[str, np.ndarray], own: Collection[Any]) -> PyTree:
    """Rebuild the tree that a file describes, with shapes and dtypes in place of its arrays."""
    if "structure" not in content:
        raise CheckpointError(f"{path} does not describe its structure: load it into a model, as in load(path, model)")
    shapes = {**arrays, **spread.shapes(content)}

    def expected(name: str, leaf: Any) -> Any:
        if not isinstance(leaf, structure.Leaf):
            return leaf
        if leaf.kind == "plain":
            value = content["plain"][name]
            return complex(*value) if isinstance(value, list) else value
        array = leaves.described(shapes[name], content["keys"].get(name))
        if leaf.kind == "jax":
            return array
        blank = np.zeros((), array.dtype)
        return np.broadcast_to(blank, array.shape) if leaf.kind == "numpy" else blank[()]

    try:
        made = structure.rebuild(content["structure"], own)
        return jax.tree.unflatten(jax.tree.structure(made), [expected(*item) for item in named(made).items()])
    except CheckpointError as error:
        raise CheckpointError(f"{path} needs a model to be loaded into, as in load(path, model): {error}") from error
    except (KeyError, ValueError, TypeError, AttributeError, RecursionError) as error:
        raise CheckpointError(f"{path} is damaged: it does not describe its structure ({error})") from error


def _filled(
    path: Path, content: dict[str, Any], arrays: dict[str, np.ndarray], like: PyTree, wanted: set[str] | None = None
) -> PyTree:
    """Replace the leaves of `like`, or those that are wanted, by what was read."""
    places = named(like)
    plain, keys, shapes = content["plain"], content["keys"], {**arrays, **spread.shapes(content)}
    expected = {name for name, leaf in places.items() if is_stored(leaf) and (wanted is None or name in wanted)}
    held = shapes.keys() | plain.keys()
    if wanted is not None and not expected:
        raise InputError("only must pick something that a checkpoint can hold, but picks nothing")
    misfits = [f"it lacks {name!r}" for name in sorted(expected - held)]
    misfits += [f"it also contains {name!r}" for name in sorted(held - expected) if wanted is None]
    for name in sorted(expected & held):
        found = plain[name] if name in plain else leaves.described(shapes[name], keys.get(name))
        if how := leaves.difference(places[name], found):
            misfits.append(f"{name} {how}")
    leaves.refuse(path, misfits)
    layout = {name: leaves.place(places[name]) for name in expected if name in shapes}
    read = {**arrays, **spread.read(path, content, layout)}

    def restored(name: str, leaf: Any) -> Any:
        if name not in expected:
            return leaf
        if name in plain:
            return type(leaf)(complex(*plain[name]) if isinstance(leaf, complex) else plain[name])
        return leaves.like(path, name, leaf, read[name], keys.get(name))

    return jax.tree.unflatten(jax.tree.structure(like), [restored(name, leaf) for name, leaf in places.items()])
