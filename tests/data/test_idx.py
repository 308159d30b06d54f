import gzip
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from neuraxis.data import idx
from neuraxis.data.published import Published
from neuraxis.errors import DataError

# The type codes of the format's description, each with the letter of Python's own packing.
CODES = {"uint8": (0x08, "B"), "int8": (0x09, "b"), "int16": (0x0B, "h"), "int32": (0x0C, "i")} | {
    "float32": (0x0D, "f"),
    "float64": (0x0E, "d"),
}


def write(array):
    """Write IDX with `struct`, value by value."""
    code, letter = CODES[array.dtype.name]
    header = struct.pack(f">BBBB{array.ndim}I", 0, 0, code, array.ndim, *array.shape)
    return header + b"".join(struct.pack(f">{letter}", value) for value in array.ravel().tolist())


@given(data=st.data(), name=st.sampled_from(sorted(CODES)))
@settings(max_examples=60, deadline=None)
def test_what_was_written_is_read(data, name):
    shapes = hnp.array_shapes(min_dims=1, max_dims=4, min_side=0, max_side=4)
    array = data.draw(hnp.arrays(name, shapes))
    read = idx.parse(write(array), "file")
    assert read.dtype == array.dtype
    assert read.dtype.isnative
    np.testing.assert_array_equal(read, array)


def test_a_known_file():
    images = bytes.fromhex("00000803 00000002 00000002 00000003") + bytes(range(12))
    np.testing.assert_array_equal(idx.parse(images, "file"), np.arange(12).reshape(2, 2, 3))


def test_bytes_are_not_copied():
    content = bytes.fromhex("00000801 00000003 010203")
    assert not idx.parse(content, "file").flags.owndata


def test_what_is_no_bytes_is_refused(as_user):
    for content in (None, "text", 3, [0, 0], np.zeros(3)):
        with pytest.raises(DataError, match="labels must be bytes, but is "):
            idx.parse(content, "labels")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "labels is not an IDX file: .* begins with nothing"),
        (gzip.compress(b"", mtime=0), r"labels is compressed by gzip; decompress it first, as with gzip\.decompress"),
        (b"\0\0\x08", "not an IDX file: .* begins with 00 00 08"),
        (bytes.fromhex("00010801 00000001 07"), "not an IDX file: .* begins with 00 01 08 01"),
        (bytes.fromhex("00000a01 00000001 07"), "a type code of 08, 09, 0b, 0c, 0d, 0e .* begins with 00 00 0a 01"),
        (bytes.fromhex("00000800 07"), "not an IDX file: .* begins with 00 00 08 00"),
        (bytes.fromhex("00000803 00000001"), "labels must contain 16 bytes of header for 3 axes, but contains 8"),
        (bytes.fromhex("00000801 00000003 0102"), r"labels must contain 11 bytes for shape \(3,\), but contains 10"),
        (bytes.fromhex("00000801 00000003 01020304"), r"must contain 11 bytes for shape \(3,\), but contains 12"),
        (bytes.fromhex("00000c01 00000002 00000001"), r"must contain 16 bytes for shape \(2,\), but contains 12"),
        (
            bytes.fromhex("00000841") + bytes.fromhex("00000001") * 65 + b"\0",
            r"shape \(1, 1, .* is more than NumPy holds",
        ),
        (bytes.fromhex("00000803 00000000") + b"\xff" * 8, r"shape \(0, 4294967295, 4294967295\) is more than NumPy"),
        (
            bytes.fromhex("00000804") + b"\xff" * 16 + b"\0",
            "must contain 340282366604025813516997721482669850645 bytes",
        ),
    ],
)
def test_malformed_content_is_refused(content, message):
    with pytest.raises(DataError, match=message):
        idx.parse(content, "labels")


@given(st.binary(max_size=40))
@settings(max_examples=100, deadline=None)
def test_any_bytes_give_an_array_or_a_data_error(content):
    try:
        array = idx.parse(content, "file")
    except DataError:
        return
    assert len(content) == 4 + 4 * array.ndim + array.nbytes


def test_four_files_make_a_data_set(own, sha256):
    arrays = {
        "train-x": np.arange(24, dtype=np.uint8).reshape(4, 3, 2),
        "train-y": np.array([0, 1, 1, 0], np.uint8),
        "test-x": np.arange(6, dtype=np.uint8).reshape(1, 3, 2),
        "test-y": np.array([1], np.uint8),
    }
    (own / "made").mkdir()
    files = []
    for name, array in arrays.items():
        (own / f"made/{name}.gz").write_bytes(gzip.compress(write(array)))
        files.append(Published(f"made/{name}.gz", {name: sha256(write(array))}, size=len(write(array))))
    data = idx.load("made", "Made", tuple(files), ("no", "yes"))
    assert data.description == "Made, 4 + 1 images of 3×2"
    for array, read in zip(arrays.values(), (data.train_x, data.train_y, data.test_x, data.test_y), strict=True):
        np.testing.assert_array_equal(read, array)
