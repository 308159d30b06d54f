import os

import numpy as np
import pytest

from neuraxis.data.source import ArraySource
from neuraxis.errors import DataError, InputError
from neuraxis.kinds import Source

indices = np.array([7, 0, 3, 3])


@pytest.fixture
def mapped(tmp_path):
    """An array that begins in the middle of a file."""
    path = tmp_path / "array.bin"
    content = np.random.default_rng(0).normal(size=(12, 3, 2)).astype(np.float32)
    path.write_bytes(b"header" * 1000 + content.tobytes())
    return np.memmap(path, np.float32, "r", offset=6000, shape=content.shape), content


@pytest.mark.parametrize(
    "part",
    [
        lambda x: x,
        lambda x: x[2:],
        lambda x: x[1::2][:8],
        lambda x: x[:, 1],
        lambda x: x[:, 0, 1],
        lambda x: x[::-1],
        lambda x: x[..., ::-1],
    ],
)
def test_takes_what_indexing_gives(mapped, part):
    array, content = mapped
    whole = part(content)
    chosen = indices[indices < len(whole)]
    (taken,) = ArraySource(part(array)).take(chosen)
    np.testing.assert_array_equal(taken, whole[chosen])
    assert not isinstance(taken, np.memmap)


def test_changes_of_a_private_copy_are_seen(mapped):
    array, content = mapped
    private = np.memmap(array.filename, np.float32, "c", offset=6000, shape=content.shape)
    private[0] = 5.0
    np.testing.assert_array_equal(ArraySource(private).take(indices)[0][1], np.full((3, 2), 5.0))


def test_several_arrays_are_a_source(mapped):
    array, _ = mapped
    source = ArraySource(array, np.arange(12))
    assert isinstance(source, Source)
    assert len(source) == 12
    np.testing.assert_array_equal(source.take(indices)[1], indices)
    with pytest.raises(InputError, match="must agree along their first axis"):
        ArraySource(array, np.arange(11))


def test_a_file_that_shrinks_is_noticed(mapped):
    source = ArraySource(mapped[0])
    os.truncate(mapped[0].filename, 6010)
    with pytest.raises(DataError, match="has become shorter"):
        source.take(indices)


@pytest.mark.parametrize("change", ["replaced", "removed"])
def test_another_file_of_that_name_is_not_taken_for_the_mapped_one(mapped, change):
    array, content = mapped
    os.unlink(array.filename)
    if change == "replaced":
        array.filename.write_bytes(bytes(6000 + content.nbytes))
    np.testing.assert_array_equal(ArraySource(array).take(indices)[0], content[indices])
