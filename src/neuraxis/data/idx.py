"""The IDX format of MNIST, and a loader for data sets published as four IDX files."""

import math
import struct

import numpy as np
from jaxtyping import Shaped

from neuraxis import check
from neuraxis.data import published
from neuraxis.data.dataset import Dataset
from neuraxis.data.published import Published
from neuraxis.errors import DataError

_DTYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}


def parse(content: bytes, source: str) -> Shaped[np.ndarray, "..."]:
    """Parse an IDX file: two zero bytes, a type code, the number of axes, their sizes, and the values.

    Sizes are 32-bit integers and, like the values, big-endian; the last axis varies fastest. Bytes are not copied.

    Args:
        content: content of the uncompressed file.
        source: name of the file in error messages.

    Raises:
        DataError: if it is not bytes, not IDX, still compressed, or has more or fewer bytes than its header says.
    """
    if not isinstance(content, bytes | bytearray):
        raise DataError(f"{source} must be bytes, but is {check.received(content)}")
    if content[:2] == b"\x1f\x8b":
        raise DataError(f"{source} is compressed by gzip; decompress it first, as with gzip.decompress")
    if len(content) < 4 or content[:2] != b"\0\0" or content[2] not in _DTYPES or content[3] == 0:
        codes = ", ".join(f"{code:02x}" for code in _DTYPES)
        raise DataError(
            f"{source} is not an IDX file: it must begin with 00 00, a type code of {codes} and the number of axes, "
            f"but begins with {content[:4].hex(' ') or 'nothing'}"
        )
    dtype, axes = np.dtype(_DTYPES[content[2]]), content[3]
    header = 4 + 4 * axes
    if len(content) < header:
        raise DataError(f"{source} must contain {header} bytes of header for {axes} axes, but contains {len(content)}")
    shape = struct.unpack_from(f">{axes}I", content, 4)
    expected = header + math.prod(shape) * dtype.itemsize
    if len(content) != expected:
        raise DataError(f"{source} must contain {expected} bytes for shape {shape}, but contains {len(content)}")
    try:
        values = np.frombuffer(content, dtype, offset=header).reshape(shape)
    except ValueError as error:
        raise DataError(f"{source} cannot be read: shape {shape} is more than NumPy holds") from error
    return values.astype(dtype.newbyteorder("="), copy=False)


def load(name: str, title: str, files: tuple[Published, ...], classes: tuple[str, ...]) -> Dataset:
    """Load images (count, height, width) and labels (count) from four IDX files.

    Args:
        name: name of the data set.
        title: its display name.
        files: training images, training labels, test images and test labels.
        classes: names of the classes.

    Raises:
        DataError: if a file is missing, damaged or altered.
    """
    arrays = []
    for file in files:
        [(content_name, content)] = published.read(file)
        arrays.append(parse(content, content_name))
    train_x, train_y, test_x, test_y = arrays
    return Dataset(name, train_x, train_y, test_x, test_y, classes, title)
