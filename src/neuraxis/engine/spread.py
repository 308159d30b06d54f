"""Checkpoints of arrays of which every process holds a part: a folder, written by all processes together.

It holds `state.safetensors` (see `archive`) and `arrays-N`, which orbax writes. A new state goes into a new `arrays-N`.
Only when every process has written its part does the file begin, in one move, to point there; so a writer that is
killed leaves the old state, whole.
"""

import os
import re
import shutil
from pathlib import Path
from types import ModuleType
from typing import Any

import jax
import numpy as np
from jax.sharding import Sharding, SingleDeviceSharding

from neuraxis.engine import archive
from neuraxis.errors import CheckpointError, InputError

_FILE = "state.safetensors"
_OURS = re.compile(rf"arrays-(\d+).*|\.?{re.escape(_FILE)}.*")


def is_spread(array: Any) -> bool:
    """Say whether no process holds all of an array. Of an empty one there is nothing to hold."""
    whole = not isinstance(array, jax.Array) or array.is_fully_addressable or array.is_fully_replicated
    return not whole and array.size > 0


def file_of(path: Path) -> Path:
    """Give the file of a checkpoint: the one in its folder, where it is a folder."""
    return path / _FILE if (path / _FILE).exists() else path


def write(path: Path, content: dict[str, Any], whole: dict[str, np.ndarray], spread: dict[str, jax.Array]) -> None:
    """Write a state; all processes call it together.

    Args:
        path: a folder that all processes see. A checkpoint of one file there becomes the first state of the folder.
        content: what JSON can hold.
        whole: arrays that every process has.
        spread: arrays that are spread over the processes.

    Raises:
        InputError: where orbax is not installed.
        CheckpointError: where the folder holds something else.
        OSError: where the folder cannot be written; an older checkpoint is then untouched.
    """
    orbax, first = _orbax(), jax.process_index() == 0
    from jax.experimental.multihost_utils import broadcast_one_to_all, sync_global_devices

    number = int(broadcast_one_to_all(np.int32(_make_room(path) if first else 0)))
    if number == 0:
        raise CheckpointError(f"{path} cannot become a checkpoint: it is a folder with something else in it")
    folder = path / f"arrays-{number}"
    with orbax.StandardCheckpointer() as checkpointer:  # ends when all processes are done
        checkpointer.save(folder.absolute(), spread)
    if first:
        shapes = {name: [array.dtype.name, list(array.shape)] for name, array in sorted(spread.items())}
        archive.write(path / _FILE, {**content, "spread": {"folder": folder.name, "shapes": shapes}}, whole)
        _remove_arrays(path, keep=folder.name)
    sync_global_devices(f"{path} is written")


def shapes(content: dict[str, Any]) -> dict[str, jax.ShapeDtypeStruct]:
    """Give the spread arrays of a state by name."""
    described = content.get("spread", {"shapes": {}})["shapes"]
    return {name: jax.ShapeDtypeStruct(shape, np.dtype(dtype)) for name, (dtype, shape) in described.items()}


def read(path: Path, content: dict[str, Any], places: dict[str, Sharding | None]) -> dict[str, jax.Array]:
    """Read the spread arrays of a state: each process what the shardings say, the first device all where they are None.

    Raises:
        CheckpointError: where arrays are missing or damaged.
        InputError: where orbax is not installed.
    """
    found = shapes(content)
    if not found:
        return {}
    orbax, alone = _orbax(), SingleDeviceSharding(jax.local_devices()[0])
    wanted = {
        name: jax.ShapeDtypeStruct(array.shape, array.dtype, sharding=places[name] or alone)
        for name, array in found.items()
    }
    folder = path / content["spread"]["folder"]
    try:
        with orbax.StandardCheckpointer() as checkpointer:
            return checkpointer.restore(folder.absolute(), wanted)
    except (OSError, ValueError, KeyError) as error:
        raise CheckpointError(f"{folder} is damaged: {str(error).splitlines()[0]}") from error


def _make_room(path: Path) -> int:
    """Make the folder and remove what a killed writer left in it. Give the next number, or 0 if it is not ours."""
    if path.is_file():
        folder = path.with_name(f".{path.name}.folder")
        folder.mkdir(exist_ok=True)
        shutil.copy2(path, folder / _FILE)
        path.unlink()
        os.rename(folder, path)
    path.mkdir(parents=True, exist_ok=True)
    found = [_OURS.fullmatch(entry.name) for entry in path.iterdir()]
    if not all(found):
        return 0
    points_to = ""
    if (path / _FILE).exists():
        points_to = archive.read(path / _FILE)[0].get("spread", {"folder": ""})["folder"]
    _remove_arrays(path, keep=points_to)
    return 1 + max((int(match[1]) for match in found if match and match[1]), default=0)


def _remove_arrays(path: Path, keep: str) -> None:
    for folder in path.glob("arrays-*"):
        if folder.name != keep:
            shutil.rmtree(folder)


def _orbax() -> ModuleType:
    try:
        import orbax.checkpoint
    except ImportError:
        raise InputError(
            "weights that are spread over several processes are saved with orbax, which is not installed: "
            'pip install "neuraxis[hosts]"'
        ) from None
    return orbax.checkpoint
