"""Loading of weights that another program wrote to a safetensors file, by a mapping of names."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np
from jaxtyping import PyTree
from safetensors import SafetensorError, safe_open

from neuraxis import check
from neuraxis.engine import leaves
from neuraxis.engine.modes import for_use
from neuraxis.engine.parameters import picked
from neuraxis.errors import CheckpointError, InputError
from neuraxis.values import is_key

Place = Callable[[Any], Any]  # selects an array of the model, as in `lambda model: model.layers[0].weight`
Change = Callable[[np.ndarray], np.ndarray]  # converts an array of the file to the layout of the model


def load_foreign(
    path: os.PathLike | str,
    model: PyTree,
    names: Mapping[str, Place | tuple[Place, Change] | None],
    *,
    only: Callable[[Any], Any] | None = None,
) -> PyTree:
    """Load the weights of another program into a model, ready for use: its layers are in inference mode.

    Each array of the file goes to the place given for its name, unchanged or converted. PyTorch stores the weight of a
    linear layer as (out, in), which `(place, np.transpose)` converts, and the kernel of a convolution as
    (out, in, height, width), which `(place, lambda w: w.transpose(2, 3, 1, 0))` converts. Nothing is inferred: a square
    matrix would fit either way. Numbers of lower precision are promoted; a lower precision in the model needs an
    explicit conversion, such as `lambda w: w.astype("float32")`.

    Args:
        path: path of a safetensors file.
        model: model to load the weights into.
        names: for the name of each array in the file, the place where it goes, or a place and a conversion; None
            ignores the array.
        only: selects the parts of the model to fill, as in `lambda model: model.encoder`; by default every array must
            be filled.

    Raises:
        CheckpointError: if the file is missing, not a safetensors file, or does not fit; the message lists mismatches.
        InputError: if `names` is not a mapping, or a place is not in the model.
    """
    path = check.path("path", path)
    if not isinstance(names, Mapping):
        raise InputError(f"names must map names in the file to places in the model, but is {check.received(names)}")
    places = leaves.named(model)
    targets = {name: _target(model, name, place) for name, place in names.items() if place is not None}
    found = _read(path)
    misfits = [f"it lacks {name!r}" for name in names if name not in found]
    misfits += [f"{name!r} has no place (None ignores it)" for name in found if name not in names]
    filled = [place for place, _ in targets.values()]
    misfits += [f"{place} is filled twice" for place in sorted({p for p in filled if filled.count(p) > 1})]
    misfits += [f"{place} is not filled" for place in _to_be_filled(model, only) if place not in filled]
    values = {}
    for name in targets.keys() & found.keys():
        place, change = targets[name]
        values[place] = _changed(name, change, found[name])
        misfits += _difference(name, place, places[place], values[place])
    leaves.refuse(path, misfits)
    new = [leaves.like(path, n, x, values[n].astype(x.dtype), None) if n in values else x for n, x in places.items()]
    return for_use(jax.tree.unflatten(jax.tree.structure(model), new))


def _target(model: PyTree, name: str, place: Place | tuple[Place, Change]) -> tuple[str, Change]:
    """Return the path of the array that a place selects, and the conversion."""
    where: Any = place
    change: Change = np.asarray
    if isinstance(place, tuple) and len(place) == 2:
        where, change = place
    label = f"the place of {name!r}"
    check.functions(**{f"the change of {name!r}": change})
    chosen = [leaf for leaf, is_chosen in leaves.named(picked(model, where, label)).items() if is_chosen]
    if len(chosen) != 1 or chosen[0] not in _to_be_filled(model, None):
        raise InputError(f"{label} must be one array of the model, but is {', '.join(chosen) or 'empty'}")
    return chosen[0], change


def _to_be_filled(model: PyTree, only: Callable[[Any], Any] | None) -> list[str]:
    arrays = {name for name, leaf in leaves.named(model).items() if leaves.is_array(leaf) and not is_key(leaf)}
    if only is not None:
        arrays &= {name for name, is_chosen in leaves.named(picked(model, only, "only")).items() if is_chosen}
    return sorted(arrays)


def _read(path: Path) -> dict[str, np.ndarray]:
    try:
        with safe_open(path, framework="np") as file:
            return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
    except FileNotFoundError as error:
        raise CheckpointError(f"there is no file {path}") from error
    except (SafetensorError, OSError, ValueError, TypeError, AttributeError) as error:
        raise CheckpointError(
            f"{path} is not a safetensors file, or is damaged: {error}; other formats are not read"
        ) from error


def _changed(name: str, change: Change, array: np.ndarray) -> np.ndarray:
    try:
        changed = np.asarray(change(array))
    except Exception as error:
        raise InputError(f"the change of {name!r}, {leaves.words(array)}, fails: {error}") from error
    return changed


def _difference(name: str, place: str, leaf: Any, value: np.ndarray) -> list[str]:
    """Return a list with the reason why a value does not fit its place, empty if it does."""
    if value.shape != leaf.shape:
        turned = "; transposed it fits: (place, np.transpose)" if value.T.shape == leaf.shape else ""
        return [f"{place} should be {leaves.words(leaf)}, but {name!r} gives {leaves.words(value)}{turned}"]
    if not np.can_cast(value.dtype, leaf.dtype):
        cure = f"(place, lambda w: w.astype({leaf.dtype.name!r})) rounds it"
        return [f"{place} is {leaf.dtype.name}, which cannot hold {name!r} of {value.dtype.name}; {cure}"]
    return []
