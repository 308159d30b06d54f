import io
import struct
import tarfile

import numpy as np
import pytest

from neuraxis.data import cifar10
from neuraxis.data.published import Published
from neuraxis.errors import DataError

NAMES = [f"cifar-10-batches-bin/data_batch_{i}.bin" for i in range(1, 6)] + ["cifar-10-batches-bin/test_batch.bin"]


def write(images, labels):
    """Write records byte by byte: the label, then the planes of red, green and blue."""
    records = []
    for image, label in zip(images, labels, strict=True):
        planes = [int(image[row, column, channel]) for channel in range(3) for row in range(32) for column in range(32)]
        records.append(struct.pack("B", label) + bytes(planes))
    return b"".join(records)


@pytest.fixture(scope="module")
def batches():
    rng = np.random.default_rng(0)
    return {name: (rng.integers(0, 256, (4, 32, 32, 3), np.uint8), rng.integers(0, 10, 4, np.uint8)) for name in NAMES}


def test_records_are_read_with_the_channel_last(batches):
    images, labels = batches[NAMES[0]]
    read_images, read_labels = cifar10.parse(write(images, labels), "batch")
    np.testing.assert_array_equal(read_images, images)
    np.testing.assert_array_equal(read_labels, labels)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "batch must contain records of 3073 bytes, but contains 0"),
        (bytes(3072), "but contains 3072 bytes"),
        (bytes(3074), "but contains 3074 bytes"),
        (b"\x0a" + bytes(3072), "labels from 0 to 9, but contains 10"),
    ],
)
def test_malformed_batches_are_refused(content, message):
    with pytest.raises(DataError, match=message):
        cifar10.parse(content, "batch")


@pytest.mark.parametrize("packed", [True, False])
def test_archive_and_unpacked_folder(own, batches, sha256, packed):
    contents = {name: write(*batch) for name, batch in batches.items()}
    folder = own / "cifar10"
    folder.mkdir()
    with tarfile.open(folder / "cifar-10-binary.tar.gz", "w:gz") as archive:
        for name in reversed(NAMES):  # the order in the archive must not matter
            member = tarfile.TarInfo(name)
            member.size = len(contents[name])
            archive.addfile(member, io.BytesIO(contents[name]))
    digests = {name: sha256(content) for name, content in contents.items()}
    archive_digest = sha256((folder / "cifar-10-binary.tar.gz").read_bytes())
    if not packed:
        (folder / "cifar-10-binary.tar.gz").unlink()
        (folder / "cifar-10-batches-bin").mkdir()
        for name, content in contents.items():
            (folder / name).write_bytes(content)
    data = cifar10.load((Published("cifar10/cifar-10-binary.tar.gz", digests, packed=archive_digest, size=4 * 3073),))
    np.testing.assert_array_equal(data.train_x, np.concatenate([batches[name][0] for name in NAMES[:5]]))
    np.testing.assert_array_equal(data.train_y, np.concatenate([batches[name][1] for name in NAMES[:5]]))
    np.testing.assert_array_equal(data.test_x, batches[NAMES[5]][0])
    np.testing.assert_array_equal(data.test_y, batches[NAMES[5]][1])
    assert data.train_x.flags.c_contiguous
    assert data.test_x.flags.c_contiguous
    assert data.description == "CIFAR-10, 20 + 4 images of 32×32×3"


def test_published_files_name_the_members_that_are_read():
    assert list(cifar10.FILES[0].contents) == NAMES
