"""Checkpoints of arrays that are distributed over processes: a folder, written by all processes together.

It contains `state.safetensors` (see `archive`) and `arrays-N`, written by orbax, whose SHA-256 is recorded in
`state.safetensors`. A new state is written to a new `arrays-N`. Only when every process has written its part is the
file replaced, atomically, by one that refers to the new arrays, so that a writer that is killed leaves the complete old
state.
"""

import hashlib
import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import jax
import numpy as np
from jax.sharding import Sharding, SingleDeviceSharding

from neuraxis.engine import archive
from neuraxis.errors import CheckpointError, InputError
from neuraxis.files import sweep

_FILE = "state.safetensors"
_OURS = re.compile(rf"arrays-(\d+).*|\.?{re.escape(_FILE)}.*")


def is_spread(array: Any) -> bool:
    """Return whether an array is distributed, so that no process holds all of it; an empty array never is."""
    whole = not isinstance(array, jax.Array) or array.is_fully_addressable or array.is_fully_replicated
    return not whole and array.size > 0


def file_of(path: Path) -> Path:
    """Return the file of a checkpoint: the one inside, if the checkpoint is a folder."""
    folder = path if path.exists() else _before_the_move(path)
    return folder / _FILE if (folder / _FILE).exists() else path


def _before_the_move(path: Path) -> Path:
    """Return the folder that will replace a file; a writer that is killed may leave it under this name."""
    return path.with_name(f".{path.name}.folder")


def write(path: Path, content: dict[str, Any], whole: dict[str, np.ndarray], spread: dict[str, jax.Array]) -> None:
    """Write a state; all processes call this together.

    Args:
        path: folder visible to all processes. A checkpoint file at this path becomes the first state of the folder.
        content: anything that JSON can represent.
        whole: arrays that every process has.
        spread: arrays that are distributed over the processes.

    Raises:
        InputError: if orbax is not installed.
        CheckpointError: if the folder contains other files.
        OSError: if the folder cannot be written; an existing checkpoint is then left unchanged.
    """
    orbax, first = _orbax(), jax.process_index() == 0
    from jax.experimental.multihost_utils import broadcast_one_to_all, sync_global_devices

    number = int(broadcast_one_to_all(np.int32(_make_room(path) if first else 0)))
    if number == 0:
        raise CheckpointError(f"{path} cannot become a checkpoint: it is a folder that contains other files")
    folder = path / f"arrays-{number}"
    with orbax.StandardCheckpointer() as checkpointer:  # ends when all processes are done
        checkpointer.save(folder.absolute(), spread)
    digest = _digest(folder)
    if first:
        shapes = {name: [array.dtype.name, list(array.shape)] for name, array in sorted(spread.items())}
        described = {"folder": folder.name, "sha256": digest, "shapes": shapes}
        archive.write(path / _FILE, {**content, "spread": described}, whole)
        _remove_arrays(path, keep=folder.name)
    sync_global_devices(f"{path} is written")


def shapes(content: dict[str, Any]) -> dict[str, jax.ShapeDtypeStruct]:
    """Return the shapes and dtypes of the distributed arrays of a state, by name."""
    described = content.get("spread", {"shapes": {}})["shapes"]
    return {name: jax.ShapeDtypeStruct(shape, np.dtype(dtype)) for name, (dtype, shape) in described.items()}


def read(path: Path, content: dict[str, Any], places: Mapping[str, Sharding | None]) -> dict[str, jax.Array]:
    """Read distributed arrays of a state in the given shardings, or onto the first device if a sharding is None.

    All processes call this together.

    Args:
        path: path of the folder.
        content: content of its file.
        places: shardings by the names of the arrays to read; names of other arrays are ignored.

    Raises:
        CheckpointError: if arrays are missing or damaged.
        InputError: if orbax is not installed.
    """
    found = {name: array for name, array in shapes(content).items() if name in places}
    if not found:
        return {}
    orbax, alone = _orbax(), SingleDeviceSharding(jax.local_devices()[0])
    wanted = {
        name: jax.ShapeDtypeStruct(array.shape, array.dtype, sharding=places[name] or alone)
        for name, array in found.items()
    }
    folder = path / content["spread"]["folder"]
    restored = orbax.checkpoint_utils.construct_restore_args(wanted)
    try:
        if _digest(folder) == content["spread"].get("sha256"):
            with orbax.PyTreeCheckpointer() as checkpointer:
                how = orbax.args.PyTreeRestore(wanted, restored, partial_restore=True)
                return checkpointer.restore(folder.absolute(), how)
    except (OSError, ValueError, KeyError) as error:
        raise CheckpointError(f"{folder} is damaged: {str(error).splitlines()[0]}") from error
    raise CheckpointError(f"{folder} is damaged: its content does not match its SHA-256")


def _digest(folder: Path) -> str:
    """Return one SHA-256 of all files; every process reads its share, and all call this together."""
    from jax.experimental.multihost_utils import process_allgather

    files = sorted(file for file in folder.rglob("*") if file.is_file())
    digests = np.zeros((len(files), 32), np.uint8)
    for i in range(jax.process_index(), len(files), jax.process_count()):
        with files[i].open("rb") as stream:
            digests[i] = np.frombuffer(hashlib.file_digest(stream, "sha256").digest(), np.uint8)
    if jax.process_count() > 1:
        digests = np.asarray(process_allgather(digests)).max(axis=0)  # 0 for files read by others
    names = [file.relative_to(folder).as_posix() for file in files]
    return hashlib.sha256(repr(names).encode() + digests.tobytes()).hexdigest()


def _make_room(path: Path) -> int:
    """Make the folder and remove what a killed writer left. Return the next number, or 0 if it has other files."""
    folder = _before_the_move(path)
    if path.is_file():
        folder.mkdir(exist_ok=True)
        shutil.copy2(path, folder / _FILE)
        path.unlink()
    if folder.exists() and not path.exists():
        os.rename(folder, path)
    path.mkdir(parents=True, exist_ok=True)
    found = [_OURS.fullmatch(entry.name) for entry in path.iterdir()]
    if not all(found):
        return 0
    sweep(path / _FILE)
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
            "weights that are distributed over several processes are saved with orbax, which is not installed: "
            'pip install "neuraxis[hosts]"'
        ) from None
    return orbax.checkpoint
