"""A message to the browser: a JSON text with references to its arrays, followed by the arrays as binary data.

Layout: the length of the JSON as 32 bits, the JSON padded with blanks to a multiple of four bytes, and the arrays, each
also padded. In the JSON an array is `{"array": offset, "type": "f4" | "i4" | "u1", "shape": […]}`.
"""

import json
import struct
from dataclasses import fields, is_dataclass
from typing import Any

import jax
import numpy as np

_TYPES = {"f": np.dtype("<f4"), "i": np.dtype("<i4"), "u": np.dtype("<i4"), "b": np.dtype("u1")}


def encode(message: Any) -> bytes:
    """Encode a message of dictionaries, sequences, texts, numbers, dataclasses and arrays."""
    buffers: list[bytes] = []
    size = 0

    def plain(part: Any) -> Any:
        nonlocal size
        if isinstance(part, jax.Array | np.ndarray) and np.ndim(part):
            array = np.ascontiguousarray(part)
            array = array.astype(_TYPES[array.dtype.kind], copy=False)
            place = {"array": size, "type": array.dtype.str[1:], "shape": array.shape}
            buffers.append(array.tobytes() + bytes(-array.nbytes % 4))
            size += len(buffers[-1])
            return place
        if isinstance(part, jax.Array | np.ndarray | np.generic):
            return plain(part.item())
        if is_dataclass(part):
            content = {each.name: plain(getattr(part, each.name)) for each in fields(part)}
            return {"kind": type(part).__name__, **content}
        if isinstance(part, dict):
            return {key: plain(value) for key, value in part.items()}
        if isinstance(part, list | tuple):
            return [plain(entry) for entry in part]
        if isinstance(part, float) and not np.isfinite(part):
            return None
        return part

    text = json.dumps(plain(message), ensure_ascii=False, allow_nan=False).encode()
    text += b" " * (-len(text) % 4)
    return struct.pack("<I", len(text)) + text + b"".join(buffers)
