"""File format of checkpoints: named arrays and a JSON text in one safetensors file, verified by a SHA-256.

Files of equal content have equal bytes. Dtypes that the safetensors reader for NumPy does not support (float8,
complex128, int4) are stored as bytes along an additional last axis.
"""

import hashlib
import json
import math
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save as to_bytes

from neuraxis.errors import CheckpointError
from neuraxis.files import write_atomically

_FORMAT = "neuraxis checkpoint 2"
_ENTRY = "neuraxis"  # the only entry of the file's metadata, as their order is undefined
_WRITTEN_AS_THEY_ARE = {"bool", "bfloat16", "complex64"} | {
    f"{kind}{bits}" for kind, sizes in {"int": (8, 16, 32, 64), "float": (16, 32, 64)}.items() for bits in sizes
}
_WRITTEN_AS_THEY_ARE |= {f"u{name}" for name in _WRITTEN_AS_THEY_ARE if name.startswith("int")}


def can_hold(dtype: np.dtype) -> bool:
    """Return whether arrays of that dtype can be written: numbers and booleans, of a platform-independent size."""
    is_number = dtype.kind == "b" or bool(jnp.issubdtype(dtype, np.number))
    return is_number and dtype.type not in (np.longdouble, np.clongdouble)  # whose width depends on the machine


def write(path: Path, content: dict[str, Any], arrays: dict[str, np.ndarray]) -> None:
    """Write `content` (anything that JSON can represent) and `arrays` (any strides and byte order).

    Raises:
        OSError: if the file cannot be written; an existing file is then left unchanged.
    """
    dtypes = {n: a.dtype.name for n, a in sorted(arrays.items()) if a.dtype.name not in _WRITTEN_AS_THEY_ARE}
    packed = {name: _pack(array) for name, array in sorted(arrays.items())}
    text = json.dumps({"format": _FORMAT, "dtypes": dtypes, **content})
    write_atomically(path, to_bytes(packed, metadata={_ENTRY: _digest(text, packed) + text}))


def read(path: Path) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Read the content and the arrays that `write` wrote.

    Raises:
        CheckpointError: if the file is missing, damaged, or not a checkpoint.
    """
    try:
        with safe_open(path, framework="np") as file:
            metadata = dict(file.metadata() or {})
            packed = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
    except FileNotFoundError as error:
        raise CheckpointError(f"there is no checkpoint {path}") from error
    except (SafetensorError, OSError, ValueError, AttributeError) as error:
        raise CheckpointError(f"{path} is damaged or not a checkpoint: {error}") from error
    entry = metadata.get(_ENTRY)
    if entry is None:
        found = f"its format is {metadata.get('format')!r} instead of {_FORMAT!r}"
        raise CheckpointError(f"{path} is not a checkpoint of this version of neuraxis: {found}")
    size = hashlib.sha256().digest_size * 2
    digest, text = entry[:size], entry[size:]
    if digest != _digest(text, packed):
        raise CheckpointError(f"{path} is damaged: its content does not match its SHA-256")
    content = json.loads(text)
    arrays = {n: _unpack(a, content["dtypes"][n]) if n in content["dtypes"] else a for n, a in packed.items()}
    return content, arrays


def _pack(array: np.ndarray) -> np.ndarray:
    array = np.asarray(array, array.dtype.newbyteorder("<"), order="C")
    if array.dtype.name in _WRITTEN_AS_THEY_ARE:
        return array
    return array.reshape(-1).view(np.uint8).reshape(*array.shape, array.dtype.itemsize)


def _unpack(packed: np.ndarray, dtype: str) -> np.ndarray:
    shape = packed.shape[:-1]
    return packed.reshape(-1).view(np.dtype(dtype)).reshape(shape) if math.prod(shape) else np.empty(shape, dtype)


def _digest(text: str, packed: dict[str, np.ndarray]) -> str:
    digest = hashlib.sha256(text.encode())
    for name in sorted(packed):
        digest.update(f"{name} {packed[name].dtype} {packed[name].shape}".encode())
        digest.update(packed[name].tobytes())
    return digest.hexdigest()
